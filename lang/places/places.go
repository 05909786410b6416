// Package places knows who writes where on the controller, so that nobody writes to a place of somebody else: what one brings the other
// would overwrite or remove, and every run would change both. Its neighbours are lang, which asks it of what is known of a site, and
// planner, which asks it again of what a run comes to know; it looks at no file.
package places

import (
	"iter"
	"path/filepath"
	"strings"

	"runner/lang/diag"
)

// Writer is a task, or an element of one, that writes on the controller for a host.
type Writer struct{ Address, Host, From string }

// Places are those that are written to. The zero value has none.
type Places struct {
	all   map[string]Writer // by path
	above map[string]Writer // by directory: who has something in it
}

// Claim notes that somebody writes to a path. If somebody else writes there, to something in it, or to what it lies in, it returns who. Whoever
// writes the same to the same path is nobody else, and a path that ends in a slash is not known yet.
func (p *Places) Claim(at string, w Writer) (other Writer, free bool) {
	if at != "/" && strings.HasSuffix(at, "/") {
		return Writer{}, true
	}
	if p.all == nil {
		p.all, p.above = map[string]Writer{}, map[string]Writer{}
	}
	if other, ok := p.all[at]; ok && (other.Host != w.Host || other.From != w.From) {
		return other, false
	}
	if other, ok := p.above[at]; ok && !w.is(other) {
		return other, false
	}
	for dir := range directories(at) {
		if other, ok := p.all[dir]; ok && !w.is(other) {
			return other, false
		}
	}
	p.all[at] = w
	for dir := range directories(at) {
		if _, ok := p.above[dir]; ok {
			break
		}
		p.above[dir] = w
	}
	return w, true
}

// directories are those that a path lies in, inner ones first.
func directories(at string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for dir := filepath.Dir(at); dir != at && yield(dir); at, dir = dir, filepath.Dir(dir) {
		}
	}
}

// is says whether it is the same one, which has written elsewhere while less was known.
func (w Writer) is(other Writer) bool { return w.Address == other.Address && w.Host == other.Host }

// Clash says in a sentence what is wrong with a path that is not free, and may be sensitive.
func (w Writer) Clash(at string, sensitive bool) string {
	shown := diag.Quote(at)
	if sensitive {
		shown = "the sensitive value"
	}
	return "This would write to " + shown + ", which is, lies in, or has in it what " + w.Address + " writes to for " + w.Host + ". Let each have a destination of its own; where several hosts fetch, with self.name in it."
}
