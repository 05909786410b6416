//go:build linux

package waiting_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runner/agent/action/actiontest"
	"runner/agent/action/pattern/compile"
	"runner/agent/action/waiting"
	"runner/agent/wire"
)

type args = actiontest.Args

// regex is an expression as the controller sends it.
func regex(t *testing.T, text string) any {
	t.Helper()
	program, err := compile.Program(text)
	actiontest.OK(t, err)
	return program
}

// port returns one that nobody listens at, and what listens there.
func port(t *testing.T, host string) (number int, listen func() net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skip("needs ", host, ": ", err)
	}
	at := l.Addr().String()
	_ = l.Close()
	return l.Addr().(*net.TCPAddr).Port, func() net.Listener {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Error(err)
			return nil
		}
		return l
	}
}

// What is there already is not waited for; what comes later is found soon after, and what goes likewise. It is never a change.
func TestWait(t *testing.T) {
	b := actiontest.New(t)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	open, listen := port(t, "127.0.0.1")
	l := listen()
	defer l.Close()
	actiontest.Write(t, in("there"), "one\r\ntwo 2\nlast", 0o644)
	actiontest.OK(t, os.Symlink("nowhere", in("link")))
	actiontest.OK(t, syscall.Mkfifo(in("pipe"), 0o600))
	self, err := os.Executable()
	actiontest.OK(t, err)
	const later = 120 * time.Millisecond
	for name, c := range map[string]struct {
		a     args
		then  func() // makes it so
		match any
	}{
		"port":           {a: args{"port": open}},
		"port of host":   {a: args{"port": float64(open), "host": "localhost"}},
		"path":           {a: args{"path": in("there")}},
		"link":           {a: args{"path": in("link")}},
		"pipe":           {a: args{"path": in("pipe")}},
		"directory":      {a: args{"path": dir, "state": "present"}},
		"no path":        {a: args{"path": in("nothing/below"), "state": "absent"}},
		"below a file":   {a: args{"path": in("there/below"), "state": "absent"}},
		"pattern":        {a: args{"path": in("there"), "pattern": regex(t, `^two (\d)$`)}, match: "two 2"},
		"last line":      {a: args{"path": in("there"), "pattern": regex(t, `st$`)}, match: "st"},
		"carriage":       {a: args{"path": in("there"), "pattern": regex(t, `^one$`)}, match: "one"},
		"no pattern":     {a: args{"path": in("there"), "pattern": regex(t, `three`), "state": "absent"}},
		"no file":        {a: args{"path": in("nothing"), "pattern": regex(t, `x`), "state": "absent"}},
		"argv":           {a: args{"argv": []any{"true"}}},
		"argv fails":     {a: args{"argv": []any{"false"}, "state": "absent"}},
		"prints":         {a: args{"argv": []any{"echo", "it is up"}, "pattern": regex(t, "is (up|down)")}, match: "is up"},
		"process":        {a: args{"process": filepath.Base(self)}},
		"no process":     {a: args{"process": "no-such-process", "state": "absent"}},
		"path comes":     {a: args{"path": in("new")}, then: func() { actiontest.Write(t, in("new"), "", 0o600) }},
		"path goes":      {a: args{"path": in("old"), "state": "absent"}, then: func() { _ = os.Remove(in("old")) }},
		"pattern comes":  {a: args{"path": in("log"), "pattern": regex(t, "ready")}, then: func() { actiontest.Write(t, in("log"), "not\nready\n", 0o600) }, match: "ready"},
		"argv comes":     {a: args{"argv": []any{"test", "-e", in("flag")}}, then: func() { actiontest.Write(t, in("flag"), "", 0o600) }},
		"very long line": {a: args{"path": in("long"), "pattern": regex(t, "end$")}, match: "end"},
	} {
		actiontest.Write(t, in("old"), "", 0o600)
		actiontest.Write(t, in("long"), strings.Repeat("x", 3<<20)+"end", 0o600)
		if c.then != nil {
			time.AfterFunc(later, c.then)
		}
		began := time.Now()
		out, err := b.Apply("wait", c.a)
		took := time.Since(began)
		if err != nil || out.Change.Verb != wire.VerbRead || actiontest.Result(out, "match") != c.match {
			t.Errorf("%s: %s, %v, %v", name, out.Change.Verb, actiontest.Result(out, "match"), err)
		}
		if (c.then != nil) != (took >= later) || took > 10*later {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// A port is waited for on both loopback addresses, and until nothing listens any more; so is a process, by either name.
func TestWaitComesAndGoes(t *testing.T) {
	b := actiontest.New(t)
	for _, host := range []string{"127.0.0.1", "::1"} {
		at, listen := port(t, host)
		opened := make(chan net.Listener, 1)
		time.AfterFunc(100*time.Millisecond, func() { opened <- listen() })
		b.Must("wait", args{"port": at})
		l := <-opened
		time.AfterFunc(100*time.Millisecond, func() { _ = l.Close() })
		b.Must("wait", args{"port": at, "state": "absent"})
		if conn, err := net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(at))); err == nil {
			t.Error("something still listens")
			_ = conn.Close()
		}
	}
	sleep := exec.CommandContext(t.Context(), "sleep", "30")
	sleep.Args[0] = "/opt/a-name-of-more-than-15-letters"
	actiontest.OK(t, sleep.Start())
	b.Must("wait", args{"process": "a-name-of-more-than-15-letters"})
	go func() {
		time.Sleep(100 * time.Millisecond)
		_ = sleep.Process.Kill()
		_ = sleep.Wait()
	}()
	b.Must("wait", args{"process": "a-name-of-more-than-15-letters", "state": "absent"})
}

// What does not come is named with what was seen last; what can never come at once.
func TestWaitFails(t *testing.T) {
	b := actiontest.New(t)
	dir := t.TempDir()
	closed, _ := port(t, "127.0.0.1")
	actiontest.Write(t, dir+"/file", "text\n", 0o600)
	actiontest.OK(t, syscall.Mkfifo(dir+"/pipe", 0o600))
	for name, c := range map[string]struct {
		a     args
		want  string
		quote string
		once  bool
	}{
		"port":               {a: args{"port": closed}, want: fmt.Sprintf("127.0.0.1:%d takes no connection: ", closed)},
		"path":               {a: args{"path": dir + "/nothing"}, want: "there is no " + dir + "/nothing"},
		"path stays":         {a: args{"path": dir + "/file", "state": "absent"}, want: dir + "/file is still there"},
		"pattern":            {a: args{"path": dir + "/file", "pattern": regex(t, "^x")}, want: "no line of " + dir + "/file matches"},
		"no file":            {a: args{"path": dir + "/nothing", "pattern": regex(t, "^x")}, want: "there is no " + dir + "/nothing"},
		"pipe":               {a: args{"path": dir + "/pipe", "pattern": regex(t, "^x")}, want: "it is no regular file", once: true},
		"argv":               {a: args{"argv": []any{"sh", "-c", "echo not yet >&2; exit 3"}}, want: "sh ended with status 3", quote: "not yet"},
		"no program":         {a: args{"argv": []any{"no-such-program"}}, want: "cannot start no-such-program: no such program", once: true},
		"no program, absent": {a: args{"argv": []any{"no-such-program"}, "state": "absent"}, want: "cannot start no-such-program: no such program", once: true},
		"prints":             {a: args{"argv": []any{"echo", "no"}, "pattern": regex(t, "yes")}, want: "no line that echo prints matches", quote: "no"},
		"process":            {a: args{"process": "no-such-process"}, want: "no process no-such-process runs"},
		"stays":              {a: args{"process": "a-shell-that-stays", "state": "present"}, want: "no process a-shell-that-stays runs"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		_, err := actiontest.Run(ctx, b.Env(wire.ModeApply), b.Make("wait", c.a))
		cancel()
		var problem *wire.Problem
		if !errors.As(err, &problem) || !strings.Contains(problem.Message, c.want) || strings.TrimSpace(problem.Quote) != c.quote || (problem.Code == wire.CodeTimeout) == c.once {
			t.Errorf("%s: %v, %+v", name, err, problem)
		}
	}
}

// It ends at once when the call is cancelled, and leaves nothing running.
func TestWaitCancelled(t *testing.T) {
	b := actiontest.New(t)
	for _, a := range []args{{"path": "/nothing/here"}, {"argv": []any{"sleep", "60"}}, {"port": 1}} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		began := time.Now()
		_, err := actiontest.Run(ctx, b.Env(wire.ModeApply), b.Make("wait", a))
		if !errors.Is(err, context.Canceled) || time.Since(began) > 2*time.Second {
			t.Errorf("%v: %v after %v", a, err, time.Since(began))
		}
	}
}

// A preview does not wait, and says so.
func TestWaitPreview(t *testing.T) {
	b := actiontest.New(t)
	out, err := b.Preview("wait", args{"path": "/nothing/here"})
	if err != nil || out.Change.Verb != wire.VerbRead || fmt.Sprint(out.Change.Unknown) != "[result]" || out.Values != nil {
		t.Errorf("%+v, %v", out, err)
	}
	for _, state := range []string{"present", "absent"} {
		missing := args{"argv": []any{"no-such-program"}, "state": state}
		if _, err := b.Preview("wait", missing); err == nil || err.Error() != "cannot start no-such-program: no such program" {
			t.Errorf("%s: %v", state, err)
		}
		env := b.Env(wire.ModeLook)
		env.View.Disturb() // it may be installed by then
		if _, err := b.Make("wait", missing).Look(t.Context(), env); err != nil {
			t.Errorf("%s: %v", state, err)
		}
	}
}

// What cannot be waited for is found before anything connects.
func TestWaitChecked(t *testing.T) {
	check := waiting.WaitSchema().Check
	for _, c := range []struct {
		a    args
		want string
	}{
		{args{"port": 80.0}, ""},
		{args{"path": "/x", "pattern": "y"}, ""},
		{args{}, "Say what to wait for"},
		{args{"state": "absent"}, "Say what to wait for"},
		{args{"port": 80.0, "path": "/x", "argv": []any{"y"}}, "leave out path and argv"},
		{args{"port": 80.0, "pattern": "x"}, "A pattern is looked for in the file"},
		{args{"path": "/x", "host": "y"}, "A host goes with a port"},
		{args{"port": 80.0, "host": "[::1]"}, "host must be a name or an address"},
		{args{"port": 0.5}, "port must be a whole number"},
		{args{"port": 65536.0}, "port must be a whole number"},
		{args{"path": "x"}, "must be an absolute path"},
		{args{"argv": []any{}}, "must name a program"},
		{args{"process": "/bin/x"}, "process must be the name"},
	} {
		if err := check(c.a); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v", c.a, err)
		}
	}
}
