package function

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

func textual() []entry {
	return []entry{
		{
			Doc: Doc{"chomp", Text, "string", "The text without line breaks at its end.", []Example{
				{`chomp("a\nb\n\n")`, `"a\nb"`},
			}},
			function: stdlib.ChompFunc,
		},
		{
			Doc: Doc{"endswith", Text, "string, suffix", "Whether the text ends with the suffix.", []Example{
				{`endswith("nginx.conf", ".conf")`, "true"},
			}},
			function: ofTwoTexts(strings.HasSuffix, "suffix"),
		},
		{
			Doc: Doc{"indent", Text, "spaces, string", "The text with blanks before each of its lines but the first.", []Example{
				{`indent(2, "a\nb")`, `"a\n  b"`},
			}},
			function: stdlib.IndentFunc,
			limit: func(args []cty.Value) error {
				spaces, err := wholeNumber(args[0], 0, MaxText)
				if err != nil {
					return function.NewArgError(0, err)
				}
				s := args[1].AsString()
				return atMostText(len(s) + spaces*min(strings.Count(s, "\n"), MaxText))
			},
		},
		{
			Doc: Doc{"join", Text, "separator, list...", "The elements of the lists as one text, with the separator between them.", []Example{
				{`join(", ", ["a", "b", "c"])`, `"a, b, c"`},
			}},
			function: stdlib.JoinFunc,
			limit: func(args []cty.Value) error {
				m, err := size(args[1:]...)
				if err != nil {
					return err
				}
				return atMostText(m.text + min(m.cells, MaxCells)*len(args[0].AsString()))
			},
		},
		{
			Doc: Doc{"lower", Text, "string", "The text in small letters.", []Example{
				{`lower("Hello ÄÖ")`, `"hello äö"`},
			}},
			function: stdlib.LowerFunc,
		},
		{
			Doc: Doc{"split", Text, "separator, string", "The parts of the text between the separators, as a list.", []Example{
				{`split(",", "a,b,,c")`, `["a", "b", "", "c"]`},
			}},
			function: stdlib.SplitFunc,
			limit: func(args []cty.Value) error {
				return atMostElements(strings.Count(args[1].AsString(), args[0].AsString()) + 1)
			},
		},
		{
			Doc: Doc{"startswith", Text, "string, prefix", "Whether the text begins with the prefix.", []Example{
				{`startswith("/etc/hosts", "/etc/")`, "true"},
			}},
			function: ofTwoTexts(strings.HasPrefix, "prefix"),
		},
		{
			Doc: Doc{"strcontains", Text, "string, substring", "Whether the text contains the other one.", []Example{
				{`strcontains("hello world", "wor")`, "true"},
			}},
			function: ofTwoTexts(strings.Contains, "substring"),
		},
		{
			Doc: Doc{"strrev", Text, "string", "The characters of the text in reverse order.", []Example{
				{`strrev("hello")`, `"olleh"`},
			}},
			function: stdlib.ReverseFunc,
		},
		{
			Doc: Doc{"substr", Text, "string, offset, length", "The part of the text that begins at the offset, in characters from 0; a negative offset counts from the end, the length -1 reaches to the end.", []Example{
				{`substr("hello world", 1, 4)`, `"ello"`},
				{`substr("hello world", -5, -1)`, `"world"`},
			}},
			function: stdlib.SubstrFunc,
		},
		{
			Doc: Doc{"title", Text, "string", "The text with a capital letter at the beginning of each word.", []Example{
				{`title("hello world")`, `"Hello World"`},
			}},
			function: stdlib.TitleFunc,
		},
		{
			Doc: Doc{"trim", Text, "string, characters", "The text without any of the characters at its beginning and end.", []Example{
				{`trim("?!hello?!", "!?")`, `"hello"`},
			}},
			function: stdlib.TrimFunc,
		},
		{
			Doc: Doc{"trimprefix", Text, "string, prefix", "The text without the prefix, if it has it.", []Example{
				{`trimprefix("v1.4.2", "v")`, `"1.4.2"`},
			}},
			function: stdlib.TrimPrefixFunc,
		},
		{
			Doc: Doc{"trimspace", Text, "string", "The text without white space at its beginning and end.", []Example{
				{`trimspace("  hello\n")`, `"hello"`},
			}},
			function: stdlib.TrimSpaceFunc,
		},
		{
			Doc: Doc{"trimsuffix", Text, "string, suffix", "The text without the suffix, if it has it.", []Example{
				{`trimsuffix("shop.conf", ".conf")`, `"shop"`},
			}},
			function: stdlib.TrimSuffixFunc,
		},
		{
			Doc: Doc{"upper", Text, "string", "The text in capital letters.", []Example{
				{`upper("hello äö")`, `"HELLO ÄÖ"`},
			}},
			function: stdlib.UpperFunc,
		},
	}
}

// ofTwoTexts makes a function that answers a question about two texts.
func ofTwoTexts(impl func(s, other string) bool, other string) function.Function {
	return define(cty.Bool, func(args []cty.Value) (cty.Value, error) {
		return cty.BoolVal(impl(args[0].AsString(), args[1].AsString())), nil
	}, text("string"), text(other))
}
