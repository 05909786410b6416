package direct_test

import (
	"testing"

	"runner/agent/wire"
	"runner/executor/direct"
	"runner/planner/plan"
)

// TestSay: what is not known yet is no failure, says nothing that may be another thing in the run, and is told as such.
func TestSay(t *testing.T) {
	for name, c := range map[string]struct {
		action  string
		args    map[string]any
		unknown []string
		failed  bool
		later   bool   // only the run will tell
		message string // why it has failed, or what it prints
		verb    wire.Verb
	}{
		"a condition holds":             {action: direct.Assert, args: map[string]any{"condition": true, "message": "no"}, message: "no", verb: wire.VerbNone},
		"a condition does not hold":     {action: direct.Assert, args: map[string]any{"condition": false}, failed: true, message: "the condition does not hold", verb: wire.VerbNone},
		"a condition is not known":      {action: direct.Assert, unknown: []string{"condition"}, later: true, message: "the condition does not hold", verb: wire.VerbRead},
		"why is not known":              {action: direct.Assert, args: map[string]any{"condition": false}, unknown: []string{"message"}, failed: true, message: "the condition does not hold (why is known after apply)", verb: wire.VerbNone},
		"an assert may be left out":     {action: direct.Assert, args: map[string]any{"condition": false}, unknown: []string{"when"}, later: true, message: "the condition does not hold", verb: wire.VerbRead},
		"a failure":                     {action: direct.Fail, args: map[string]any{"message": "no"}, failed: true, message: "no", verb: wire.VerbNone},
		"a failure for unknown reasons": {action: direct.Fail, unknown: []string{"message"}, failed: true, later: true, message: "(its message is known after apply)", verb: wire.VerbRead},
		"a failure may be left out":     {action: direct.Fail, args: map[string]any{"message": "no"}, unknown: []string{"when"}, later: true, message: "no", verb: wire.VerbRead},
		"a message":                     {action: direct.Print, args: map[string]any{"message": "hello"}, message: "hello", verb: wire.VerbRead},
		"a message is not known":        {action: direct.Print, unknown: []string{"message"}, later: true, verb: wire.VerbRead},
		"a message for unknown keys":    {action: direct.Print, args: map[string]any{"message": "hello"}, unknown: []string{"for_each"}, later: true, verb: wire.VerbRead},
	} {
		t.Run(name, func(t *testing.T) {
			got := direct.Say(c.action, plan.Instance{Args: c.args, Unknown: c.unknown})
			message := got.Message
			if c.action == direct.Print {
				message, _ = got.Attributes.Values["message"].(string)
			}
			if got.Failed != c.failed || got.Unknown != c.later || message != c.message || got.Change.Verb != c.verb || got.Changed {
				t.Errorf("%+v", got)
			}
		})
	}
}
