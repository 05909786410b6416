// Package pattern matches regular expressions as Go's regexp does, in time that grows with the length of the text and
// not faster. It is the agent's half: it runs programs and cannot make any, for a parser with its tables of Unicode would
// make the agent larger by a tenth. Its neighbour compile, which only the controller links, makes them; the actions get
// theirs as arguments of the type schema.Regex.
package pattern

// The instructions, each with what follows it in a program. An instruction goes on to the next one, but for Match, Fail
// and Jump. What is Rune or more is the one rune that it stands for, plus Rune.
const (
	Match  = iota // the end of the expression
	Fail          // matches nothing
	Split         // goes on to the next instruction, and then: to another one, an index of the program
	Jump          // to: an index
	Save          // the position, as: twice the number of a group, one more at its end. The whole match needs none.
	Assert        // that all of these hold at the position: a set of the assertions below
	Class         // any rune of: how many ranges, then the first and the last rune of each, in order
	Rune
)

// What Assert asks for.
const (
	BeginLine = 1 << iota
	EndLine
	BeginText
	EndText
	Boundary   // a word begins or ends, in ASCII
	NoBoundary // none does
)

// Pattern is a regular expression, as a program. It is used by one goroutine at a time.
type Pattern struct {
	_ struct{} `cbor:",toarray"`

	Names   []string // of the groups; "" for those without one, and for the whole match, which is the first
	Program []int32

	machine machine
}
