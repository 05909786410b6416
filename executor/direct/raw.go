package direct

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"runner/agent/process"
	"runner/agent/wire"
	"runner/executor/broker"
	"runner/planner/plan"
)

// Line is the command line of an instance of raw, and the outcome before it runs.
func Line(in plan.Instance) (broker.Line, Outcome) {
	line := broker.Line{Command: textOf(in.Args, "command"), Stdin: []byte(textOf(in.Args, "stdin"))}
	if in.Content != nil {
		line.Stdin = in.Content.Data
	}
	words, _ := in.Args["argv"].([]any)
	for _, word := range words {
		text, _ := word.(string)
		line.Argv = append(line.Argv, text)
	}
	after := map[string]any{}
	for _, name := range []string{"command", "argv"} {
		if in.Args[name] != nil {
			after[name] = in.Args[name]
		}
	}
	return line, does(in.Args["changes"] == false, after)
}

// Ran notes what an instance's command line has printed, as a command's, and how it ended. An end that is not ok is an error.
func (o *Outcome) Ran(in plan.Instance, p broker.Printed) error {
	line := func(printed []byte) string {
		text := strings.ToValidUTF8(string(printed), "\uFFFD")
		return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	}
	out := map[string]any{"stdout": line(p.Stdout), "stderr": line(p.Stderr), "truncated": p.Truncated, "exit_code": nil, "signal": nil}
	switch {
	case p.Signal != "":
		out["signal"] = "SIG" + strings.TrimPrefix(p.Signal, "SIG")
	case p.Status >= 0:
		out["exit_code"] = p.Status
	}
	o.Attributes.Values = out
	return judge(p, in.Args["ok_exit_codes"])
}

// judge turns an end that is not ok into an error.
func judge(p broker.Printed, ok any) error {
	problem := &wire.Problem{Hint: p.Hint, Quote: wire.Quote(p.Stderr)}
	if len(bytes.TrimSpace(p.Stderr)) == 0 {
		problem.Quote = wire.Quote(p.Stdout)
	}
	codes, _ := ok.([]any)
	switch {
	case p.Reason == process.ReasonTimeout:
		problem.Code, problem.Message = wire.CodeTimeout, "it did not end in time, and was left"
		problem.Hint = "Without an agent there nobody ends what it has started."
	case p.Reason == process.ReasonCancelled:
		problem.Code, problem.Message = wire.CodeCancelled, "it was left before it had ended"
	case p.Signal != "":
		problem.Code, problem.Message = wire.CodeSignal, "it was ended by SIG"+strings.TrimPrefix(p.Signal, "SIG")
	case p.Status < 0:
		problem.Code, problem.Message = wire.CodeExit, "nobody says how it ended"
	case codes == nil && p.Status == 0, slices.ContainsFunc(codes, func(v any) bool { return fmt.Sprint(v) == fmt.Sprint(p.Status) }):
		return nil
	default:
		problem.Code, problem.Message = wire.CodeExit, fmt.Sprintf("it ended with status %d", p.Status)
	}
	return problem
}
