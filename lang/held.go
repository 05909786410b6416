package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
	"runner/lang/function"
)

// What the locals and the variables of hosts of a site may take together, in bytes.
const (
	maxHeld     = 80 << 20
	maxHeldText = 32 << 20
)

// held is what a site keeps of values.
type held struct {
	all, text int
	failed    bool
}

// hold counts a value that the site keeps. Many values of a size that is allowed for each could fill the memory. It
// reports the first one that is too much, and says no to all from there on.
func (l *loader) hold(v cty.Value, at hcl.Range) bool {
	all, text := function.Weight(v)
	l.held.all += all
	l.held.text += text
	if l.held.all <= maxHeld && l.held.text <= maxHeldText {
		return true
	}
	if !l.held.failed {
		l.fail(diag.Errorf(diag.TooLarge, at, "Values too large",
			"Up to here the locals and the variables of hosts hold more than %d MiB of values, or more than %d MiB of text. Give large files as source, and compute long lists where they are used.",
			maxHeld>>20, maxHeldText>>20))
	}
	l.held.failed = true
	return false
}

// text is how many bytes the texts in an instance's arguments have.
func (in *Instance) text() int {
	n := 0
	for _, arg := range in.Args {
		switch arg := arg.(type) {
		case string:
			n += len(arg)
		case []any:
			for _, element := range arg {
				if s, ok := element.(string); ok {
					n += len(s)
				}
			}
		}
	}
	return n
}
