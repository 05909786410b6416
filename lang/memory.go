package lang

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"runner/lang/diag"
	"runner/lang/function"
	"runner/lang/inventory"
)

// Memory is what a site was loaded with beside its files, so that it can be loaded again as it was. What is sensitive is
// not apart from the rest: who keeps a memory asks Secret.
type Memory struct {
	Once      function.Once
	Variables map[string][]byte  // values with their types, as JSON of cty
	Environ   map[string]*string // what expressions asked for; nil: not set
	Programs  map[string]string  // what the programs of inventories printed, by their command lines
	Sensitive []string           // names of variables that are declared so and are not null
	Defaults  []hcl.Range        // where variables that are declared so have a default in the site's files
	Given     []string           // environment variables that have to be asked for anew
	Files     []string           // whose content is sensitive: a sensitive task sends it
	Whole     bool               // the files have all that they had, also what is sensitive

	secrets map[string]bool
	wholes  map[string]bool // of which only all is sensitive
}

// Shortest is how many bytes a sensitive text has to have to be looked for inside others.
const Shortest = 4

// Secret says whether a text is sensitive, or has something sensitive in it.
func (m *Memory) Secret(text string) bool {
	if m.secrets[text] && text != "" {
		return true
	}
	for s := range m.secrets {
		if len(s) >= Shortest && strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// SecretIn says whether something that is kept has something sensitive in it, as it is or as expressions, JSON, YAML and
// CBOR write it. Texts of fewer bytes than least are not looked for.
func (m *Memory) SecretIn(content []byte, least int) bool {
	for s := range m.secrets {
		if written(content, append(forms(s), lines(s)...), least) {
			return true
		}
	}
	for s := range m.wholes {
		if written(content, forms(s), least) {
			return true
		}
	}
	return false
}

func written(content []byte, forms []string, least int) bool {
	return slices.ContainsFunc(forms, func(form string) bool { return len(form) >= least && bytes.Contains(content, []byte(form)) })
}

// forms are the ways in which a text is written.
func forms(s string) []string {
	inner := func(quoted string) string { return quoted[1 : len(quoted)-1] }
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return []string{s}
	}
	quoted := inner(strings.TrimSpace(plain.String()))
	escaped, err := json.Marshal(s)
	if err != nil {
		return []string{s}
	}
	return []string{
		s, strings.TrimSpace(s), strings.ReplaceAll(s, "'", "''"), quoted, strings.ReplaceAll(quoted, "/", `\/`), inner(string(escaped)),
		inner(string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes())), inner(strconv.Quote(s)), ascii(quoted),
	}
}

// lines are those of a heredoc.
func lines(s string) []string {
	var out []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); len(line) >= 2*Shortest {
			out = append(out, line)
		}
	}
	return out
}

// ascii writes what is not ASCII as JSON escapes.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// Hide adds sensitive texts that are not the language's: passwords of hops.
func (m *Memory) Hide(texts ...string) {
	for _, t := range texts {
		m.secrets[t] = true
	}
}

// Memory returns what the site was loaded with and what its expressions have asked for since, which is whole if Options.Remember was set.
func (s *Site) Memory() *Memory {
	run := s.scope.run.Memory()
	m := &Memory{
		Once: run.Once, Environ: run.Asked, Programs: s.scope.programs.copy(),
		Variables: map[string][]byte{}, secrets: run.Secrets, wholes: run.Wholes, Files: slices.Sorted(maps.Keys(run.Files)),
	}
	if m.secrets == nil {
		m.secrets = map[string]bool{}
	}
	s.hideHops(m.secrets)
	for _, v := range s.scope.config.Variables {
		value := s.scope.vars.GetAttr(v.Name)
		hidden := value.HasMark(function.Sensitive)
		value, _ = value.UnmarkDeep()
		if hidden && !value.IsNull() {
			m.Sensitive = append(m.Sensitive, v.Name)
		}
		if hidden && v.Default != nil {
			m.Defaults = append(m.Defaults, v.Default.At())
		}
		encoded, err := ctyjson.Marshal(value, cty.DynamicPseudoType)
		if err != nil {
			panic(fmt.Sprintf("a variable of a checked site is no data: %v", err))
		}
		m.Variables[v.Name] = encoded
	}
	return m
}

// hideHops adds the passwords of hops.
func (s *Site) hideHops(to map[string]bool) {
	for _, h := range s.Hosts {
		for _, hop := range h.Hops {
			for _, name := range hop.Secrets {
				hideTexts(to, hop.Options[name])
			}
		}
	}
}

// hideTexts adds the texts of a plain value.
func hideTexts(to map[string]bool, v any) {
	switch v := v.(type) {
	case string:
		to[v] = true
	case []any:
		for _, e := range v {
			hideTexts(to, e)
		}
	case map[string]any:
		for _, e := range v {
			hideTexts(to, e)
		}
	}
}

// programs remembers what the programs of inventories printed.
type programs struct {
	mu   sync.Mutex
	said map[string]string
}

func (p *programs) copy() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.said)
}

// runProgram runs the program of an inventory, or says what it printed when the site was loaded first.
func (l *loader) runProgram(argv []string, timeout time.Duration) (*inventory.File, *hcl.Diagnostic) {
	key := strings.Join(argv, "\x00")
	if m := l.opts.Memory; m != nil {
		text, ok := m.Programs[key]
		if !ok {
			return nil, diag.Errorf(diag.Program, hcl.Range{}, "Inventory program failed", "What the program printed when the site was planned is not known any more.")
		}
		return &inventory.File{Name: "output of " + argv[0], Text: text}, nil
	}
	file, d := l.opts.Program(argv, l.site.Dir, timeout)
	if d == nil && l.opts.Remember {
		p := &l.scope.programs
		p.mu.Lock()
		defer p.mu.Unlock()
		p.said[key] = file.Text
	}
	return file, d
}

// given returns the values of variables that a memory has, and the names of those that it lacks.
func (m *Memory) given() (map[string]cty.Value, error) {
	out := map[string]cty.Value{}
	for _, name := range slices.Sorted(maps.Keys(m.Variables)) {
		value, err := ctyjson.Unmarshal(m.Variables[name], cty.DynamicPseudoType)
		if err != nil {
			return nil, fmt.Errorf("cannot read the value of variable %s: %w", name, err)
		}
		out[name] = value
	}
	return out, nil
}

// environ returns what expressions were told of the environment; nil without a memory.
func (m *Memory) environ() func(string) (*string, bool) {
	if m == nil {
		return nil
	}
	return func(name string) (*string, bool) {
		value, ok := m.Environ[name]
		return value, ok || !slices.Contains(m.Given, name) // what nobody asked for then is not known now
	}
}
