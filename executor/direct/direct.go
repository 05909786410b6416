// Package direct is what tasks come to that the controller carries out itself, in the place of a call: assert, fail, print and
// pause, which ask nothing of a target, http and raw, which ask for no agent's action. It reads their arguments and judges their ends. Its
// neighbours are executor, which carries them out in their turn, executor/request and executor/broker, which do it.
package direct

import (
	"slices"

	"runner/agent/wire"
	"runner/executor/event"
	"runner/planner/plan"
)

// The actions. No peer hears of them.
const (
	Assert = "assert" // fails unless its condition holds
	Fail   = "fail"   // fails
	Print  = "print"  // shows a message
	Pause  = "pause"  // waits
	HTTP   = "http"   // makes a request from a target: its agent connects, and the controller speaks
	Raw    = "raw"    // runs a command line where the chain ends, without an agent there
)

// Outcome is what one of them has come to.
type Outcome struct {
	Failed     bool
	Changed    bool
	Message    string          // why it has failed
	Unknown    bool            // only the run will tell
	Change     wire.Change     // for a preview
	Attributes wire.Attributes // of the change, and what the action gives
}

// Say returns what an action that asks nothing of a target comes to with the arguments of an instance, as far as they are known.
func Say(action string, in plan.Instance) Outcome {
	message := textOf(in.Args, "message")
	out := Outcome{Change: wire.Change{Verb: wire.VerbNone}}
	switch action {
	case Assert:
		condition, known := in.Args["condition"].(bool)
		out.Unknown, out.Failed, out.Message = !known, known && !condition, message
		if message == "" {
			out.Message = "the condition does not hold"
		}
		if slices.Contains(in.Unknown, "message") {
			out.Message += " (why is known after apply)"
		}
	case Fail:
		out.Failed, out.Message = true, message
		if out.Unknown = slices.Contains(in.Unknown, "message"); out.Unknown {
			out.Message = "(its message is known after apply)"
		}
	case Print:
		out.Unknown = slices.Contains(in.Unknown, "message")
		out.Change.Verb, out.Attributes.After = wire.VerbRead, map[string]any{}
		if !out.Unknown {
			out.Attributes.Values = map[string]any{"message": message}
			out.Attributes.After = out.Attributes.Values
		}
	case Pause:
		out.Unknown = len(in.Unknown) > 0
		return out
	}
	if slices.Contains(in.Unknown, "when") || slices.Contains(in.Unknown, "for_each") { // whether it will be come to
		out.Failed, out.Unknown, out.Attributes.Values = false, true, nil
	}
	if out.Unknown {
		out.Change.Verb = wire.VerbRead
	}
	return out
}

// does is the outcome of what is done on a target, before it is.
func does(reads bool, after map[string]any) Outcome {
	out := Outcome{Changed: !reads, Change: wire.Change{Verb: wire.VerbRun}, Attributes: wire.Attributes{After: after}}
	if reads {
		out.Change.Verb = wire.VerbRead
	}
	return out
}

// Later says that only the run will tell what it comes to.
func (o *Outcome) Later(in plan.Instance) {
	o.Unknown = true
	if o.Change.Verb == wire.VerbRead && len(in.Unknown) == 0 {
		o.Change.Unknown = []string{"result"}
	}
}

// End is how a task ends that has come to it.
func (o *Outcome) End(in plan.Instance, place plan.Place) *event.TaskEnd {
	end := &event.TaskEnd{Address: in.Address, Status: event.OK, Sensitive: in.Hidden.Failures()}
	switch {
	case !o.Failed && o.Changed:
		end.Status = event.Changed
		return end
	case !o.Failed:
		return end
	}
	failure := (&event.Failure{Message: o.Message, Place: place}).Hide(in)
	end.Status, end.Reason, end.Error, end.Failure = event.Failed, "error", failure.Text(), failure
	return end
}

// Result is what others can read of it.
func (o *Outcome) Result(in plan.Instance) plan.Result {
	return plan.Result{
		Key: in.Key, Failed: o.Failed, Changed: o.Changed && !o.Failed, Values: o.Attributes.Values, Unknown: o.Unknown,
		UnknownChanged: slices.Contains(in.Unknown, "when"), // whether it is skipped, too
	}
}

func textOf(args map[string]any, name string) string {
	text, _ := args[name].(string)
	return text
}
