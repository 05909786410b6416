package diag

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// follows reports whether the diagnostic says no more than what the one before it has led the parser to.
func follows(d *hcl.Diagnostic, before hcl.Diagnostics) bool {
	if len(before) == 0 || d.Subject == nil {
		return false
	}
	last := before[len(before)-1]
	if last.Subject == nil || last.Subject.Filename != d.Subject.Filename {
		return false
	}
	sameLine := last.Subject.Start.Line == d.Subject.Start.Line
	switch last.Summary {
	case "Invalid character":
		return d.Summary == "Invalid expression" && sameLine
	case "Incorrect JSON value type":
		return d.Summary == "Missing block label" && *d.Subject == *last.Subject
	case "Unsupported operator":
		return d.Summary == "Invalid single-argument block definition" && sameLine
	case "Invalid multi-line string":
		if d.Summary == "Unterminated template string" && sameLine {
			return true
		}
		// Behind a quote that is missing, inside and outside of text are the wrong way around.
		return d.Summary == "Invalid string literal" || d.Summary == "Invalid multi-line string" || d.Summary == "Invalid character"
	}
	return false
}

// redefined is the parser's word for an argument that is set twice.
const redefined = "Attribute redefined"

// Parsed says whether the parser has taken in all of a file, whatever it says of it: of what is set twice the first is in.
func Parsed(diags hcl.Diagnostics) bool {
	return !slices.ContainsFunc(diags, func(d *hcl.Diagnostic) bool { return d.Severity == hcl.DiagError && d.Summary != redefined })
}

// rewordSyntax is reword for what the parser says where it says what it is about, and not what to write.
func rewordSyntax(d *hcl.Diagnostic) {
	switch d.Detail {
	case "An argument or block definition is required here.":
		d.Detail = "Expected an argument, such as name = value, or a block, such as host \"web\" { }. A site is written in HCL or in JSON."
	case `An argument or block definition is required here. To set an argument, use the equals sign "=" to introduce the argument value.`:
		d.Detail = "Expected an argument, such as name = value, or a block. Between the name of an argument and its value stands an equals sign."
	case `A block definition must have block content delimited by "{" and "}", starting on the same line as the block header.`:
		d.Detail = "An argument has an equals sign, as in name = value. What is in a block stands in { }, and the { on the line of the block's name."
	case "There is no closing brace for this block before the end of the file. This may be caused by incorrect brace nesting elsewhere in this file.":
		d.Detail = "This block has no closing brace. It, or one inside of it, lacks its }."
	case "Single-line block syntax can include only one argument definition. To define multiple arguments, use the multi-line block syntax with one argument definition per line.",
		"A single-line block definition must end with a closing brace immediately after its single argument definition.":
		d.Summary = "Too much on one line"
		d.Detail = "A block on one line holds one argument, and this goes on behind it. Put each argument on a line of its own, without commas."
	case "Expected the start of an expression, but found an invalid expression token.":
		d.Detail = "Expected a value."
	case "Expected the start of an expression, but found the end of the file.":
		d.Detail = "Expected a value, but the text ends."
	case "An expression was successfully parsed, but extra characters were found after it.":
		d.Detail = "The value has ended before this. Text stands in double quotes, and between values stands an operator or a comma."
	case "Failed to recognize the value of this number literal.":
		d.Detail = "This is not a number. Text stands in double quotes."
	case "Key expression is not valid when building a tuple.":
		d.Detail = "A list has no keys: without =>, or in { } for an object."
	case "No closing marker was found for the string.":
		d.Detail = "The text that begins with << goes on to the end of the file: the word behind << must stand on a line of its own at its end."
	case "Bitwise operators are not supported. Did you mean boolean AND (\"&&\")?":
		d.Detail = "There is no operator &. Did you mean &&?"
	case "Bitwise operators are not supported. Did you mean boolean OR (\"||\")?":
		d.Detail = "There is no operator |. Did you mean ||?"
	case "An argument definition must end with a newline.":
		d.Detail = "The value has ended before this. Each argument stands on a line of its own."
	}
	switch {
	case d.Summary == redefined:
		if argument, at, ok := strings.Cut(d.Detail, " was already set at "); ok {
			at = strings.TrimSuffix(at, ". Each argument may be set only once.")
			colon := max(0, strings.LastIndexByte(at, ':'))
			line, _, _ := strings.Cut(strings.TrimPrefix(at[colon:], ":"), ",")
			d.Detail = fmt.Sprintf("%s was already set at line %s of %s. Each argument may be set only once.", argument, line, at[:colon])
		}
	case d.Summary == "Argument definition required" && strings.HasPrefix(d.Detail, "A single-line block definition can contain only a single argument."):
		d.Summary = "Too much on one line"
		d.Detail = "A block on one line holds one argument and no block. Put each argument and each block on a line of its own."
	case d.Summary == "Invalid multi-line string":
		d.Detail = "This text has no closing quote on its line. A line break in text is written \\n; text of many lines stands between <<EOT and EOT."
	case d.Summary == "Invalid escape sequence" && strings.HasSuffix(d.Detail, "is not a valid escape sequence selector."):
		d.Detail = "This escape does not exist. A backslash itself is written \\\\."
	case strings.HasPrefix(d.Detail, "The ") && strings.HasSuffix(d.Detail, " directive.") && strings.Contains(d.Detail, "is missing its corresponding"):
		kind, _, _ := strings.Cut(strings.TrimPrefix(d.Detail, "The "), " ")
		d.Detail = fmt.Sprintf("The text has a %%{ %s } without its %%{ end%s }.", kind, kind)
	case strings.HasPrefix(d.Detail, "At least one object property is required"):
		if _, what, ok := strings.Cut(d.Detail, "represents the "); ok {
			block, label, _ := strings.Cut(strings.TrimSuffix(what, "."), " block's ")
			d.Detail = fmt.Sprintf("A block %q has its %s around what is in it: {%q: {\"%s\": {}}}.", block, label, block, strings.ToUpper(label))
		}
	}
}
