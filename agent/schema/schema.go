// Package schema describes, as plain data, the arguments that actions and transports take and the results that
// actions give. The language checks sites against it and the reference is printed from it; it evaluates nothing.
package schema

import (
	"slices"
	"strings"
)

// Type is the type of an attribute, in the words of the language.
type Type string

// The types.
const (
	String   Type = "string"
	Number   Type = "number"
	Bool     Type = "bool"
	Strings  Type = "list(string)"
	Numbers  Type = "list(number)"
	Map      Type = "map(string)"
	Mode     Type = "mode"     // a string of three or four octal digits, such as "0640"
	Duration Type = "duration" // a string such as "1m30s", more than nothing
	Pause    Type = "pause"    // a duration that may be "0s"
	Path     Type = "path"     // an absolute path on the target
	Source   Type = "source"   // a path on the controller, relative to the module's directory; its content is sent
	Regex    Type = "regex"    // a regular expression, for which an agent gets its program (see agent/action/pattern)
	Tree     Type = "tree"     // likewise, of a file or of a directory with everything in it
	// Destination is a path on the controller, relative to the module's directory, that is written to.
	Destination Type = "destination"
	Any         Type = "any"
)

// Attribute is one argument or one result.
type Attribute struct {
	Name     string
	Type     Type
	Required bool
	Secret   bool              // a value that is never shown, whether or not it is marked sensitive
	Static   bool              // must be known without facts and results
	OneOf    []string          // the values allowed, if they are few
	Meant    map[string]string // other words that people know → the value of OneOf that they mean
	Free     bool              // any text without a NUL will do, whatever Check says; of a list, in all places but the first
	Reach    *Reach            // of an argument of an action; nil: anywhere
	Doc      string            // one sentence, for the reference
}

// Reach says what of a task can hold the value of one of its arguments, or tell of it. That is hidden where the value is
// sensitive, as the argument itself is, and the rest is shown.
type Reach struct {
	Change  []string // attributes of what the change is about
	Results []string // results
	Diff    bool
	Quote   bool // what programs have printed, where errors quote it
	Errors  bool // what errors say
}

// Block describes an action or a transport.
type Block struct {
	Name      string
	Doc       string
	Arguments []Attribute
	Results   []Attribute // of an action, beside changed, failed, skipped and duration
	Example   string      // a block that the reference shows and a test runs
	Environ   *Reach      // how far the environment of an action reaches; nil: anywhere
	Uncut     bool        // what an action does may be at a point where it must not be cut: an interrupt lets it finish
	Beside    [2]string   // the name of a file that the example needs, and what is in it
	// Check finds what the attributes alone cannot say (two that exclude each other, a name that is none). It gets the
	// arguments that are given (string, float64, bool, []any, map[string]any, or Unknown) and returns nil, an
	// *ArgumentError or several of them, joined. Its message may quote the argument that it names, and no other. Where that is sensitive it is not shown,
	// unless it is Fixed.
	Check func(given map[string]any) error
}

// NeededFirst are the arguments in the order in which they are listed: those that must be given, then the others, both by name.
func (b Block) NeededFirst() []Attribute {
	return slices.SortedFunc(slices.Values(b.Arguments), func(x, y Attribute) int {
		if x.Required != y.Required {
			return map[bool]int{true: -1, false: 1}[x.Required]
		}
		return strings.Compare(x.Name, y.Name)
	})
}

// Unknown stands for the value of an argument that is given and that only the run will tell.
type Unknown struct{}

// ArgumentError says what is wrong with one argument.
type ArgumentError struct {
	Argument string // "" when it is about the block
	Message  string // a full sentence
	Fixed    bool   // the message is the same for all wrong values: it is shown for a sensitive one, too
}

func (e *ArgumentError) Error() string { return e.Message }

// Problems takes apart what Check returns.
func Problems(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, Problems(e)...)
	}
	return out
}
