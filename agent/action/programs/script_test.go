//go:build linux

package programs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// A script runs by its own first line, with its arguments as they are, in its directory, with its input; a program runs as it
// is. What was changed is for the task to say, as of a command.
func TestScript(t *testing.T) {
	b := actiontest.New(t)
	dir := t.TempDir()
	binary, err := os.ReadFile("/bin/true")
	actiontest.OK(t, err)
	large := "#!/bin/sh\necho large\nexit 0\n" + strings.Repeat("#\n", wire.MaxInline)
	for name, c := range map[string]struct {
		a      args
		input  string
		stdout string
		verb   wire.Verb
	}{
		"arguments": {a: args{"content": "#!/bin/sh\nfor a; do echo \"<$a>\"; done", "args": []any{"-e", "a b", "$(x)", ""}}, stdout: "<-e>\n<a b>\n<$(x)>\n<>", verb: wire.VerbRun},
		"options":   {a: args{"content": "#! /bin/sh -e \nfalse\n", "ok_exit_codes": []any{1.0}}, verb: wire.VerbRun},
		"directory": {a: args{"content": "#!/bin/sh\npwd", "chdir": dir}, stdout: dir, verb: wire.VerbRun},
		"input":     {a: args{"content": "#!/bin/cat", "stdin": "x"}, stdout: "#!/bin/cat", verb: wire.VerbRun},
		"stdin":     {a: args{"content": "#!/bin/sh\ncat", "stdin": "x"}, stdout: "x", verb: wire.VerbRun},
		"env":       {a: args{"content": []byte("#!/usr/bin/env sh\necho found")}, stdout: "found", verb: wire.VerbRun},
		"reads":     {a: args{"content": "#!/bin/sh\necho it", "changes": false}, stdout: "it", verb: wire.VerbRead},
		"program":   {a: args{"content": binary}, verb: wire.VerbRun},
		"large":     {a: args{"content_size": len(large), "content_sha256": "x"}, input: large, stdout: "large", verb: wire.VerbRun},
		"spared":    {a: args{"content": "#!/bin/sh\necho it", "creates": dir}, verb: wire.VerbNone},
	} {
		env := b.Env(wire.ModeApply)
		if c.input != "" {
			env.Input = func() io.Reader { return strings.NewReader(c.input) }
		}
		out, err := b.ApplyIn(env, "script", c.a)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b.Verb(out, c.verb)
		if got := fmt.Sprint(actiontest.Result(out, "stdout")); c.verb != wire.VerbNone && got != c.stdout {
			t.Errorf("%s: printed %q", name, got)
		}
		if name == "large" {
			continue
		}
		previewed, err := b.Preview("script", c.a)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		b.Verb(previewed, c.verb)
	}
}

// What keeps a script from running is named, by its preview too; and how it ended.
func TestScriptFails(t *testing.T) {
	b := actiontest.New(t)
	for name, c := range map[string]struct {
		content    string
		want, hint string
		later      bool // only the run tells
	}{
		"no first line":  {content: "echo x\n", want: "no first line that names its interpreter", hint: "#!/bin/sh"},
		"empty":          {content: "", want: "no first line that names its interpreter"},
		"no interpreter": {content: "#!/usr/bin/perl99 -w\n", want: `its interpreter "/usr/bin/perl99" is not there`, hint: "Install it"},
		"of Windows":     {content: "#!/bin/sh\r\necho x\r\n", want: `its interpreter "/bin/sh\r" is not there`, hint: "as on Windows"},
		"elsewhere":      {content: "\x7fELF\x01\x00\x00", want: "no program for this machine", later: true},
		"status":         {content: "#!/bin/sh\necho why >&2\nexit 4\n", want: "the script ended with status 4", later: true},
	} {
		for _, mode := range []wire.Mode{wire.ModeApply, wire.ModeLook} {
			_, err := b.ApplyIn(b.Env(mode), "script", args{"content": c.content})
			if mode == wire.ModeLook {
				_, err = b.Preview("script", args{"content": c.content})
			}
			var problem *wire.Problem
			switch {
			case mode == wire.ModeLook && c.later:
				if err != nil {
					t.Errorf("%s: previewed as %v", name, err)
				}
			case !errors.As(err, &problem) || !strings.Contains(problem.Message, c.want) || !strings.Contains(problem.Hint, c.hint):
				t.Errorf("%s in %v: %v, %+v", name, mode, err, problem)
			case strings.Contains(problem.Message, "/proc/"):
				t.Errorf("%s: %s", name, problem.Message)
			}
		}
	}
}

// G25: nothing of a script stands on a command line or in the environment, and its children have no descriptor of it. Nothing
// of it is left, also where it is ended while it runs.
func TestG25Script(t *testing.T) {
	b := actiontest.New(t)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	out := b.Must("script", args{"content": "#!/bin/sh\n# a-secret-word\ntr '\\0' '\\n' </proc/$$/cmdline; env; ls /proc/self/fd | wc -l\nexec 3>&1"})
	printed := fmt.Sprint(actiontest.Result(out, "stdout"))
	if strings.Contains(printed, "a-secret-word") || !strings.HasSuffix(printed, "\n4") {
		t.Errorf("printed %s", printed)
	}
	started := filepath.Join(t.TempDir(), "started")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := actiontest.Run(ctx, b.Env(wire.ModeApply), b.Make("script", args{"content": "#!/bin/sh\ntouch \"$1\"\nsleep 60", "args": []any{started}}))
	var problem *wire.Problem
	if !errors.As(err, &problem) || problem.Code != wire.CodeTimeout {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(started); err != nil {
		t.Error("it did not begin")
	}
	if left := actiontest.Entries(t, temporary); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A preview shows what will run, and changes nothing; afterwards nothing is certain.
func TestScriptPreview(t *testing.T) {
	b := actiontest.New(t)
	env := b.Env(wire.ModeLook)
	out, err := b.Make("script", args{"content": "#!/bin/sh\nexit 9", "args": []any{"x"}, "chdir": "/tmp"}).Look(t.Context(), env)
	if err != nil || fmt.Sprint(out.After) != "map[args:[x] chdir:/tmp size:16]" || out.Values != nil || !env.View.Disturbed() {
		t.Errorf("%v, %v, %v", out.After, out.Values, err)
	}
	env = b.Env(wire.ModeLook)
	env.Input = func() io.Reader { return bytes.NewReader(nil) }
	if _, err := b.Make("script", args{"content_size": 1 << 20}).Look(t.Context(), env); err != nil {
		t.Error(err)
	}
}
