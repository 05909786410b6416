package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
	"runner/lang/function"
)

// What the locals and the labels and variables of hosts of a site may take together, in bytes: what a small site can compute, and
// more where files hold much, but not without end. Variables that inventories give have a limit of their own.
const (
	maxHeld      = 20 << 20
	maxHeldText  = 8 << 20
	perByte      = 12      // of what was read; as text twice
	maxRead      = 3 << 20 // of it that counts
	maxInventory = 80 << 20
)

// held is what a site keeps of values.
type held struct {
	all, text, inventories int
	failed                 bool
}

// hold counts a value that the site keeps. Many values of a size that is allowed for each could fill the memory. It
// reports the first one that is too much, and says no to all from there on.
func (l *loader) hold(v cty.Value, at hcl.Range) bool {
	all, text := function.Weight(v)
	l.held.all += all
	l.held.text += text
	if l.held.all > maxHeld || l.held.text > maxHeldText {
		read := l.bytesRead()
		if l.held.all > maxHeld+perByte*read || l.held.text > maxHeldText+2*read {
			return l.holdNoMore(at, (maxHeld+perByte*read)>>20, (maxHeldText+2*read)>>20)
		}
	}
	return true
}

// holdInventory is hold for variables that an inventory gives.
func (l *loader) holdInventory(v cty.Value, at hcl.Range) bool {
	all, _ := function.Weight(v)
	if l.held.inventories += all; l.held.inventories > maxInventory {
		return l.holdNoMore(at, maxInventory>>20, maxInventory>>20)
	}
	return true
}

func (l *loader) holdNoMore(at hcl.Range, all, text int) bool {
	if !l.held.failed {
		l.fail(diag.Errorf(diag.TooLarge, at, "Values too large",
			"Up to here the locals and the labels and variables of hosts hold more than %d MiB of values, or more than %d MiB of text. Give large files as source, and compute long lists where they are used.",
			all, text))
	}
	l.held.failed = true
	return false
}

// bytesRead is how many bytes the site and the files that its functions read have, as far as they count.
func (l *loader) bytesRead() int {
	n := 0
	if l.scope.run != nil {
		n = l.scope.run.FileBytes()
	}
	for _, f := range l.files.Texts {
		n += len(f.Bytes)
	}
	return min(n, maxRead)
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
