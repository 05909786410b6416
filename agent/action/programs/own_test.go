//go:build linux

package programs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// brought are the arguments of a call that brings an executable; it goes with the call, or is the call's input.
func brought(program string, inline bool) args {
	sum := sha256.Sum256([]byte(program))
	out := args{
		"name": "mine", "runs": false, "head": []byte("<"), "tail": []byte(">"),
		"program_size": len(program), "program_sha256": hex.EncodeToString(sum[:]),
	}
	if inline {
		out["program"] = []byte(program)
	}
	return out
}

// says is a program that prints what it was given, and answers.
func says(answer string) string {
	return "#!/bin/sh\necho \"$1 $(cat) $(pwd) $MARK\" >&2\nprintf '%s' '" + answer + "'\n"
}

func TestOwn(t *testing.T) {
	b := actiontest.New(t)
	for _, c := range []struct {
		mode   wire.Mode
		change func(*action.Env, args)
		answer string
		verb   wire.Verb
		ran    string // what it was given
		doubt  bool   // whether anything is said of what follows
	}{
		{mode: wire.ModeLook, answer: `{"changed": false}`, verb: wire.VerbNone, ran: "look <look> /usr here\n"},
		{mode: wire.ModeLook, answer: `{"changed": true}`, verb: wire.VerbRun, ran: "look <look> /usr here\n", doubt: true},
		{mode: wire.ModeApply, answer: `{"changed": true}`, verb: wire.VerbRun, ran: "act <act> /usr here\n"},
		{mode: wire.ModeApply, answer: `{"changed": false}`, verb: wire.VerbNone, ran: "act <act> /usr here\n"},
		{mode: wire.ModeLook, change: func(e *action.Env, _ args) { e.Unsettled = true }, verb: wire.VerbUpdate, doubt: true},
		{mode: wire.ModeLook, change: func(e *action.Env, _ args) { e.Unknown = []string{"path"} }, verb: wire.VerbUpdate, doubt: true},
		{mode: wire.ModeLook, change: func(_ *action.Env, a args) { a["runs"] = true }, verb: wire.VerbRun, doubt: true},
	} {
		env := b.Env(c.mode)
		var heard bytes.Buffer
		env.Dir, env.Environ = "/usr", append(env.Environ, "MARK=here")
		env.Live = func(s wire.Stream) io.Writer {
			if s != wire.StreamError {
				t.Errorf("stream %v is live", s)
			}
			return &heard
		}
		given := brought(says(c.answer), true)
		if c.change != nil {
			c.change(env, given)
		}
		out, err := b.ApplyIn(env, wire.ActionOwn, given)
		if c.mode == wire.ModeLook {
			out, err = b.Make(wire.ActionOwn, given).Look(t.Context(), env)
			heard.Reset()
			if c.ran != "" {
				out, err = b.Make(wire.ActionOwn, given).Look(t.Context(), env)
			}
		}
		if err != nil || out.Change.Verb != c.verb || heard.String() != c.ran {
			t.Errorf("%s: %v, %s, heard %q", c.answer, err, out.Change.Verb, heard.String())
		}
		if doubt := env.View.Disturbed(); doubt != c.doubt {
			t.Errorf("%s: of what follows nothing is certain: %v", c.answer, doubt)
		}
		if c.ran != "" && string(out.Values.(map[string]any)["stdout"].([]byte)) != c.answer {
			t.Errorf("%v", out.Values)
		}
	}
}

// TestOwnFails: what keeps an action from answering is named, and so is what it has said.
func TestOwnFails(t *testing.T) {
	b := actiontest.New(t)
	for _, c := range []struct {
		program string
		code    wire.Code
		message string
		quote   string
	}{
		{says(`{"error": {}}`), wire.CodeAction, "the action mine failed", "act <act>"},
		{says(`{"changed": 1}`), wire.CodeAction, "the action mine failed", "act <act>"},
		{says(``), wire.CodeAction, "the action mine failed", "act <act>"},
		{"#!/bin/sh\necho why >&2; exit 7\n", wire.CodeExit, "the action mine ended with status 7", "why"},
		{"#!/bin/sh\nkill -9 $$\n", wire.CodeSignal, "the action mine was ended by SIGKILL", ""},
		{"#!/no/such\n", wire.CodeAction, "cannot start the action mine: no such file or directory", ""},
		{"no program", wire.CodeAction, "cannot start the action mine: exec format error", ""},
		{"#!/bin/sh\nhead -c 3000000 /dev/zero\n", wire.CodeAction, "the action mine failed", ""},
	} {
		_, err := b.Apply(wire.ActionOwn, brought(c.program, true))
		var p *wire.Problem
		if !errors.As(err, &p) || p.Code != c.code || p.Message != c.message || !strings.Contains(p.Quote, c.quote) {
			t.Errorf("%.30q: %+v", c.program, err)
		}
	}
	wrong := brought("#!/bin/sh\n", true)
	wrong["program_sha256"] = strings.Repeat("0", 64)
	if _, err := b.Apply(wire.ActionOwn, wrong); err == nil || !strings.Contains(err.Error(), "not what was planned") {
		t.Errorf("another executable than was meant: %v", err)
	}
}

// TestOwnIsKept: what comes as input comes once where it can be kept, is verified each time, and is run from memory elsewhere.
func TestOwnIsKept(t *testing.T) {
	b := actiontest.New(t)
	program := says(`{"changed": false}`)
	given := brought(program, false)
	cache := t.TempDir()
	asked := 0
	run := func(cache string) {
		t.Helper()
		env := b.Env(wire.ModeApply)
		env.Cache, env.Input = cache, func() io.Reader { asked++; return strings.NewReader(program) }
		if _, err := b.ApplyIn(env, wire.ActionOwn, given); err != nil {
			t.Fatal(err)
		}
	}
	kept := filepath.Join(cache, "action-"+given["program_sha256"].(string))
	for i, c := range []struct {
		cache  string
		before func()
		asked  int
	}{
		{cache: cache, asked: 1},
		{cache: cache, asked: 1},
		{cache: "", asked: 2},
		{cache: "/no/such/directory", asked: 3},
		{cache: cache, asked: 4, before: func() { actiontest.OK(t, os.WriteFile(kept, []byte("#!/bin/sh\nexit 9\n"), 0o700)) }},
		{cache: cache, asked: 4},
	} {
		if c.before != nil {
			c.before()
		}
		if run(c.cache); asked != c.asked {
			t.Errorf("step %d: the input was asked for %d times, want %d", i, asked, c.asked)
		}
	}
	entries, err := os.ReadDir(cache)
	if err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v", entries, err)
	}
	if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}
