package arguments

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

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
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (c *choice[T]) String() string { return string(*c.value) }

// Type is what help shows as the value.
func (c *choice[T]) Type() string { return strings.Join(c.words, "|") }

// varFlag is --var; it shares its list with --var-file, because the order among both counts.
type varFlag struct{ list *[]lang.VarInput }

// Set is called by pflag.
func (f *varFlag) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	switch {
	case ok && name == "":
		return errors.New("there is no name in front of the equals sign: write --var NAME=VALUE")
	case !ok && hclsyntax.ValidIdentifier(s): // and not, by mistake, a value alone
		return fmt.Errorf("there is no value for %s: write --var %s=VALUE", diag.Quote(s), s)
	case !ok:
		return errors.New("it has no equals sign: write --var NAME=VALUE")
	}
	*f.list = append(*f.list, lang.VarInput{Name: strings.TrimSpace(name), Value: value})
	return nil
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
