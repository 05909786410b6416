package pattern

import (
	"context"
	"strconv"
)

// Replace returns a text in which all matches behind a position are replaced. $1, ${1}, $name and ${name} in the template
// stand for what the group has matched, $$ for a dollar sign, as in Go. A reference to no group stands for nothing, and a
// dollar sign that begins none stands for itself.
func (p *Pattern) Replace(ctx context.Context, text []byte, from int, template string) []byte {
	var out []byte
	last := 0
	p.Each(ctx, text, from, func(match []int) {
		out = append(out, text[last:match[0]]...)
		last = match[1]
		out, _ = p.expand(out, template, text, match)
	})
	return append(out, text[last:]...)
}

// Lacks returns a reference of a template to a group that the expression does not have, or "".
func (p *Pattern) Lacks(template string) string {
	_, lacks := p.expand(nil, template, nil, make([]int, 2*len(p.Names)))
	return lacks
}

// expand appends a template to a text, and returns a reference in it that no group has.
func (p *Pattern) expand(to []byte, template string, text []byte, match []int) (out []byte, lacks string) {
	for at := 0; at < len(template); at++ {
		if template[at] != '$' {
			to = append(to, template[at])
			continue
		}
		begin := at + 1
		braces := begin < len(template) && template[begin] == '{'
		if braces {
			begin++
		}
		end := begin
		for end < len(template) && isWord(template[end]) {
			end++
		}
		name := template[begin:end]
		closed := end < len(template) && template[end] == '}'
		if name == "" || braces && !closed {
			to = append(to, '$')
			if at+1 < len(template) && template[at+1] == '$' {
				at++
			}
			continue
		}
		at = end - 1
		if braces {
			at = end
		}
		if n := p.group(name); n < 0 {
			lacks = name
		} else if match[2*n] >= 0 {
			to = append(to, text[match[2*n]:match[2*n+1]]...)
		}
	}
	return to, lacks
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
