package arguments

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"runner/lang"
	"runner/lang/diag"
)

// choice is a flag that takes one of a few words.
type choice[T ~string] struct {
	value *T
	words []string
}

func newChoice[T ~string](value *T, words []string) *choice[T] { return &choice[T]{value, words} }

// Set is called by pflag.
func (c *choice[T]) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("it takes %s.%s", alternatives(c.words), diag.DidYouMean(s, c.words))
	}
	*c.value = T(s)
	return nil
}

// alternatives joins words as a sentence does.
func alternatives(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (c *choice[T]) String() string { return string(*c.value) }

// Type is what help shows as the value.
func (c *choice[T]) Type() string { return strings.Join(c.words, "|") }

// Choices are the words that the flag takes.
func (c *choice[T]) Choices() []string { return slices.Clone(c.words) }

// varFlag is --var; it shares its list with --var-file, because the order among both counts.
type varFlag struct{ list *[]lang.VarInput }

// Set is called by pflag.
func (f *varFlag) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	// The value is not shown: one that was given in the wrong form may be a secret.
	switch {
	case !ok:
		return fmt.Errorf("the %s --var has no equals sign: write --var NAME=VALUE", ordinal(f.before()+1))
	case name == "":
		return fmt.Errorf("the %s --var has no name in front of the equals sign: write --var NAME=VALUE", ordinal(f.before()+1))
	}
	*f.list = append(*f.list, lang.VarInput{Name: strings.TrimSpace(name), Value: value})
	return nil
}

// before is how many --var have been read.
func (f *varFlag) before() int {
	n := 0
	for _, input := range *f.list {
		if input.File == "" {
			n++
		}
	}
	return n
}

// ordinal is the word for a place in a list, from 1.
func ordinal(n int) string {
	words := []string{"first", "second", "third"}
	endings := []string{"th", "st", "nd", "rd"}
	switch last := n % 10; {
	case n <= len(words):
		return words[n-1]
	case last < len(endings) && n/10%10 != 1:
		return strconv.Itoa(n) + endings[last]
	}
	return strconv.Itoa(n) + "th"
}

func (f *varFlag) String() string { return "" }

// Type is what help shows as the value.
func (f *varFlag) Type() string { return "NAME=VALUE" }

// varFileFlag is --var-file.
type varFileFlag struct{ list *[]lang.VarInput }

// Set is called by pflag.
func (f *varFileFlag) Set(s string) error {
	if s == "" {
		return errors.New("it takes the path of a file")
	}
	*f.list = append(*f.list, lang.VarInput{File: s})
	return nil
}

func (f *varFileFlag) String() string { return "" }

// Type is what help shows as the value.
func (f *varFileFlag) Type() string { return "FILE" }

// durationFlag is a duration, as the language writes it.
type durationFlag struct{ value *time.Duration }

// Set is called by pflag.
func (f *durationFlag) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return errors.New(`it takes a duration, such as 30s or 10m`)
	}
	*f.value = d
	return nil
}

func (f *durationFlag) String() string { return "0s" }

// Type is what help shows as the value.
func (f *durationFlag) Type() string { return "DURATION" }

// countFlag is a number from 1.
type countFlag struct{ value *int }

// Set is called by pflag.
func (f *countFlag) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return errors.New("it takes a whole number from 1")
	}
	*f.value = n
	return nil
}

func (f *countFlag) String() string { return "" }

// Type is what help shows as the value.
func (f *countFlag) Type() string { return "N" }
