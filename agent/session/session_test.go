package session

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"runner/agent/process"
	"runner/agent/wire"
)

// TestResult: a session ends with what a shell would say.
func TestResult(t *testing.T) {
	other := errors.New("other")
	for what, c := range map[string]struct {
		exit   process.Exit
		err    error
		status int
		code   wire.Code // of the problem; "": none
	}{
		"done":            {process.Exit{Reason: process.ReasonExit}, nil, 0, ""},
		"failed":          {process.Exit{Reason: process.ReasonExit, Status: 7}, nil, 7, ""},
		"signal":          {process.Exit{Reason: process.ReasonSignal, Status: -1, Signal: "SIGKILL"}, nil, 137, ""},
		"not there":       {process.Exit{}, &process.StartError{Program: "x", Err: syscall.ENOENT}, 127, wire.CodeStart},
		"not executable":  {process.Exit{}, &process.StartError{Program: "x", Err: syscall.EACCES}, 126, wire.CodeStart},
		"cancelled":       {process.Exit{Reason: process.ReasonCancelled, Status: -1, Signal: "SIGHUP"}, nil, 0, wire.CodeCancelled},
		"out of time":     {process.Exit{Reason: process.ReasonTimeout, Status: -1, Signal: "SIGKILL"}, nil, 0, wire.CodeCancelled},
		"something other": {process.Exit{}, other, 0, ""},
	} {
		got, err := result(c.exit, c.err)
		problem, ok := errors.AsType[*wire.Problem](err)
		if got.Status != c.status || ok != (c.code != "") || ok && problem.Code != c.code {
			t.Errorf("%s: %d, %v", what, got.Status, err)
		}
		if !ok && !errors.Is(err, c.err) {
			t.Errorf("%s: the error is %v", what, err)
		}
	}
}

// TestEnvironment: what belongs to the account is its own, and only that replaces what has come along.
func TestEnvironment(t *testing.T) {
	alice := wire.UserFacts{Name: "alice", Home: "/home/alice", Shell: "/bin/zsh"}
	for what, c := range map[string]struct {
		account wire.UserFacts
		in, out []string
	}{
		"nothing": {alice, nil, []string{"HOME=/home/alice", "SHELL=/bin/zsh", "USER=alice", "LOGNAME=alice"}},
		"another account's": {
			alice,
			[]string{"USER=root", "LANG=C", "HOME=/root", "LOGNAME=root", "PWD=/root", "OLDPWD=/", "SHELL=/bin/sh", "EMPTY=", "A=b=c"},
			[]string{"LANG=C", "EMPTY=", "A=b=c", "HOME=/home/alice", "SHELL=/bin/zsh", "USER=alice", "LOGNAME=alice"},
		},
		"a nameless account": {wire.UserFacts{}, []string{"USER=x", "HOME=/", "PWD=/"}, []string{"USER=x", "HOME=/"}},
	} {
		if got := environment(c.in, c.account); !slices.Equal(got, c.out) {
			t.Errorf("%s: %q, want %q", what, got, c.out)
		}
	}
}

// TestSpeaksUTF8: of the variables of a locale the strongest that says something counts.
func TestSpeaksUTF8(t *testing.T) {
	for _, c := range []struct {
		environ []string
		want    bool
	}{
		{nil, false},
		{[]string{"LANG=C"}, false},
		{[]string{"LANG=C.UTF-8"}, true},
		{[]string{"LANG=de_DE.utf8"}, true},
		{[]string{"LANG=de_DE.ISO-8859-1"}, false},
		{[]string{"LANG=C.UTF-8", "LC_CTYPE=C"}, false},
		{[]string{"LANG=C", "LC_CTYPE=en_US.UTF-8"}, true},
		{[]string{"LC_ALL=C", "LC_CTYPE=en_US.UTF-8", "LANG=en_US.UTF-8"}, false},
		{[]string{"LC_ALL=", "LANG=en_US.UTF-8"}, true},
		{[]string{"LC_TIME=en_US.UTF-8"}, false},
		{[]string{"LANG=C", "LANG=C.UTF-8"}, true}, // the last one counts
	} {
		if got := speaksUTF8(c.environ); got != c.want {
			t.Errorf("%q: %t", c.environ, got)
		}
	}
}

// TestHome: a session begins in the account's home, if that can be entered.
func TestHome(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{dir: dir, "": "/", filepath.Join(dir, "none"): "/", file: "/"} {
		if got := home(wire.UserFacts{Home: at}); got != want {
			t.Errorf("with %q it begins in %q", at, got)
		}
	}
}
