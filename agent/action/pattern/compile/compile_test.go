package compile_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"runner/agent/action/pattern"
	"runner/agent/action/pattern/compile"
	"runner/agent/wire"
)

// program compiles an expression and sends it to an agent.
func program(t *testing.T, expression string) (*pattern.Pattern, error) {
	t.Helper()
	compiled, err := compile.Program(expression)
	if err != nil {
		return nil, err
	}
	encoded, err := wire.Marshal(compiled)
	if err != nil {
		t.Fatal(err)
	}
	p := new(pattern.Pattern)
	if err := wire.Unmarshal(encoded, p); err != nil {
		t.Fatalf("%q: %v", expression, err)
	}
	return p, nil
}

// same compares what ours and Go's find.
func same(t *testing.T, expression string, text []byte) {
	t.Helper()
	theirs, err := regexp.Compile("(?m:" + expression + ")")
	if err != nil {
		return
	}
	ours, err := program(t, expression)
	if err != nil {
		if strings.Contains(err.Error(), "allowed") {
			return
		}
		t.Fatalf("%q: %v", expression, err)
	}
	if got, want := ours.Match(t.Context(), text), theirs.Match(text); got != want {
		t.Fatalf("%q matches %q: %v, want %v", expression, text, got, want)
	}
	var all [][]int
	ours.Each(t.Context(), text, 0, func(m []int) { all = append(all, m) })
	if want := theirs.FindAllSubmatchIndex(text, -1); !reflect.DeepEqual(all, want) {
		t.Fatalf("%q in %q: got %v, want %v", expression, text, all, want)
	}
	if want := theirs.SubexpNames(); !reflect.DeepEqual(ours.Names, want) {
		t.Fatalf("%q: groups %q, want %q", expression, ours.Names, want)
	}
	const template = "<$1|${0}|$$|$x|${n}|$|${"
	out := ours.Replace(t.Context(), text, 0, template)
	if want := theirs.ReplaceAll(text, []byte(template)); !bytes.Equal(out, want) {
		t.Fatalf("%q in %q: replaced to %q, want %q", expression, text, out, want)
	}
}

func TestExpressionsMatchAsInGo(t *testing.T) {
	for _, expression := range []string{
		``, `a`, `^`, `$`, `^$`, `\A`, `\z`, `\b`, `\B`, `.`, `(?s).`, `a*`, `a*?`, `(a|ab)(c|bcd)(d*)`, `(a*)*`, `(a*)+`, `(a|b)*?b`, `(?i)k`, `(?i)straße`, `(?i)[k-m]`,
		`\pL+`, `\PL`, `[^a]`, `[^\n]`, `(?P<n>a)(?P<x>b)?`, `x{2,4}`, `(?:x{2}){2}`, `(?U)a+`, `[[:alpha:]]+`, `\d+(\.\d+)?`, `^\s*#?\s*Port\s+\d+\s*$`, `(^|\n)b`, `a$`, `(?-m)^a$`,
		`(?-m:^)b`, `\x{FFFD}`, `[\x{10000}-\x{10FFFF}]`, `()`, `(|a)+`, `(a|)+`, `a||b`, `[^\x00-\x{10FFFF}]`, `(?i)ſ`, `é`, `\Qa.b\E`, `(x)|(y)`, `((((a))))`,
	} {
		for _, text := range []string{
			"", "a", "b", "ab", "aab\nabcd\n\nxxxx\n", "Port 22\r\n#Port  80\n", "K\u212a k", "STRASSE straße ſ", "\xff\xfea\xc3", "é\u2028ü 1.25 3", "\U0001F600a\x00b", "a.b", "\n", "\n\n",
		} {
			same(t, expression, []byte(text))
		}
	}
}

// grow writes a random expression.
func grow(r *rand.Rand, depth int) string {
	atoms := []string{"a", "b", "c", "é", ".", "\\n", "^", "$", "\\b", "\\B", "[ab]", "[^a]", "\\w", "\\W", "\\pL", "(?i)a", "\\A", "\\z", "", "[[:^alpha:]]", "k"}
	if depth == 0 {
		return atoms[r.IntN(len(atoms))]
	}
	one := grow(r, depth-1)
	switch r.IntN(8) {
	case 0, 1, 2:
		return one + grow(r, depth-1)
	case 3:
		return "(?:" + one + "|" + grow(r, depth-1) + ")"
	case 4:
		return "(" + one + ")"
	case 5:
		return "(?:" + one + ")" + []string{"*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?"}[r.IntN(9)]
	case 6:
		return "(?i:" + one + ")"
	}
	return atoms[r.IntN(len(atoms))] + one
}

func TestRandomExpressionsMatchAsInGo(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	letters := []string{"a", "b", "c", "A", "é", "\n", " ", "\xff", "k", "\u212a", "_", "\r"}
	for range 8000 {
		expression := grow(r, 1+r.IntN(5))
		for range 4 {
			var text strings.Builder
			for range r.IntN(12) {
				text.WriteString(letters[r.IntN(len(letters))])
			}
			same(t, expression, []byte(text.String()))
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add(`(a|ab)(c|bcd)(d*)`, []byte("abcd"))
	f.Add(`(?i)k+\b`, []byte("K\u212a k"))
	f.Fuzz(func(t *testing.T, expression string, text []byte) {
		if len(expression) > 200 || len(text) > 2000 || strings.Contains(expression, "(?") {
			return // a flag set in front of everything is for the whole expression there, and here too, but written differently
		}
		if _, err := regexp.Compile(expression); err == nil { // as such, not only in parentheses
			same(t, expression, text)
		}
	})
}

// What takes exponential time where matching goes back takes as long as everything else.
func TestTimeGrowsWithTheText(t *testing.T) {
	p, err := program(t, `(?:a?){40}a{40}b|(a*)*(b|c)`)
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.Repeat([]byte("a"), 100_000)
	began := time.Now()
	if p.Match(t.Context(), text) {
		t.Error("it does not match")
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestPatternsAreBounded(t *testing.T) {
	for _, c := range []struct{ expression, want string }{
		{`(`, "missing closing )"},
		{`a**`, "invalid nested repetition operator: **"},
		{`[z-a]`, "invalid character class range: z-a"},
		{`a{1001}`, "invalid repeat count: {1001}"},
		{`\8`, `invalid escape sequence: \8`},
		{`(?<=a)b`, "(?<= looks ahead or behind, which RE2 cannot do"},
		{`a(?!b)`, "(?! looks ahead or behind, which RE2 cannot do"},
		{strings.Repeat("a", compile.MaxText+1), "it has 4097 bytes, 4096 are allowed"},
		{`\pL{90}`, "it is too large: its program has"},
	} {
		if _, err := compile.Program(c.expression); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q: got %v, want %q", c.expression, err, c.want)
		}
	}
}

func TestProgramsAreShort(t *testing.T) {
	for expression, most := range map[string]int{
		`^#?PermitRootLogin\s`:           60,
		`.`:                              20,
		`^\s*(net\.ipv4\.ip_forward)=.*`: 100,
	} {
		compiled, err := compile.Program(expression)
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := wire.Marshal(compiled)
		if err != nil || len(encoded) > most {
			t.Errorf("%q: %d bytes, %v", expression, len(encoded), err)
		}
	}
}

func TestReferencesToGroups(t *testing.T) {
	p, err := program(t, `(a)(?P<name>b)`)
	if err != nil {
		t.Fatal(err)
	}
	for template, want := range map[string]string{
		"": "", "$0$1${2}$name${name}$$7$": "", "$3": "3", "a$1b": "1b", "$$ ${other}": "other", "${": "", "$-": "", "$01": "01",
	} {
		if got := p.Lacks(template); got != want {
			t.Errorf("%q: %q, want %q", template, got, want)
		}
	}
}
