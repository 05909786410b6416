package executor

import (
	"runner/agent/wire"
	"runner/executor/broker"
	"runner/planner/plan"
)

// answers is what an Evaluator knows beside, where the plan has actions of the user's own: what their answers mean.
type answers interface {
	// Answer takes apart what the action of a task has printed after it has looked or acted. An error says that it may not
	// answer so.
	Answer(address string, look bool, text []byte) (plan.Answer, error)
}

// maxProgram is how many bytes an executable may have that is in each call that needs it. A larger one goes when it is asked
// for, and targets keep it.
const maxProgram = 16 << 10

// ownCall makes the arguments of a call of an action of the user's own, and what may have to follow them.
func ownCall(task *plan.Task, o *plan.Own) (map[string]any, *plan.Content) {
	args := map[string]any{
		"name": task.Action, "runs": task.Own == "runs", "head": o.Head, "tail": o.Tail, "program_size": o.Size, "program_sha256": o.SHA256,
	}
	if len(o.Data) > 0 && len(o.Data) <= maxProgram {
		args["program"] = o.Data
		return args, nil
	}
	content := &plan.Content{Argument: "program", Data: o.Data, Size: o.Size}
	if o.Data == nil {
		content.File = o.File
	}
	return args, content
}

// badAnswer says what to do about an action that answers what it may not.
const badAnswer = "The action has a mistake: what it may answer is in the reference, under actions of one's own."

// readOwn makes of what an action of the user's own has printed what other actions reply. What its agent could not know to be a
// failure is one all the same, although what was sent behind it has been done.
func (h *hostRun) readOwn(s *sent, r broker.Reply) (answer, error) {
	out := answer{Reply: r}
	all, err := r.Attributes(nil)
	if err != nil || all.Values == nil {
		return out, err
	}
	text, _ := all.Values["stdout"].([]byte)
	truncated, _ := all.Values["truncated"].(bool)
	reader, ok := h.run.Evaluator.(answers)
	if !ok {
		return out, nil
	}
	said, err := reader.Answer(s.task.Address, h.isPreview(), text)
	failed := r.Problem != nil
	switch {
	case truncated && (!failed || r.Problem.Code == wire.CodeAction):
		out.Problem = &wire.Problem{Code: wire.CodeAction, Message: "the action " + s.task.Action + " answers with more than a MiB", Hint: badAnswer}
	case err == nil && said.Error != "":
		out.Problem = &wire.Problem{Code: wire.CodeAction, Message: said.Error, Hint: said.Hint}
	case failed && r.Problem.Code != wire.CodeAction: // it ended badly, whatever it has printed
	case err != nil:
		out.Problem = &wire.Problem{Code: wire.CodeAction, Message: err.Error(), Hint: badAnswer}
		if failed {
			out.Problem.Quote = r.Problem.Quote
		}
	case !failed:
		out.Change = wire.Change{Verb: wire.Verb(said.Verb), Diff: said.Diff, State: r.Change.State}
		out.said = wire.Attributes{Before: said.Before, After: said.After, Values: said.Result}
	}
	s.wentOn = s.wentOn || out.Problem != nil && !failed
	return out, nil
}
