// Package own is about actions of the user's own: executables beside a site that say in JSON what they take and give, and
// are given JSON when they run. It reads what they say of themselves, writes what they are given and reads what they answer;
// docs/language/own-actions.md is the contract. It starts nothing and knows no sites: package lang finds the executables and
// asks them, planner calls what is here for each task, and the executor and the agents carry bytes.
package own

import (
	"fmt"
	"strings"

	"runner/agent/schema"
)

// Protocol is the version of the contract.
const Protocol = 1

// The limits of what actions say and are given.
const (
	MaxDescription = 1 << 20 // bytes of what an action says of itself
	MaxRequest     = 1 << 20 // bytes of what it is given for a task
	MaxAnswer      = 1 << 20 // bytes of its answer: as much as is kept of a program's output
)

// Describe is the argument with which an action is asked what it is.
const Describe = "describe"

// Action is what an executable says of itself.
type Action struct {
	schema.Block
	File     string         // on the controller, absolute
	Exact    bool           // it can look without changing anything; else only that it will run can be said
	Shell    bool           // it is given assignments that a shell evaluates instead of JSON
	Defaults map[string]any // of arguments, plain
}

// Problem is something that is wrong with what an action says.
type Problem struct {
	Where string // such as "arguments.path.type"; "": as a whole
	What  string // a sentence
}

func (p Problem) String() string {
	if p.Where == "" {
		return p.What
	}
	return p.Where + ": " + p.What
}

// problems collects.
type problems []Problem

func (p *problems) add(where, format string, args ...any) {
	*p = append(*p, Problem{where, fmt.Sprintf(format, args...)})
}

// under is the place of a member.
func under(where, name string) string { return strings.TrimPrefix(where+"."+name, ".") }
