package e2e

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/wire"
	"runner/cmd/delay/proxy"
	"runner/cmd/testbed/bed"
)

const channelsSite = `
host "plain" {
  address = "%[1]s"
  hop "ssh" {
    user        = "%[2]s"
    keys        = ["%[3]s"]
    port        = %[4]d
    known_hosts = [%[5]q]
    config      = false
    agent       = false
  }
}

host "root" {
  via = host.plain
  hop "sudo" { user = "root" }
}

job "file" {
  hosts = [host.%[6]s]
  task "file" "large" {
    path   = "%[7]s/applied"
    source = "large"
  }
}
`

// far is a machine 25 ms away, and a large file that is to go there.
type far struct {
	*site
	account *bed.Account
	server  *bed.Server
	link    *proxy.Proxy
	content []byte
}

func newFar(t *testing.T, config ...string) *far {
	t.Helper()
	s := newSite(t, "root", "sshd", "sudo")
	f := &far{
		site: s, account: s.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}}),
		server:  s.SSHD(bed.ServerOptions{Machine: true, Config: append(config, "LogLevel DEBUG1")}),
		content: make([]byte, 100<<20),
	}
	_, _ = rand.Read(f.content)
	f.write("large", string(f.content))
	return f
}

// lead has the site reach the machine over a link of so many bytes a second, and its job work on a host.
func (f *far) lead(rate int64, host string) {
	f.t.Helper()
	link, err := proxy.Listen("127.0.0.1:0", proxy.Config{To: f.server.HostPort(), RTT: 25 * time.Millisecond, Rate: rate})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = link.Close() })
	f.link = link
	at := link.Addr().(*net.TCPAddr)
	_, key, _ := strings.Cut(f.server.HostKey, " ")
	algorithm, _, _ := strings.Cut(f.server.HostKey, " ")
	f.write("known_hosts", fmt.Sprintf("[%s]:%d %s %s\n", at.IP, at.Port, algorithm, key))
	f.write("site.hcl", fmt.Sprintf(channelsSite, at.IP, f.account.Name, f.Key(), at.Port, filepath.Join(f.path, "known_hosts"), host, f.account.Home))
}

// copy copies the file to a host.
func (f *far) copy(host string) {
	f.t.Helper()
	cmd := f.adhoc(f.t.Context(), "cp", "large", host+":"+f.account.Home+"/copied")
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Errorf("cp ended with %v and said %s", err, out)
	}
}

// arrived checks a file, and removes it.
func (f *far) arrived(name string) {
	f.t.Helper()
	name = filepath.Join(f.account.Home, name)
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, f.content) {
		f.t.Errorf("%s has %d bytes, not those that were sent, %v", name, len(got), err)
	}
	_ = os.Remove(name)
}

// asked counts how often the server was asked for a channel to a port.
func (f *far) asked() int {
	return strings.Count(f.server.Log(), "server_request_direct_tcpip: originator")
}

// TestLargeFileOverSeveralChannels: a large file for a distant machine goes over several channels of the one connection, to its
// account and to root behind sudo, and arrives whole.
func TestLargeFileOverSeveralChannels(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	opened := 0
	for _, host := range []string{"plain", "root"} {
		f.lead(0, host)
		f.copy(host)
		f.arrived("copied")
		f.run("apply", "--json", "--auto-approve").must(t, 0)
		f.arrived("applied")
		opened += 2 * wire.MaxSides
		if got := f.asked(); got != opened {
			t.Errorf("%s: %d channels were opened beside sessions, want %d", host, got, opened)
		}
		if n := f.link.Stats().Connections; n != 2 {
			t.Errorf("%s: two runs have made %d connections", host, n)
		}
	}
}

// TestLargeFileOverOneChannel: where the server forwards nothing, all of it goes over the one channel.
func TestLargeFileOverOneChannel(t *testing.T) {
	t.Parallel()
	f := newFar(t, "AllowTcpForwarding no")
	f.lead(0, "plain")
	f.copy("plain")
	f.arrived("copied")
	f.run("apply", "--json", "--auto-approve").must(t, 0)
	f.arrived("applied")
	if got, refused := f.asked(), strings.Count(f.server.Log(), "refused local port forward"); got != 2*wire.MaxSides || refused != got {
		t.Errorf("%d channels were asked for, %d refused", got, refused)
	}
}

// TestLargeFileIsCut: whatever ends a transfer over several channels, nothing remains of it on the target. (What an account has
// there is looked for at the end of each test.) G17 G21 G29.
func TestLargeFileIsCut(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	f.lead(0, "root")
	f.run("exec", "root", "--", "true").must(t, 0) // the agent is cached from now on
	for name, end := range map[string]func(cmd *exec.Cmd){
		"the connection is cut": func(*exec.Cmd) { _ = f.link.Close() },
		"the run is killed":     func(cmd *exec.Cmd) { _ = cmd.Process.Kill() },
		"the agent is killed": func(*exec.Cmd) {
			for _, pid := range f.agents() {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		},
	} {
		f.lead(20<<20, "root") // so that it is not over too soon
		before := f.asked()
		cmd := f.command(t.Context(), "apply", "--json", "--auto-approve")
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, "several channels", func() bool { return f.asked() == before+wire.MaxSides })
		end(cmd)
		err := cmd.Wait()
		if err == nil {
			t.Errorf("%s: all is well", name)
		}
		if cmd.ProcessState.Exited() && cmd.ProcessState.ExitCode() != 4 {
			t.Errorf("%s: %v\n%s", name, err, tail(out.String()))
		}
		await(t, "the end of every agent", func() bool { return len(f.agents()) == 0 })
		if _, err := os.Stat(filepath.Join(f.account.Home, "applied")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a file is there, %v", name, err)
		}
		if left, _ := filepath.Glob(filepath.Join(f.account.Home, ".*runner*")); len(left) > 0 {
			t.Errorf("%s: there remain %q", name, left)
		}
	}
}

// TestLargeFileOnceOverSeveralChannels: what two targets of a distant machine need goes there once, over several channels.
func TestLargeFileOnceOverSeveralChannels(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	f.lead(0, "plain")
	f.write("both.hcl", fmt.Sprintf(`
job "both" {
  hosts = [host.plain, host.root]
  task "file" "large" {
    path   = "%s/${self.name}"
    source = "large"
  }
}
`, f.account.Home))
	f.run("exec", "root", "--", "true").must(t, 0) // the agent is cached from now on
	before := f.link.Stats().BytesUp
	f.run("apply", "--json", "--auto-approve", "--target", "job.both").must(t, 0)
	f.arrived("plain")
	f.arrived("root")
	if sent := f.link.Stats().BytesUp - before; sent > int64(len(f.content))*13/10 {
		t.Errorf("%d bytes were sent for %d", sent, len(f.content))
	}
	if got := f.asked(); got != wire.MaxSides {
		t.Errorf("%d channels were opened beside sessions", got)
	}
}

// TestLargeFilesToAStoppedChild: six large files are on their way to root behind sudo when its agent stands still; once it goes on, all
// of them arrive, over the connections that there were. G22.
func TestLargeFilesToAStoppedChild(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	f.lead(0, "root")
	const files = 6
	for i := range files {
		f.write(fmt.Sprintf("job%d.hcl", i), fmt.Sprintf(`
job "six%[1]d" {
  hosts = [host.root]
  task "file" "large" {
    path   = "%[2]s/six%[1]d"
    source = "large"
    lane   = "%[1]d"
  }
}
`, i, f.account.Home))
	}
	f.run("exec", "root", "--", "true").must(t, 0) // the agent is cached from now on
	before := f.link.Stats().BytesUp
	args := []string{"apply", "--json", "--auto-approve"}
	for i := range files {
		args = append(args, "--target", fmt.Sprintf("job.six%d", i))
	}
	run := f.start(args...)
	eventually(t, "much is on its way", func() bool { return f.link.Stats().BytesUp-before > files*20<<20 })
	stopped := f.below()
	if len(stopped) == 0 {
		t.Fatal("no agent of root is there")
	}
	signal := func(s unix.Signal) {
		for _, pid := range stopped {
			_ = unix.Kill(pid, s)
		}
	}
	signal(unix.SIGSTOP)
	t.Cleanup(func() { signal(unix.SIGCONT) })
	for last := int64(-1); last != f.link.Stats().BytesUp; time.Sleep(time.Second) { // but for heartbeats
		last = f.link.Stats().BytesUp
	}
	signal(unix.SIGCONT)
	run.end(60*time.Second).must(t, 0)
	for i := range files {
		f.arrived(fmt.Sprintf("six%d", i))
	}
}

// below are the processes of root's agent behind the account's.
func (f *far) below() (out []int) {
	ours := f.server.Descendants()
	for _, pid := range pids(" serve ") {
		var st unix.Stat_t
		if unix.Stat(fmt.Sprintf("/proc/%d", pid), &st) == nil && st.Uid == 0 && slices.Contains(ours, pid) {
			out = append(out, pid)
		}
	}
	return out
}

// agents are the processes of the account's agents, root's behind it not among them.
func (f *far) agents() (pids []int) {
	out, _ := exec.Command("pgrep", "-u", f.account.Name, "-f", "agent-").Output() // it fails where there is none
	for line := range strings.FieldsSeq(string(out)) {
		var pid int
		if _, err := fmt.Sscan(line, &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
