package edit

import (
	"context"
	"strings"
)

// ini has the key in as many lines as there are values. A line that is there keeps its place and its spaces; a new one comes
// behind it, or behind the last key of the section, and has the spaces of that one.
func (e *Edit) ini(_ context.Context, old []byte) ([]byte, error) {
	t := parse(old)
	if e.State == "absent" && e.Key == "" {
		t.removeSection(e.Section)
		return t.bytes(), nil
	}
	wanted, bare := e.Values, false
	if e.State != "absent" && e.Key != "" && wanted == nil {
		if bare = e.Value == nil; bare {
			wanted = []string{""}
		} else {
			wanted = []string{*e.Value}
		}
	}
	here := e.Section == ""
	exists := here || e.Key != "" && len(wanted) == 0
	end, last := 0, -1 // numbers of lines: behind the section's last key, and behind this one
	like, alike := setting{sep: " = "}, false
	var out []string
	for _, line := range t.lines {
		name := header(line)
		s := parseSetting(line)
		switch {
		case name != "":
			if here = name == e.Section; here {
				exists, end = true, len(out)+1
			}
		case s.key == "":
			if e.Section == "" && here && end == len(out) && body(line) != "" { // what the file begins with is about all of it
				end++
			}
		case here && s.key == e.Key:
			if len(wanted) == 0 {
				continue
			}
			if (s.sep == "") != bare || s.value != wanted[0] {
				if s.sep == "" {
					s.sep = like.sep
				}
				line = s.with(wanted[0], bare) + line[len(body(line)):]
			}
			wanted = wanted[1:]
			last = len(out) + 1
		}
		if s.sep != "" && (here || !alike) {
			like, alike = s, here
		}
		out = append(out, line)
		if s.key != "" && here {
			end = len(out)
		}
	}
	if !exists {
		if n := len(out); n > 0 && body(out[n-1]) != "" {
			out = append(out, "")
		}
		out = append(out, "["+e.Section+"]")
		end = len(out)
	}
	if last >= 0 {
		end = last
	}
	like.key = e.Key
	var more []string
	for _, value := range wanted {
		more = append(more, like.with(value, bare))
	}
	t.lines = out
	t.insert(end, more...)
	return t.bytes(), nil
}

// removeSection takes a section away, up to the comment right in front of the next one.
func (t *text) removeSection(section string) {
	var out, comment []string // comment: the last lines of the section, which may be about the next one
	here := false
	for _, line := range t.lines {
		if name := header(line); name != "" {
			if here = name == section; !here {
				out = append(out, comment...)
			}
			comment = nil
		}
		switch {
		case !here:
			out = append(out, line)
		case begins(line, "#;"):
			comment = append(comment, line)
		default:
			comment = nil
		}
	}
	if n := len(out); here && n > 0 && body(out[n-1]) == "" { // the line that set it apart
		out = out[:n-1]
	}
	t.lines = out
}

// begins tells whether the first character of a line, but for spaces, is one of a set.
func begins(line, set string) bool {
	line = strings.TrimSpace(line)
	return line != "" && strings.Contains(set, line[:1])
}

// header returns the name of the section that a line begins, or "".
func header(line string) string {
	line = strings.TrimSpace(line)
	end := strings.IndexByte(line, ']')
	if end < 0 || line[0] != '[' {
		return ""
	}
	return strings.TrimSpace(line[1:end])
}

// setting is a line with a key.
type setting struct {
	indent string
	key    string // "": the line is none
	sep    string // the equals sign with the spaces around it; "": there is none
	value  string
}

func parseSetting(line string) (s setting) {
	if begins(line, "#;[") {
		return s
	}
	trimmed := strings.TrimSpace(line)
	key, value, assigned := strings.Cut(trimmed, "=")
	s.key, s.value = strings.TrimSpace(key), strings.TrimSpace(value)
	s.indent = line[:strings.Index(line, trimmed)]
	if assigned {
		s.sep = trimmed[len(s.key) : len(trimmed)-len(s.value)]
	}
	return s
}

// with is the line with another value.
func (s *setting) with(value string, bare bool) string {
	switch {
	case bare:
		return s.indent + s.key
	case value == "":
		return s.indent + s.key + strings.TrimRight(s.sep, " \t")
	case s.sep[0] == ' ' && strings.HasSuffix(s.sep, "="):
		value = " " + value // nothing stood there
	}
	return s.indent + s.key + s.sep + value
}
