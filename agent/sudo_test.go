package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"runner/agent/wire"
	"runner/cmd/testbed/bed"
	"runner/transports"
	"runner/transports/catalog"
)

const second wire.PeerID = 2

// asAccount starts the first agent as an account of the test bed: the one that is shipped, for others would take a second to
// end with the race detector, which an account's own environment does not keep them from.
func asAccount(t *testing.T, a *bed.Account) *controller {
	t.Helper()
	c := connectTo(t, static(t), wire.Attempt{
		Entry: wire.EntryShell,
		Argv:  []string{"setpriv", "--reuid", strconv.Itoa(a.UID), "--regid", strconv.Itoa(a.GID), "--init-groups", "--reset-env"},
	})
	if got := c.hellos[root].Facts.User.Name; got != a.Name {
		t.Fatalf("the first agent runs as %s", got)
	}
	return c
}

// hop is what a transport makes of options.
func (c *controller) hop(transport string, options transports.Options) wire.Open {
	c.t.Helper()
	kind := catalog.All()[transport]
	open, err := kind.Open(options)
	if err != nil {
		c.t.Fatal(err)
	}
	named := c.open(kind.Title(options))
	open.Nonce, open.Name, open.Timeout = named.Nonce, named.Name, 20*time.Second
	return open
}

// startChild starts a child and waits until it is there or lost.
func (c *controller) startChild(open wire.Open) (*wire.Hello, *wire.Lost) {
	c.t.Helper()
	const id = second
	c.send(wire.KindOpen, root, wire.CallID(id), open)
	c.wait("child", func() bool {
		_, there := c.hellos[id]
		_, lost := c.lost[id]
		return there || lost
	})
	if l, ok := c.lost[id]; ok {
		return nil, &l
	}
	h := c.hellos[id]
	return &h, nil
}

func describe(l *wire.Lost) string {
	if l == nil {
		return "not lost"
	}
	return fmt.Sprintf("%s: %s (%s)\n%s", l.Problem.Code, l.Problem.Message, l.Problem.Hint, l.Problem.Quote)
}

func TestG6SudoWithPassword(t *testing.T) {
	for name, c := range map[string]struct {
		rules []string
		env   map[string]string
		want  wire.Code // "": it works
		wrong bool      // the password given
		none  bool      // no password is given
	}{
		"right":                  {rules: []string{bed.SudoNever, bed.SudoAsking}},
		"right, with feedback":   {rules: []string{bed.SudoNever, "Defaults:%u pwfeedback", bed.SudoAsking}},
		"right, with requiretty": {rules: []string{bed.SudoNever, "Defaults:%u requiretty", bed.SudoAsking}},
		"right, after a lecture": {rules: []string{bed.SudoNever, "Defaults:%u lecture=always", bed.SudoAsking}},
		"not asked for (G7)":     {rules: []string{bed.SudoFree}},
		"not asked for, on a terminal": {
			rules: []string{"Defaults:%u requiretty", bed.SudoFree}, none: true,
		},
		"wrong": {rules: []string{bed.SudoNever, bed.SudoAsking}, wrong: true, want: wire.CodePassword},
		"none":  {rules: []string{bed.SudoNever, bed.SudoAsking}, none: true, want: wire.CodeNoPassword},
	} {
		t.Run(name, func(t *testing.T) {
			b := bed.New(t, "linux", "root", "sudo", "setpriv")
			a := b.Account(bed.AccountOptions{Sudoers: c.rules})
			ctl := asAccount(t, a)
			options := transports.Options{"password": a.Password}
			switch {
			case c.wrong:
				options["password"] = "wrong " + a.Password
			case c.none:
				delete(options, "password")
			}
			began := time.Now()
			hello, lost := ctl.startChild(ctl.hop("sudo", options))
			if c.want != "" {
				if lost == nil || lost.Problem.Code != c.want || lost.Ready {
					t.Fatalf("got %s, want %s", describe(lost), c.want)
				}
				if took := time.Since(began); took > 8*time.Second {
					t.Errorf("it took %v", took)
				}
				if strings.Contains(describe(lost), a.Password) {
					t.Error("the password is in the error")
				}
				return
			}
			if lost != nil {
				t.Fatalf("lost: %s", describe(lost))
			}
			if hello.Facts.User.UID != 0 || hello.Facts.User.Name != "root" {
				t.Errorf("the child is %+v", hello.Facts.User)
			}
			if r := ctl.command(second, "/usr/bin/id", "-un"); values(t, r)["stdout"] != "root" {
				t.Errorf("result %+v, %v", r.Problem, values(t, r))
			}
			if _, there := hello.Facts.Env["LC_ALL"]; there {
				t.Error("the child has the language that was meant for sudo")
			}
		})
	}
}

// TestSudoFromAPrivateHome: the other user's processes start although they may not enter the directory that they are in.
func TestSudoFromAPrivateHome(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo", "setpriv")
	a := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}})
	if err := os.Chmod(a.Home, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(a.Home)
	c := asAccount(t, a)
	other := b.Account(bed.AccountOptions{})
	_, lost := c.startChild(c.hop("sudo", transports.Options{"user": other.Name}))
	if lost != nil {
		t.Fatal(describe(lost))
	}
	if r := c.command(second, "/usr/bin/id", "-u"); values(t, r)["stdout"] != strconv.Itoa(other.UID) {
		t.Errorf("%+v, %v", r.Problem, values(t, r))
	}
}

// TestSudoLogin: through a login shell, which expands what sudo hands to it.
func TestSudoLogin(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo", "setpriv")
	a := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}})
	c := asAccount(t, a)
	_, lost := c.startChild(c.hop("sudo", transports.Options{"login": true}))
	if lost != nil {
		t.Fatal(describe(lost))
	}
	if r := c.command(second, "/bin/pwd"); values(t, r)["stdout"] != "/root" {
		t.Errorf("%v, %+v", values(t, r), r.Problem)
	}
}

// TestG4NoTerminal: where no terminal can be had, only the hops that need one fail, and say so.
func TestG4NoTerminal(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo", "setpriv", "unshare")
	a := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}})
	c := connectWith(t, wire.Attempt{
		Entry: wire.EntryShell,
		Argv: []string{
			"unshare", "--mount", "/bin/sh", "-c", `mount --bind /dev/null /dev/ptmx && shift && exec "$@"`, "sh", "x",
			"setpriv", "--reuid", strconv.Itoa(a.UID), "--regid", strconv.Itoa(a.GID), "--init-groups", "--reset-env",
		},
	})
	_, lost := c.startChild(c.hop("sudo", transports.Options{"password": a.Password}))
	if lost == nil || lost.Problem.Code != wire.CodeTerminal {
		t.Errorf("with a password: %s", describe(lost))
	}
	c.send(wire.KindOpen, root, wire.CallID(third), c.hop("sudo", transports.Options{}))
	c.wait("child without a terminal", func() bool { _, ok := c.hellos[third]; return ok })
}

// TestG4TerminalOnlyForPasswords: a hop has one as long as it lives if a password had to be typed, else none at all.
func TestG4TerminalOnlyForPasswords(t *testing.T) {
	for name, options := range map[string]transports.Options{"with": {"password": ""}, "without": {}} {
		t.Run(name, func(t *testing.T) {
			b := bed.New(t, "linux", "root", "sudo", "setpriv")
			a := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}})
			want := 0
			if _, with := options["password"]; with {
				options["password"] = a.Password
				want = 1
			}
			c := asAccount(t, a)
			agent := number(t, values(t, c.command(root, "/bin/sh", "-c", "echo $PPID"))["stdout"])
			if _, lost := c.startChild(c.hop("sudo", options)); lost != nil {
				t.Fatal(describe(lost))
			}
			if got := masters(t, agent); got != want {
				t.Errorf("the agent has %d terminals open, want %d", got, want)
			}
			c.send(wire.KindClose, second, 0, nil)
			c.wait("loss", func() bool { _, ok := c.lost[second]; return ok })
			for range 300 {
				if masters(t, agent) == 0 {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Error("the terminal is still open")
		})
	}
}

// masters counts the pseudo terminals of which a process has the controlling side open.
func masters(t *testing.T, pid int) int {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasSuffix(to, "/ptmx") {
			n++
		}
	}
	return n
}
