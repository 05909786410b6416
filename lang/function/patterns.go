package function

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Limits of patterns: matching takes time in proportion to the product of both.
const (
	maxPattern = 4 << 10
	maxSubject = 1 << 20
)

func patterns() []entry {
	return []entry{
		{
			Doc: Doc{"format", Text, "format, value...", "The format with its verbs replaced by the values: %s for text, %d for whole numbers, %f for others, %q for quoted text, %v for anything, %#v for JSON, with widths and flags as in printf.", []Example{
				{`format("%s:%d", "web1", 8080)`, `"web1:8080"`},
				{`format("%05.1f|%-4s|", 3.14159, "a")`, `"003.1|a   |"`},
			}},
			function: stdlib.FormatFunc,
			limit:    func(args []cty.Value) error { return formatLimit(args, 1) },
		},
		{
			Doc: Doc{"formatlist", Text, "format, list...", "Formats once for each element of the lists, which are equally long; other values are the same for each.", []Example{
				{`formatlist("%s.example.net", ["web1", "web2"])`, `["web1.example.net", "web2.example.net"]`},
			}},
			function: stdlib.FormatListFunc,
			limit: func(args []cty.Value) error {
				times := 1
				for _, arg := range args[1:] {
					if t := arg.Type(); t.IsListType() || t.IsSetType() || t.IsTupleType() {
						times = max(times, arg.LengthInt())
					}
				}
				return formatLimit(args, times)
			},
		},
		{
			Doc: Doc{"regex", Text, "pattern, string", "The first match of the pattern (RE2): its text, a list of its groups, or a map of its named groups. No match is an error; ask with can.", []Example{
				{`regex("[0-9]+", "port 8080")`, `"8080"`},
				{`regex("(\\w+)=(\\w+)", "a=b")`, `["a", "b"]`},
				{`regex("^(?P<name>\\w+):", "root:x").name`, `"root"`},
			}},
			function: stdlib.RegexFunc,
			limit:    patternLimit,
		},
		{
			Doc: Doc{"regexall", Text, "pattern, string", "All matches of the pattern, as a list of what regex returns.", []Example{
				{`regexall("[a-z]+", "1a2bc3")`, `["a", "bc"]`},
				{`length(regexall("x", "abc"))`, "0"},
			}},
			function: stdlib.RegexAllFunc,
			limit:    matchesLimit,
		},
		{
			Doc: Doc{"replace", Text, "string, substring, replacement", "The text with each occurrence of the substring replaced. A substring between slashes is a pattern, and $1 or ${name} in the replacement stand for its groups.", []Example{
				{`replace("a-b-c", "-", "+")`, `"a+b+c"`},
				{`replace("web1.example.net", "/\\.(\\w+)\\./", "-$1-")`, `"web1-example-net"`},
			}},
			function: define(cty.String, replace, text("string"), text("substring"), text("replacement")),
		},
	}
}

// formatLimit bounds the result of formatting so many times: the values, and the widths of the verbs.
func formatLimit(args []cty.Value, times int) error {
	const most = 1 << 16 // columns that a width or a precision may ask for
	format := args[0].AsString()
	total, number := len(format), 0
	for _, c := range []byte(format) {
		if c < '0' || c > '9' {
			total += number
			number = 0
			continue
		}
		if number = number*10 + int(c-'0'); number > most {
			return function.NewArgErrorf(0, "the format holds a number larger than %d", most)
		}
	}
	all, largest := 0, 0
	for _, arg := range args[1:] {
		m, err := size(arg)
		if err != nil {
			return err
		}
		written := m.text
		if arg.Type() != cty.String || strings.ContainsAny(format, "qv") {
			const escaped = 6 // what a character may become, and what JSON puts around a value
			written = (m.text + m.cells) * escaped
		}
		all += written
		largest = max(largest, written)
	}
	if err := atMostElements(times); err != nil {
		return err
	}
	if times > 1 {
		// The elements of lists are spread over the results; what is no list is in each of them.
		for _, arg := range args[1:] {
			if arg.Type() == cty.String {
				all += len(arg.AsString()) * times
			}
		}
		return atMostText(total*times + all)
	}
	if strings.Contains(format, "[") {
		all = min(strings.Count(format, "%"), MaxText) * largest // each verb may name any value
	}
	return atMostText(total + all)
}

// patternLimit bounds the time that matching takes.
func patternLimit(args []cty.Value) error {
	if len(args[0].AsString()) > maxPattern {
		return function.NewArgErrorf(0, "the pattern is longer than %d bytes", maxPattern)
	}
	if len(args[1].AsString()) > maxSubject {
		return function.NewArgErrorf(1, "the text is longer than 1 MiB")
	}
	return nil
}

func matchesLimit(args []cty.Value) error {
	if err := patternLimit(args); err != nil {
		return err
	}
	pattern, err := regexp.Compile(args[0].AsString())
	if err != nil {
		return nil //nolint:nilerr // the function has the better words
	}
	most := MaxElements / (pattern.NumSubexp() + 1)
	if len(pattern.FindAllStringIndex(args[1].AsString(), most+1)) > most {
		return errTooMany
	}
	return nil
}

func replace(args []cty.Value) (cty.Value, error) {
	s, old, replacement := args[0].AsString(), args[1].AsString(), args[2].AsString()
	if len(old) < 2 || !strings.HasPrefix(old, "/") || !strings.HasSuffix(old, "/") {
		n := strings.Count(s, old)
		if err := atMostText(len(s) + n*max(len(replacement)-len(old), 0)); err != nil {
			return cty.NilVal, err
		}
		return cty.StringVal(strings.ReplaceAll(s, old, replacement)), nil
	}
	source := old[1 : len(old)-1]
	if err := patternLimit([]cty.Value{cty.StringVal(source), args[0]}); err != nil {
		return cty.NilVal, fmt.Errorf("%w", unplaced(err))
	}
	pattern, err := regexp.Compile(source)
	if err != nil {
		return cty.NilVal, function.NewArgError(1, patternError(err))
	}
	matches := len(pattern.FindAllStringIndex(s, MaxElements+1))
	if matches > MaxElements {
		return cty.NilVal, errTooMany
	}
	// A group is part of its match, so each reference to one adds the length of the text at most.
	references := strings.Count(replacement, "$")
	if err := atMostText(len(s) + matches*len(replacement) + min(references, MaxText)*len(s)); err != nil {
		return cty.NilVal, err
	}
	return cty.StringVal(pattern.ReplaceAllString(s, replacement)), nil
}

// unplaced takes the number of the argument off an error.
func unplaced(err error) error {
	if arg, ok := errors.AsType[function.ArgError](err); ok {
		return errors.New(arg.Error())
	}
	return err
}

func patternError(err error) error {
	if syntax, ok := err.(interface{ Error() string }); ok { //nolint:errorlint // the text is all that is wanted
		return fmt.Errorf("the pattern is not valid: %s", strings.TrimPrefix(syntax.Error(), "error parsing regexp: "))
	}
	return err
}
