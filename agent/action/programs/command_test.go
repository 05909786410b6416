//go:build linux

package programs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

func TestCommandResults(t *testing.T) {
	b := actiontest.New(t)
	for _, c := range []struct {
		action string
		args   args
		want   args // of the results
	}{
		{"command", args{"argv": []string{"/bin/echo", "a b", "*"}}, args{"stdout": "a b *", "stderr": "", "exit_code": 0, "truncated": false, "signal": nil, "spared": nil}},
		{"command", args{"argv": []string{"echo", "from the path"}}, args{"stdout": "from the path"}},
		{"command", args{"argv": []string{"cat"}}, args{"stdout": ""}},
		{"command", args{"argv": []string{"cat"}, "stdin": "a\nb\n\n"}, args{"stdout": "a\nb\n"}},
		{"command", args{"argv": []string{"pwd"}, "chdir": "/usr"}, args{"stdout": "/usr"}},
		{"shell", args{"script": "echo out; echo err >&2; exit 3", "ok_exit_codes": []any{0.0, 3.0}}, args{"stdout": "out", "stderr": "err", "exit_code": 3}},
		{"shell", args{"script": "exit 3", "ok_exit_codes": []any{int64(3)}}, args{"exit_code": 3}},
		{"shell", args{"script": "read a; echo \"<$a>\"; cat", "stdin": "1\n2\n"}, args{"stdout": "<1>\n2"}},
		{"shell", args{"script": "x=1\necho ${x}\n# " + strings.Repeat("long ", 200_000)}, args{"stdout": "1"}},
		{"shell", args{"script": "echo $0 | grep -c ^/proc/ ; echo $#; ls /proc/self/fd | wc -l"}, args{"stdout": "1\n0\n4"}}, // 3 and the one ls lists with
		{"shell", args{"script": "set -o pipefail; [[ -n $BASH_VERSION ]] && echo bash", "interpreter": "/bin/bash"}, args{"stdout": "bash"}},
		{"shell", args{"script": "echo $-", "interpreter": []string{"/bin/bash", "-eu"}}, args{"stdout": "ehuB"}},
		{"shell", args{"script": "echo yes", "interpreter": []string{"/bin/bash", "-c"}}, args{"stdout": "yes"}},
		{"shell", args{"script": "{ print $1 }", "interpreter": []string{"awk", "-f"}, "stdin": "a b\n"}, args{"stdout": "a"}},
		{"command", args{"argv": []string{"head", "-c", "1100000", "/dev/zero"}}, args{"truncated": true}},
	} {
		out, err := b.Apply(c.action, c.args)
		if err != nil {
			t.Errorf("%v: %v", c.args, err)
			continue
		}
		b.Verb(out, wire.VerbRun)
		got, _ := out.Values.(map[string]any)
		for name, want := range c.want {
			if !reflect.DeepEqual(got[name], want) {
				t.Errorf("%v: %s is %#v, want %#v", c.args["argv"], name, got[name], want)
			}
		}
		if len(got) != 6 {
			t.Errorf("%d results", len(got))
		}
	}
}

// G27: the ways to fail are told apart, with what the program said last, and its results are there all the same.
func TestG27CommandFailures(t *testing.T) {
	b := actiontest.New(t)
	for _, c := range []struct {
		action        string
		args          args
		code          wire.Code
		message, last string
	}{
		{"shell", args{"script": "echo out; echo trouble >&2; exit 4"}, wire.CodeExit, "/bin/sh ended with status 4", "trouble"},
		{"shell", args{"script": "echo only out; exit 1"}, wire.CodeExit, "status 1", "only out"},
		{"command", args{"argv": []string{"true"}, "ok_exit_codes": []any{1.0}}, wire.CodeExit, "true ended with status 0", ""},
		{"shell", args{"script": "echo dying; kill -9 $$"}, wire.CodeSignal, "/bin/sh was ended by SIGKILL", "dying"},
		{"command", args{"argv": []string{"/nonexistent/tool"}}, wire.CodeAction, "cannot start /nonexistent/tool: no such file or directory", ""},
		{"command", args{"argv": []string{"no-such-tool"}}, wire.CodeAction, "cannot start no-such-tool", ""},
		{"command", args{"argv": []string{"/etc/passwd"}}, wire.CodeAction, "cannot start /etc/passwd: permission denied", ""},
		{"command", args{"argv": []string{"true"}, "chdir": "/nonexistent"}, wire.CodeAction, "in /nonexistent", ""},
		{"command", args{"argv": []string{"true", strings.Repeat("x", 3<<19)}}, wire.CodeAction, "cannot start true: its arguments are larger than the target takes", ""},
	} {
		out, err := b.Apply(c.action, c.args)
		var p *wire.Problem
		if !errors.As(err, &p) || p.Code != c.code || !strings.Contains(p.Message, c.message) || p.Quote != c.last {
			t.Errorf("%.200v: %#v", c.args, err)
		}
		if ran := c.code != wire.CodeAction; ran != (out.Values != nil) {
			t.Errorf("%v: values %v", c.args, out.Values)
		}
	}
	for _, c := range []struct {
		code wire.Code
		end  func(context.Context) (context.Context, context.CancelFunc)
	}{
		{wire.CodeTimeout, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 200*time.Millisecond)
		}},
		{wire.CodeCancelled, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(200*time.Millisecond, cancel)
			return ctx, cancel
		}},
	} {
		ctx, cancel := c.end(t.Context())
		out, err := actiontest.Run(ctx, b.Env(wire.ModeApply), b.Make("shell", args{"script": "echo begun; sleep 60"}))
		cancel()
		var p *wire.Problem
		if !errors.As(err, &p) || p.Code != c.code || actiontest.Result(out, "stdout") != "begun" {
			t.Errorf("%s: %#v %v", c.code, err, out.Values)
		}
	}
}

func TestCommandCreatesAndRemoves(t *testing.T) {
	b := actiontest.New(t)
	dir := t.TempDir()
	actiontest.OK(t, os.Mkdir(dir+"/d", 0o755))
	actiontest.Write(t, dir+"/d/made", "", 0o644)
	actiontest.Write(t, dir+"/.hidden", "", 0o644)
	actiontest.Write(t, dir+"/[literal]", "", 0o644)
	actiontest.OK(t, os.Symlink("nowhere", dir+"/dangling"))
	for _, c := range []struct {
		args  args
		spare bool
	}{
		{args{"creates": dir + "/d/made"}, true},
		{args{"creates": dir + "/d/none"}, false},
		{args{"creates": dir + "/dangling"}, true},
		{args{"creates": dir + "/d"}, true},
		{args{"creates": dir + "/*/ma?e"}, true},
		{args{"creates": dir + "/*/no*"}, false},
		{args{"creates": dir + "/*hidden"}, false},
		{args{"creates": dir + "/.hid*"}, true},
		{args{"creates": dir + "/[literal]"}, true},
		{args{"creates": dir + "/none/none/none"}, false},
		{args{"creates": dir + "/d/made/below"}, false},
		{args{"creates": "made", "chdir": dir + "/d"}, true},
		{args{"creates": "m*", "chdir": dir + "/d"}, true},
		{args{"creates": "/"}, true},
		{args{"removes": dir + "/d/none"}, true},
		{args{"removes": dir + "/d/made"}, false},
		{args{"removes": dir + "/d/*"}, false},
		{args{"creates": dir + "/none", "removes": dir + "/none"}, true},
		{args{"creates": dir + "/none", "removes": dir + "/d"}, false},
	} {
		for _, changes := range []bool{true, false} {
			a := actiontest.Merged(c.args, args{"argv": []string{"/bin/echo", "ran"}, "changes": changes})
			predicted, err := b.Preview("command", a)
			actiontest.OK(t, err)
			out := b.Must("command", a)
			if predicted.Change.Verb != out.Change.Verb || (out.Change.Verb == wire.VerbNone) != c.spare {
				t.Errorf("%v: predicted %s, did %s", c.args, predicted.Change.Verb, out.Change.Verb)
			}
			if _, why := actiontest.Result(out, "spared").(string); why != c.spare || (actiontest.Result(out, "stdout") == "ran") == c.spare {
				t.Errorf("%v: %v", c.args, out.Values)
			}
		}
	}
}

// A command that changes nothing is run by a preview, unless something earlier would be changed.
func TestCommandThatReads(t *testing.T) {
	b := actiontest.New(t)
	dir := t.TempDir()
	a := args{"script": "echo >> " + dir + "/runs; echo seen", "changes": false}
	runs := func() int { return strings.Count(actiontest.Read(t, dir+"/runs"), "\n") }

	out, err := b.Preview("shell", a)
	actiontest.OK(t, err)
	b.Verb(out, wire.VerbRead)
	if actiontest.Result(out, "stdout") != "seen" || runs() != 1 {
		t.Errorf("%v, %d runs", out.Values, runs())
	}
	b.Verb(b.Must("shell", a), wire.VerbRead)
	if runs() != 2 {
		t.Errorf("%d runs", runs())
	}
	env := b.Env(wire.ModeLook)
	env.Unsettled = true
	out, err = b.ApplyIn(env, "shell", a)
	actiontest.OK(t, err)
	b.Verb(out, wire.VerbRead)
	if out.Values != nil || runs() != 2 {
		t.Errorf("%v, %d runs", out.Values, runs())
	}
	if _, err := b.Preview("command", args{"argv": []string{"false"}, "changes": false}); err == nil {
		t.Error("a preview hides that it fails")
	}
	// A preview runs nothing else.
	_, err = b.Preview("shell", args{"script": "echo >> " + dir + "/runs"})
	actiontest.OK(t, err)
	if runs() != 2 {
		t.Errorf("%d runs", runs())
	}
}

func TestG25CommandEnvironmentAndLiveOutput(t *testing.T) {
	b := actiontest.New(t)
	env := b.Env(wire.ModeApply)
	env.Environ = []string{"PATH=/bin:/usr/bin", "GREETING=hello"}
	env.Dir = t.TempDir()
	var live [3]bytes.Buffer
	env.Live = func(s wire.Stream) io.Writer { return &live[s] }
	out, err := b.ApplyIn(env, "shell", args{"script": "echo $GREETING; pwd; env | grep -c HOME; echo err >&2; exit 0"})
	actiontest.OK(t, err)
	want := "hello\n" + env.Dir + "\n0"
	if actiontest.Result(out, "stdout") != want || live[wire.StreamOutput].String() != want+"\n" || live[wire.StreamError].String() != "err\n" {
		t.Errorf("%v, live %q", out.Values, live[wire.StreamError].String())
	}
	_, err = b.ApplyIn(env, "command", args{"argv": []string{"env"}})
	actiontest.OK(t, err)
}

// TestHintsOfWhatCannotStart: the directory may be what is wrong.
func TestHintsOfWhatCannotStart(t *testing.T) {
	b := actiontest.New(t)
	for hint, a := range map[string]args{
		"Make the directory":  {"argv": []string{"true"}, "chdir": "/nonexistent"},
		"Give its whole path": {"argv": []string{"no-such-tool"}},
	} {
		_, err := b.Apply("command", a)
		if p, ok := errors.AsType[*wire.Problem](err); !ok || !strings.HasPrefix(p.Hint, hint) {
			t.Errorf("%v: %v", a, err)
		}
	}
}
