//go:build linux

package sources_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
	"runner/cmd/testbed/bed"
)

// TestG36GitOverSSH fetches from a real server: with a key that is in no argument and no variable, and from a host whose
// key is known, or new, or refused.
func TestG36GitOverSSH(t *testing.T) {
	testbed := bed.New(t, "root", "sshd")
	u := newUpstream(t)
	account := testbed.Account(bed.AccountOptions{})
	server := testbed.SSHD(bed.ServerOptions{})
	repository := account.Home + "/repository"
	for _, argv := range [][]string{{"cp", "-r", u.path, repository}, {"chown", "-R", account.Name, repository}} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", argv, err, out)
		}
	}
	// An ssh before the real one notes what it is given.
	dir := t.TempDir()
	real, err := exec.LookPath("ssh")
	actiontest.OK(t, err)
	actiontest.OK(t, os.Mkdir(dir+"/bin", 0o755))
	actiontest.Write(t, dir+"/bin/ssh", fmt.Sprintf("#!/bin/sh\n{ echo \"$@\"; env; } >>%s/seen\nexec %s \"$@\"\n", dir, real), 0o755)
	t.Setenv("PATH", dir+"/bin:"+os.Getenv("PATH"))

	key := actiontest.Read(t, testbed.Key())
	actiontest.OK(t, exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir+"/other").Run())
	actiontest.Write(t, dir+"/none", "", 0o600)
	b := actiontest.New(t)
	for i, c := range []struct {
		args args
		want string
	}{
		{args{"key": key, "known_hosts": server.KnownHosts}, ""},
		{args{"key": strings.TrimSpace(key), "known_hosts": server.KnownHosts, "host_key": "strict"}, ""},
		{args{"key": key, "known_hosts": dir + "/none", "host_key": "strict"}, "Host key verification failed"},
		{args{"key": key, "known_hosts": dir + "/new", "host_key": "accept-new"}, ""},
		{args{"key": key, "host_key": "ignore"}, ""},
		{args{"key": actiontest.Read(t, dir+"/other"), "known_hosts": server.KnownHosts}, "Permission denied"},
	} {
		a := actiontest.Merged(args{
			"url": fmt.Sprintf("ssh://%s@%s%s", account.Name, server.HostPort(), repository), "path": fmt.Sprint(dir, "/x", i),
		}, c.args)
		out, err := b.Apply("git", a)
		if c.want == "" {
			actiontest.OK(t, err)
			b.Verb(out, wire.VerbCreate)
			b.Verb(b.Must("git", a), wire.VerbNone)
			continue
		}
		var quote, hint string
		if p, is := asProblem(err); is {
			quote, hint = string(p.Quote), p.Hint
		}
		if !strings.Contains(quote, c.want) || hint == "" {
			t.Errorf("%d: %v: %s (%s)", i, err, quote, hint)
		}
	}
	if !strings.Contains(actiontest.Read(t, dir+"/new"), strings.Fields(server.HostKey)[1]) {
		t.Error("the new host's key was not noted")
	}
	seen := actiontest.Read(t, dir+"/seen")
	for line := range strings.Lines(key) {
		if strings.Contains(seen, strings.TrimSpace(line)) {
			t.Errorf("%q is in an argument or a variable", line)
		}
	}
	if !strings.Contains(seen, "-i /proc/") {
		t.Errorf("the key did not come by a file without a name:\n%s", seen)
	}
}
