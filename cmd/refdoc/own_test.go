package main

import (
	"testing"

	"runner/cmd/refdoc/page"
	"runner/lang/own"
)

// TestG40OwnActions: what the contract for actions of one's own shows is what is read and written.
func TestG40OwnActions(t *testing.T) {
	blocks, err := page.Read(language + "/own-actions.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for _, b := range blocks {
		shown[b.Info[0]+" "+b.Info[1]] = b.Text
	}
	action, problems := own.Read("example", []byte(shown["json description"]), own.Reserved{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if _, err := action.Answer(true, []byte(shown["json answer"])); err != nil {
		t.Error(err)
	}
	for kind, args := range map[string]map[string]any{
		"json": {"path": "/etc/app.json", "token": "…"}, "sh": {"path": "/etc/app.json"},
	} {
		action.Shell = kind == "sh"
		var secrets []string
		if args["token"] != nil {
			secrets = []string{"token"}
		}
		r, err := action.Request(args, secrets)
		if got := string(r.Head) + "look" + string(r.Tail); err != nil || got != shown[kind+" request"] {
			t.Errorf("%v\n%s", err, got)
		}
	}
}
