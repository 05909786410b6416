package pattern

import (
	"bytes"
	"strconv"
)

// Expand appends a replacement for a match to a text: $1, ${1}, $name and ${name} in the template stand for what the
// group has matched, $$ for a dollar sign, as in Go. A reference to no group stands for nothing, and a dollar sign that
// begins none stands for itself.
func (p *Pattern) Expand(to, template, text []byte, match []int) []byte {
	p.references(template, func(literal []byte, _ string, group int) {
		to = append(to, literal...)
		if group >= 0 && match[2*group] >= 0 {
			to = append(to, text[match[2*group]:match[2*group+1]]...)
		}
	})
	return to
}

// Lacks returns the first reference of a template to a group that the expression does not have, or "".
func (p *Pattern) Lacks(template []byte) (first string) {
	p.references(template, func(_ []byte, name string, group int) {
		if first == "" && group < 0 {
			first = name
		}
	})
	return first
}

// references takes a template apart: text, and what follows it: a group, of which it gives the number, -1 for none; or
// nothing, with the name "".
func (p *Pattern) references(template []byte, each func(text []byte, name string, group int)) {
	for {
		at := bytes.IndexByte(template, '$')
		if at < 0 {
			each(template, "", -1)
			return
		}
		name, rest := reference(template[at+1:])
		if name != "" {
			each(template[:at], name, p.group(name))
			template = rest
			continue
		}
		each(template[:at+1], "", -1)
		template = bytes.TrimPrefix(template[at+1:], []byte("$"))
	}
}

// reference takes the name or number of a group from what stands behind a dollar sign; "" if none does.
func reference(text []byte) (name string, rest []byte) {
	braces := len(text) - len(bytes.TrimPrefix(text, []byte("{")))
	end := braces
	for end < len(text) && isWord(text[end]) {
		end++
	}
	name, rest = string(text[braces:end]), text[end:]
	if braces == 0 {
		return name, rest
	}
	if !bytes.HasPrefix(rest, []byte("}")) {
		return "", nil
	}
	return name, rest[1:]
}

// group returns the number of a group, -1 for none.
func (p *Pattern) group(name string) int {
	for n, have := range p.Names {
		if have == name || strconv.Itoa(n) == name {
			return n
		}
	}
	return -1
}
