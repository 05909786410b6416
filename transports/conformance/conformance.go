// Package conformance is what every kind of hop has to show with the real program. A test describes one way through a
// hop (Case), made of a test bed's accounts and containers; Run goes through it again and again and checks what comes out
// on the other side. The parent agent is a real one, run as whoever the case says, so that the hop's program sees the
// user that it would see behind ssh. Only tests import this package.
package conformance

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runner/agent/wire"
	"runner/cmd/testbed/bed"
	"runner/transports"
)

// Case is one way through a hop.
type Case struct {
	Bed       *bed.Bed
	Transport transports.Transport
	Options   transports.Options
	As        *bed.Account // who the parent is; nil: whoever runs the test
	Want      User         // who is on the other side
	Busybox   string       // behind the hop, a busybox for everything that is run there; "": there are ordinary programs
	// Stored says that the agent lies on the other side and is used again.
	Stored bool
	// Program is what a process of the hop's own program has in its command line, for the test that kills it; "": the
	// hop has none.
	Program string
	// Loud says whether the hop's program can be replaced by a script that prints a lot first (option path).
	Loud bool
}

// User is an account on the other side of a hop. A name, home or shell of "-" is not checked.
type User struct {
	Name        string
	UID         int
	Home, Shell string
}

// Run checks everything that holds for every hop. Each check opens the hop anew.
func Run(t *testing.T, c Case) {
	t.Helper()
	r := NewRig(t, c.Bed, c.As)
	checks := []struct {
		name string
		run  func(*testing.T, *Rig, Case)
	}{
		{"Hello", hello},
		{"Environment", environment},
		{"Bytes", bothWays},
		{"CachedStart", cachedStart},
		{"Noise", noise},
		{"WrongProgram", wrongProgram},
		{"Killed", killed},
		{"Closed", closed},
	}
	for _, check := range checks {
		t.Run(check.name, func(t *testing.T) { check.run(t, r.For(t), c) })
	}
}

// open opens the hop with the case's options, and others laid over them.
func (c Case) open(r *Rig, more ...transports.Options) *Peer {
	r.t.Helper()
	return r.Open(c.Transport, with(append([]transports.Options{c.Options}, more...)...))
}

// argv is a command behind the hop.
func (c Case) argv(name string, args ...string) []string {
	if c.Busybox != "" {
		return append([]string{c.Busybox, name}, args...)
	}
	return append([]string{name}, args...)
}

// hello: the agent that was sent answers, and knows who and where it is (G1, G41).
func hello(t *testing.T, r *Rig, c Case) {
	p := c.open(r)
	h := p.Hello()
	if want := r.agent.Hash; h.Hash != want {
		t.Errorf("the agent is %s, want %s", h.Hash, want)
	}
	u := h.Facts.User
	for what, pair := range map[string][2]string{
		"name": {u.Name, c.Want.Name}, "uid": {fmt.Sprint(u.UID), fmt.Sprint(c.Want.UID)}, "target's user": {h.Target.User, fmt.Sprint(c.Want.UID)},
		"home": {u.Home, c.Want.Home}, "shell": {u.Shell, c.Want.Shell},
	} {
		if pair[0] != pair[1] && pair[1] != "-" {
			t.Errorf("the %s is %q, want %q", what, pair[0], pair[1])
		}
	}
	if h.Facts.Hostname == "" || h.Facts.CPUs == 0 || h.Facts.Arch == "" || h.Target.Machine == "" {
		t.Errorf("facts are missing: %+v", h.Facts)
	}
	if got := strings.TrimSpace(p.Run(c.argv("id", "-u")...)); got != fmt.Sprint(c.Want.UID) {
		t.Errorf("commands run as %s, want %d", got, c.Want.UID)
	}
}

// environment: commands get the environment of the account on the other side, and nothing that was only for the hop's
// program (G13).
func environment(t *testing.T, r *Rig, c Case) {
	p := c.open(r)
	got := map[string]string{}
	for line := range strings.Lines(p.Run(c.argv("env")...)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		got[name] = value
	}
	for name, want := range map[string]string{"HOME": c.Want.Home, "SHELL": c.Want.Shell, "USER": c.Want.Name, "LOGNAME": c.Want.Name} {
		if got[name] != want && want != "-" {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if c.As != nil && got["LC_ALL"] != "" {
		t.Errorf("LC_ALL is %q: it was for the hop's program alone", got["LC_ALL"])
	}
	for name, value := range got {
		if secret, ok := c.Options["password"].(string); ok && strings.Contains(value, secret) {
			t.Errorf("%s holds the password (G36)", name)
		}
	}
}

// bothWays: a megabyte goes through and comes back as it was, with every control character in it.
func bothWays(t *testing.T, r *Rig, c Case) {
	p := c.open(r)
	var text strings.Builder
	for i := 0; text.Len() < 200<<10; i++ {
		fmt.Fprintf(&text, "%d %c~.\r%cé\t", i, i%128, (i*7)%128)
	}
	var calls []*Call
	for range 6 {
		calls = append(calls, p.Start("command", map[string]any{"argv": c.argv("cat"), "stdin": text.String()}))
	}
	for _, call := range calls {
		if got := call.Text("stdout"); got != text.String() {
			t.Fatalf("%d bytes came back, not the %d that were sent", len(got), text.Len())
		}
	}
}

// cachedStart: what was put there is used again, not sent again.
func cachedStart(t *testing.T, r *Rig, c Case) {
	if !c.Stored {
		t.Log("this hop stores nothing")
		return
	}
	first := c.open(r)
	before := first.executable()
	first.Close()
	if after := c.open(r).executable(); after != before {
		t.Errorf("the agent ran from %v, then from %v", before, after)
	}
}

// noise: what programs print before the agent answers is passed over, whatever it is; beyond 64 KiB it is an error that
// quotes it (G5).
func noise(t *testing.T, r *Rig, c Case) {
	if !c.Loud {
		t.Log("this hop has no program of its own that could be noisy")
		return
	}
	program, _ := c.Options["path"].(string)
	if program == "" {
		program = c.Transport.Name
	}
	dir := c.Bed.Dir()
	say := func(name, text string) transports.Options {
		banner, script := filepath.Join(dir, name+".txt"), filepath.Join(dir, name)
		write(t, banner, text, 0o644)
		write(t, script, fmt.Sprintf("#!/bin/sh\n/bin/cat %s\n/bin/cat %s >&2\nexec %s \"$@\"\n", banner, banner, program), 0o755)
		return transports.Options{"path": script}
	}
	tricky := "Welcome\x00\x1b[2J password: \nPassword for you: runner-need 0 Linux x86_64 gzip\nrunner-none 0\nrunner-hello\n"
	c.open(r, say("loud", strings.Repeat(tricky, 400))).Close()

	why := r.Fails(c.Transport, with(c.Options, say("endless", strings.Repeat("password: no\n", 80<<10))))
	if why.Code != wire.CodeNoise || !strings.Contains(why.Quote, "password: no") {
		t.Errorf("a megabyte of text gave %+v, want the code %s and a quote", why, wire.CodeNoise)
	}
}

// wrongProgram: a program that is not there, and one that says nothing of use, are errors that name the hop (G11).
func wrongProgram(t *testing.T, r *Rig, c Case) {
	if !c.Loud {
		t.Log("this hop has no program of its own")
		return
	}
	why := r.Fails(c.Transport, with(c.Options, transports.Options{"path": "/nonexistent/" + c.Transport.Name}))
	if why.Code != wire.CodeStart && why.Code != wire.CodeHop || !strings.Contains(why.Message, c.Transport.Title(c.Options)) {
		t.Errorf("a missing program gave %+v", why)
	}
	script := filepath.Join(c.Bed.Dir(), "broken")
	write(t, script, "#!/bin/sh\necho 'cannot open the frobnicator' >&2\nexit 3\n", 0o755)
	why = r.Fails(c.Transport, with(c.Options, transports.Options{"path": script}))
	if !strings.Contains(why.Quote, "frobnicator") {
		t.Errorf("what a broken program said is not quoted: %+v", why)
	}
}

// killed: when the hop's program is killed, all that waits behind it hears so at once, and nothing is left (G17, G21).
func killed(t *testing.T, r *Rig, c Case) {
	if c.Program == "" {
		t.Log("this hop has no program of its own to kill")
		return
	}
	p := c.open(r)
	call := p.Start("command", map[string]any{"argv": c.argv("sleep", "1000")})
	call.AwaitStarted()
	pids := processes(c.Program)
	if len(pids) == 0 {
		t.Fatalf("no process has %q in its command line", c.Program)
	}
	began := time.Now()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if lost := p.AwaitLost(); !lost.Ready {
		t.Errorf("the peer is reported as never started: %+v", lost)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to notice", took)
	}
	c.Bed.CheckLeaks()
}

// closed: a peer that is told to end ends with all that it runs (G16, G21).
func closed(t *testing.T, r *Rig, c Case) {
	p := c.open(r)
	p.Start("command", map[string]any{"argv": c.argv("sleep", "1000")}).AwaitStarted()
	p.Close()
	c.Bed.CheckLeaks()
}

func with(layers ...transports.Options) transports.Options {
	out := transports.Options{}
	for _, layer := range layers {
		maps.Copy(out, layer)
	}
	return out
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	// A script that is being written cannot be executed, also not by another goroutine's fork: write, then rename.
	draft := path + "." + nonce()
	if err := os.WriteFile(draft, bytes.Clone([]byte(text)), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(draft, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(draft, path); err != nil {
		t.Fatal(err)
	}
}

func nonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
