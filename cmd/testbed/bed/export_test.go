package bed

import "testing"

// CheckLeaksFor lets a test see what CheckLeaks says.
func CheckLeaksFor(b *Bed, t testing.TB) {
	own := b.t
	b.t = t
	defer func() { b.t = own }()
	b.CheckLeaks()
}
