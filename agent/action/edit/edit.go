// Package edit holds the actions that change a text file and leave the rest of it as it is: line, block, replace and ini.
// Each makes new content of the old one; what is there, and how a file is written, is the business of its neighbour
// agent/action/files. Bytes are kept as they are, whatever the encoding; line ends and a missing last line break too.
package edit

import (
	"bytes"
	"context"
	"strings"

	"runner/agent/action"
	"runner/agent/action/files"
	"runner/agent/action/pattern"
)

// Edit is any of the actions. They differ in what they make of the content, and one type for all of them makes the agent
// smaller by some kilobytes: each takes those of the arguments that its schema has.
type Edit struct {
	files.File
	State  string `cbor:"state"`
	Create bool   `cbor:"create"`

	Regex      *pattern.Pattern `cbor:"regex"`  // of line and replace
	After      *pattern.Pattern `cbor:"after"`  // of all but ini
	Before     *pattern.Pattern `cbor:"before"` // likewise
	FirstMatch bool             `cbor:"first_match"`

	Line *string `cbor:"line"`

	Block  string `cbor:"content"`
	Marker string `cbor:"marker"`
	Begin  string `cbor:"begin"`
	End    string `cbor:"end"`

	With string `cbor:"with"`

	Section string   `cbor:"section"`
	Key     string   `cbor:"key"`
	Value   *string  `cbor:"value"`
	Values  []string `cbor:"values"`

	change func(e *Edit, ctx context.Context, old []byte) ([]byte, error)
}

// NewLine returns the action of that name.
func NewLine() action.Action { return &Edit{change: (*Edit).line} }

// NewBlock returns the action of that name.
func NewBlock() action.Action { return &Edit{change: (*Edit).block} }

// NewReplace returns the action of that name.
func NewReplace() action.Action { return &Edit{change: (*Edit).replace} }

// NewIni returns the action of that name.
func NewIni() action.Action { return &Edit{change: (*Edit).ini} }

// Look previews the change of the content.
func (e *Edit) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	absent := e.State == "absent"
	how := files.Edit{Create: (e.Create || env.IsUnknown("create")) && !absent, Missing: absent, Change: e.changed(ctx)}
	const own = " create mode owner group backup validate in_place durable " // of the file itself: they may come later
	for _, name := range env.Unknown {
		if !strings.Contains(own, " "+name+" ") {
			how.Change = nil
		}
	}
	e.Edit(how)
	return e.File.Look(ctx, env)
}

// changed returns what makes the new content of the old one.
func (e *Edit) changed(ctx context.Context) func(old []byte) ([]byte, error) {
	return func(old []byte) ([]byte, error) {
		if bytes.IndexByte(old, 0) >= 0 {
			return nil, action.Problem("Only text can be edited, and not in UTF-16 or UTF-32.", "cannot edit %s: it is no text, there are NUL bytes in it", e.Path)
		}
		text, marked := bytes.CutPrefix(old, []byte(mark))
		text, err := e.change(e, ctx, text)
		if err == nil {
			err = context.Cause(ctx) // an expression that was given up says that it does not match
		}
		if marked {
			text = append([]byte(mark), text...)
		}
		if text == nil {
			text = []byte{}
		}
		return text, err
	}
}

// mark is a byte order mark: no part of the first line.
const mark = "\xef\xbb\xbf"
