package ansible

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/inventory/python"
)

// mostErrors bounds the errors of one file.
const mostErrors = 10

var (
	sectionForm = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$`)
	groupForm   = regexp.MustCompile(`^([^:\]\s]+)\s*(?:#.*)?$`)
)

// ini reads one file in INI.
type ini struct {
	model *model
	file  *inventory.File
	diags hcl.Diagnostics

	group  *group
	kind   string              // of the section: hosts, children or vars
	wanted map[string][]wanted // groups that must be declared further on
	names  []string            // of wanted, in order
}

// wanted is a place that names a group which was not declared before it.
type wanted struct {
	parent *group // nil: the section of its variables
	at     inventory.Place
}

// readINI adds what a file in INI says to the model.
func readINI(m *model, file *inventory.File) hcl.Diagnostics {
	r := &ini{model: m, file: file, kind: "hosts", group: m.groups[ungrouped], wanted: map[string][]wanted{}}
	start := 0
	for start < len(file.Text) && len(r.diags) < mostErrors {
		line, next := nextLine(file.Text, start)
		if d := r.line(line, start); d != nil {
			r.diags = append(r.diags, d)
			if diag.CodeOf(d) == diag.TooLarge {
				return r.diags
			}
		}
		start = next
	}
	r.missing()
	return r.diags
}

// nextLine returns the line that starts at a position, and where the next one does. Lines end where Python ends them.
func nextLine(text string, start int) (string, int) {
	for i, c := range text[start:] {
		switch c {
		case '\r':
			if strings.HasPrefix(text[start+i:], "\r\n") {
				return text[start : start+i], start + i + 2
			}
			return text[start : start+i], start + i + 1
		case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
			return text[start : start+i], start + i + utf8.RuneLen(c)
		}
	}
	return text[start:], len(text)
}

// line reads a line that starts at an offset.
func (r *ini) line(text string, offset int) *hcl.Diagnostic {
	trimmed := strings.TrimLeftFunc(text, isSpace)
	offset += len(text) - len(trimmed)
	text = strings.TrimRightFunc(trimmed, isSpace)
	if text == "" || text[0] == '#' || text[0] == ';' {
		return nil
	}
	at := r.file.At(offset, offset+len(text))
	if !utf8.ValidString(text) {
		return at.Errorf(diag.Syntax, "Invalid inventory", "This line is not valid UTF-8.")
	}
	if m := sectionForm.FindStringSubmatch(text); m != nil {
		return r.section(m[1], m[2], at)
	}
	if text[0] == '[' && !strings.Contains(text, "]") {
		return at.Errorf(diag.Syntax, "Invalid inventory", "The bracket is not closed: a section is [GROUP], [GROUP:children] or [GROUP:vars].")
	}
	if text[0] == '[' && text[len(text)-1] == ']' {
		return at.Errorf(diag.Syntax, "Invalid inventory", "A section is [GROUP], [GROUP:children] or [GROUP:vars], without spaces.")
	}
	switch r.kind {
	case "vars":
		return r.variable(text, at)
	case "children":
		return r.child(text, at)
	}
	return r.host(text, at)
}

func isSpace(c rune) bool { return unicode.IsSpace(c) || c >= 0x1c && c <= 0x1f }

func (r *ini) section(name, kind string, at inventory.Place) *hcl.Diagnostic {
	if kind == "" {
		kind = "hosts"
	}
	kinds := []string{"hosts", "children", "vars"}
	if !slices.Contains(kinds, kind) {
		return at.Errorf(diag.Syntax, "Invalid inventory", "The section [%s:%s] has an unknown kind: there are hosts, children and vars.%s", name, kind, diag.DidYouMean(kind, kinds))
	}
	_, declared := r.model.groups[name]
	g, d := r.model.addGroup(name, at)
	if d != nil {
		return d
	}
	r.group, r.kind = g, kind
	if kind == "vars" {
		if !declared && r.wanted[name] == nil {
			r.want(name, wanted{at: at})
		}
		return nil
	}
	for _, w := range r.wanted[name] {
		if w.parent != nil {
			if d := r.model.addChild(w.parent, g, w.at); d != nil {
				return d
			}
		}
	}
	delete(r.wanted, name)
	return nil
}

func (r *ini) want(name string, w wanted) {
	if r.wanted[name] == nil {
		r.names = append(r.names, name)
	}
	r.wanted[name] = append(r.wanted[name], w)
}

// missing reports groups that were named and never declared.
func (r *ini) missing() {
	for _, name := range r.names {
		list := r.wanted[name]
		if len(list) == 0 || len(r.diags) >= mostErrors {
			continue
		}
		delete(r.wanted, name)
		w := list[0]
		hint := diag.DidYouMean(name, diag.Candidates(r.model.groups))
		if w.parent == nil {
			r.diags = append(r.diags, w.at.Errorf(diag.UnknownReference, "Group that does not exist", "There is no group %s for these variables: declare it as [%s] or [%s:children].%s", diag.Quote(name), name, name, hint))
			continue
		}
		r.diags = append(r.diags, w.at.Errorf(diag.UnknownReference, "Group that does not exist", "There is no group %s: declare it as [%s], also if it has no hosts.%s", diag.Quote(name), name, hint))
	}
}

func (r *ini) child(text string, at inventory.Place) *hcl.Diagnostic {
	m := groupForm.FindStringSubmatch(text)
	if m == nil {
		return at.Errorf(diag.Syntax, "Invalid inventory", "In a section of children each line is the name of a group.")
	}
	name := m[1]
	at.End = at.Start + len(name)
	g := r.model.groups[name]
	if g == nil {
		r.want(name, wanted{r.group, at})
		return nil
	}
	return r.model.addChild(r.group, g, at)
}

func (r *ini) variable(text string, at inventory.Place) *hcl.Diagnostic {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return at.Errorf(diag.Syntax, "Invalid inventory", "In a section of variables each line is NAME=VALUE.")
	}
	v, d := r.value(strings.TrimFunc(value, isSpace), at)
	if d != nil {
		return d
	}
	return r.model.setGroupVar(r.group, strings.TrimFunc(key, isSpace), v, at)
}

// value types a value and counts what it holds.
func (r *ini) value(text string, at inventory.Place) (any, *hcl.Diagnostic) {
	v, err := python.Value(text)
	if errors.Is(err, python.ErrMany) {
		return nil, at.Errorf(diag.TooLarge, "Inventory too large", "This value holds more than %d values.", inventory.MaxValues)
	}
	if err != nil {
		return nil, at.Errorf(diag.TooDeep, "Inventory nested too deeply", "More than %d lists and maps lie in one another here.", inventory.MaxDepth)
	}
	r.model.values += size(v) - 1
	return v, nil
}

// size is how many values a value holds.
func size(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n += size(e)
		}
	case map[string]any:
		for _, e := range v {
			n += size(e)
		}
	}
	return n
}

func (r *ini) host(text string, at inventory.Place) *hcl.Diagnostic {
	words, err := python.Split(text)
	if errors.Is(err, python.ErrWords) {
		return at.Errorf(diag.TooLarge, "Inventory too large", "This line has more than %d words.", python.MaxWords)
	}
	if err != nil {
		return at.Errorf(diag.Syntax, "Invalid inventory", "This line cannot be taken apart: %s.", err)
	}
	if len(words) == 0 {
		return at.Errorf(diag.Syntax, "Invalid inventory", "The name of a host is missing.")
	}
	place := func(w python.Word) inventory.Place { return r.file.At(at.Start+w.Start, at.Start+w.End) }
	first := place(words[0])
	hosts, port, err := expand(words[0].Text)
	switch {
	case err != nil && strings.Contains(err.Error(), "more than"):
		return first.Errorf(diag.TooLarge, "Inventory too large", "In this pattern of hosts, %s.", err)
	case err != nil:
		return first.Errorf(diag.Inventory, "Invalid host pattern", "This is no pattern of hosts: %s.", err)
	case slices.ContainsFunc(hosts, func(h string) bool { return strings.TrimSpace(h) == "---" }):
		return first.Errorf(diag.Syntax, "Invalid inventory", "This looks like YAML, but the file cannot be read as YAML.")
	}
	for _, name := range hosts {
		if d := r.model.addHost(name, r.group, port, first); d != nil {
			return d
		}
	}
	for _, w := range words[1:] {
		key, text, ok := strings.Cut(w.Text, "=")
		if !ok {
			return place(w).Errorf(diag.Syntax, "Invalid inventory", "Behind a host's name there are variables, each as NAME=VALUE. Quote a value that has spaces.")
		}
		v, d := r.value(text, place(w))
		if d != nil {
			return d
		}
		for _, name := range hosts {
			if d := r.model.setHostVar(name, key, v, place(w)); d != nil {
				return d
			}
		}
	}
	return nil
}
