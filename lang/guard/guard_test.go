package guard

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"

	"runner/lang/diag"
)

// TestG35Refused holds input that would cost HCL's parser or evaluator a stack or a memory of its own size.
func TestG35Refused(t *testing.T) {
	const many = 10_000
	r := strings.Repeat
	tests := []struct {
		name, src string
		check     func([]byte) *Error
		code      diag.Code
	}{
		{"brackets", "a = " + r("[", many) + r("]", many), Config, diag.TooDeep},
		{"open brackets", "a = " + r("[", many), Config, diag.TooDeep},
		{"parentheses", "a = " + r("(", many) + "1" + r(")", many), Config, diag.TooDeep},
		{"braces", "a = " + r("{ a = ", many) + "1" + r("}", many), Config, diag.TooDeep},
		{"blocks", r("a {\n", many) + r("}\n", many), Config, diag.TooDeep},
		{"calls", "a = " + r("f(", many) + r(")", many), Config, diag.TooDeep},
		{"strings", "a = " + r(`"${`, many) + r(`}"`, many), Config, diag.TooDeep},
		{"not", "a = " + r("!", many) + "true", Config, diag.TooDeep},
		{"minus", "a = " + r("-", many) + "1", Config, diag.TooDeep},
		{"sum", "a = 1" + r(" + 1", many), Config, diag.TooDeep},
		{"sum over lines", "a = (1" + r("\n + 1", many) + ")", Config, diag.TooDeep},
		{"and", "a = true" + r(" && true", many), Config, diag.TooDeep},
		{"conditions", "a = " + r("true ? 1 : ", many) + "1", Config, diag.TooDeep},
		{"indexes", "a = b" + r("[c]", many), Config, diag.TooDeep},
		{"splats", "a = b" + r(".*.c", many), Config, diag.TooDeep},
		{"heredocs", "a = " + r("<<E\n${", many), Config, diag.TooDeep},
		{"mismatched", "a = " + r("([)", many), Config, diag.TooDeep},
		{"directives", r("%{ if true }", many) + r("%{ endif }", many), Template, diag.TooDeep},
		{"loops", r("%{~ for a in b ~}", many) + r("%{ endfor }", many), Template, diag.TooDeep},
		{"template", r("${[", many), Template, diag.TooDeep},
		{"JSON arrays", r("[", many) + r("]", many), JSON, diag.TooDeep},
		{"JSON objects", r(`{"a":`, many) + "1" + r("}", many), JSON, diag.TooDeep},
		{"JSON template", `{"a": "${` + r("[", many) + r("]", many) + `}"}`, JSON, diag.TooDeep},
		{"JSON escaped template", `{"a": "\u0024{` + r(`\u005b`, many) + `}"}`, JSON, diag.TooDeep},
		{"size", r("# comment\n", MaxSize/10+1), Config, diag.TooLarge},
		{"tokens", r("a=[]\n", 200_000), Config, diag.TooLarge},
		{"JSON tokens", "[" + r("1,", 600_000) + "1]", JSON, diag.TooLarge},
		{"attributes", r("a = 100\n", 12*many), Config, diag.TooLarge},
		{"elements", "a = [" + r("100000, ", 12*many) + "]", Config, diag.TooLarge},
		{"keys", "a = {" + r("b : 100\n", 12*many) + "}", Config, diag.TooLarge},
		{"JSON elements", "[" + r("100000, ", 12*many) + "1]", JSON, diag.TooLarge},
		{"JSON keys", "{" + r(`"a": 100, `, 12*many) + `"a": 1}`, JSON, diag.TooLarge},
		{"dots", "a = b" + r(".c", many), Config, diag.TooDeep},
		{"digits", "a = " + r("9", many), Config, diag.TooLarge},
		{"JSON digits", "[" + r("9", many) + "]", JSON, diag.TooLarge},
		{"name", r("a", many) + " = 1", Config, diag.TooLarge},
		{"JSON word", r("a", many), JSON, diag.TooLarge},
		{"JSON commas", r(",", many*100), JSON, diag.TooLarge},
		{"escapes of templates", `a = "` + r(`$${`, 5*many) + `"`, Config, diag.TooLarge},
		{"bad escapes", `a = "` + r(`\q`, many) + `"`, Config, diag.Syntax},
		{"bad characters", r("`", many), Config, diag.Syntax},
		{"signs of other languages", r("€ ", many), Config, diag.Syntax},
		{"carriage returns", r("\r", many), Config, diag.Syntax},
		{"bytes", "a = \"" + r("\xff", many) + "\"", Config, diag.Syntax},
		{"bytes in a template", r("\xff", many), Template, diag.Syntax},
		{"bytes in JSON", "\"" + r("\xff", many) + "\"", JSON, diag.Syntax},
		{"exponent", "a = 1e99999", Config, diag.TooLarge},
		{"negative exponent", "a = 1E-99999", Config, diag.TooLarge},
		{"JSON exponent", `{"a": 1e99999}`, JSON, diag.TooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.check([]byte(test.src))
			if err == nil {
				t.Fatal("passed")
			}
			if err.Code != test.code {
				t.Errorf("code %s, want %s", err.Code, test.code)
			}
			if err.Offset < 0 || err.Offset > len(test.src) {
				t.Errorf("offset %d is outside", err.Offset)
			}
		})
	}
}

// TestG35Passed holds input that is large or looks deep, but is neither.
func TestG35Passed(t *testing.T) {
	const many = 10_000
	r := strings.Repeat
	tests := []struct {
		name, src string
		check     func([]byte) *Error
	}{
		{"brackets in strings", `a = "` + r("[", many) + `"`, Config},
		{"escaped quotes", `a = "` + r(`\"[`, many) + `"`, Config},
		{"escaped templates", `a = "` + r(`$${%%{`, many/2) + `"`, Config},
		{"brackets in comments", "# " + r("[", many) + "\n// " + r("(", many) + "\n/*" + r("{\n", many) + "*/", Config},
		{"brackets in heredocs", "a = <<-EOT\n" + r("[({\"\n", many) + "  EOT\n", Config},
		{"interpolations in a row", `a = "` + r("${b}", many) + `"`, Config},
		{"lists in a list", "a = [" + r("[1],\n", many) + "]", Config},
		{"attributes", r("a = -1 + f(2)\n", many), Config},
		{"attributes of many blocks", r("a {\n"+r("  name = [\"some text, and more\"]\n", 60)+"}\n", 2000), Config},
		{"conditions in an object", "a = {" + r("name : condition ? 1000 : 2000\n", 9*many) + "}", Config},
		{"object", "a = {" + r("b = !c\n", many) + "}", Config},
		{"blocks", r("a \"b\" {\n  c = [d]\n}\n", many), Config},
		{"dashes", r("a-", many/6) + " = 1", Config},
		{"directives in a row", r("%{ if a }x%{ else }y%{ endif }", many), Template},
		{"brackets in a template", r("[", many) + `"` + r("{", many), Template},
		{"JSON rows", `[` + r(`{"a": [1, "x"]},`, many) + `0]`, JSON},
		{"JSON brackets in strings", `{"a": "` + r(`[\"`, many) + `"}`, JSON},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := test.check([]byte(test.src)); err != nil {
				t.Errorf("at %d: %v", err.Offset, err)
			}
		})
	}
}

func TestPlace(t *testing.T) {
	src := []byte("a = 1\nbé = ")
	src = append(src, strings.Repeat("[", MaxDepth+10)...)
	err := Config(src)
	if err == nil {
		t.Fatal("passed")
	}
	d := err.Diagnostic(src, "x.hcl", hcl.InitialPos)
	if s := d.Subject.Start; s.Line != 2 || s.Byte != err.Offset || s.Column != err.Offset-len("a = 1\n") {
		t.Errorf("start is %v at offset %d", s, err.Offset)
	}
}

// FuzzDepth compares the nesting with that of HCL's own tokens, and whatever passes must parse without harm.
func FuzzDepth(f *testing.F) {
	for _, seed := range []string{
		`a = [1, {b = "x${c["${d}"]}y"}]`, "a = <<EOT\n x ${b}\n EOT\nc = [1]\n", "a = \"$${[\" # [\n", `a = "%{ if b }[%{ else }(%{ endif }"`,
		"a = <<-E\n$\nE\nE\n", `a = "$$${b}" + "\${[c]}"`, "a = 1 // [\nb = (2)/*(*/", `"${ "${a}" ~}"`, "a = {\n} }", "x = \"a\n[\"", "<<é\n[\né\n", "a=<<E\r\n ${b} E\r\nE\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if Config(src) != nil {
			return
		}
		_, diags := hclsyntax.ParseConfig(src, "x", hcl.InitialPos)
		if diags.HasErrors() {
			return
		}
		tokens, _ := hclsyntax.LexConfig(src, "x", hcl.InitialPos)
		if got, want := deepest(src), deepestToken(tokens); got != want {
			t.Errorf("nested %d deep, HCL says %d: %q", got, want, src)
		}
	})
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a": ["${b}", "%{", {"c\"": "\u0024{[1]}"}]}`, `{"a": "x`, `[1e5,-2]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if JSON(src) == nil {
			_, _ = hcljson.Parse(src, "x")
		}
	})
}

func deepest(src []byte) int {
	s := newScanner(src, code, 0)
	deepest := 0
	for s.more() {
		s.step()
		deepest = max(deepest, len(s.frames)-1)
	}
	return deepest
}

func deepestToken(tokens hclsyntax.Tokens) int {
	depth, deepest := 0, 0
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
			hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
			hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			depth--
		}
		deepest = max(deepest, depth)
	}
	return deepest
}
