package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"runner/cmd/delay/proxy"
	"runner/cmd/testbed/bed"
)

// onceSite has four targets behind one ssh hop write one large file: the account itself, root, and two containers.
const onceSite = `
host "other" {
  via = host.root
  hop "docker" { container = "%s" }
}
job "once" {
  hosts = [host.machine, host.root, host.box, host.other]
  task "file" "large" {
    path   = { machine = "%s/large", root = "/srv/large", box = "/large", other = "/large" }[self.name]
    source = "large"
    mode   = "0640"
  }
}
`

const onceSize = 20 << 20

// once is a large file and four targets for it.
type once struct {
	*reached
	other  *bed.Box
	digest string
}

func newOnce(t *testing.T) *once {
	t.Helper()
	o := &once{reached: newReached(t, bed.ServerOptions{Machine: true})}
	o.other = o.Container(bed.BoxOptions{})
	o.renew()
	o.write("site.hcl", fmt.Sprintf(onceSite, o.other.Name, o.account.Home)+fmt.Sprintf(many, "other", 1))
	o.run("apply", "--json", "--auto-approve", "--target", "job.many").must(t, 0) // the agents are cached from now on
	return o
}

// renew makes another file of the large one.
func (o *once) renew() {
	o.t.Helper()
	data := make([]byte, onceSize)
	_, _ = rand.Read(data)
	sum := sha256.Sum256(data)
	o.digest = hex.EncodeToString(sum[:])
	o.write("large", string(data))
}

// check makes sure that a target has the file, and whose it is.
func (o *once) check(host string) {
	o.t.Helper()
	var got string
	owner := "0"
	look := func(path string) []string {
		return []string{"sh", "-c", "sha256sum < " + path + "; stat -c '%a %u' " + path}
	}
	switch host {
	case "machine":
		owner = fmt.Sprint(o.account.UID)
		got = on(o.t, o.server, look(o.account.Home+"/large")...)
	case "root":
		got = on(o.t, o.server, look("/srv/large")...)
	case "box":
		got = o.box.Run(look("/large")...)
	case "other":
		got = o.other.Run(look("/large")...)
	}
	if want := []string{o.digest, "-", "640", owner}; !slices.Equal(strings.Fields(got), want) {
		o.t.Errorf("%s has %q, want %q", host, got, want)
	}
}

// held says whether the account's agent has content open that is in no directory.
func (o *once) held() bool {
	for _, pid := range o.mine(o.agents(o.account.UID)) {
		open, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, fd := range open {
			if to, _ := os.Readlink(fd); strings.HasSuffix(to, "(deleted)") {
				return true
			}
		}
	}
	return false
}

// inside are the agents in a container.
func (o *once) inside(box *bed.Box) []int {
	var out []int
	there, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", box.PID))
	for _, pid := range o.agents(0) {
		if ns, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid)); ns == there {
			out = append(out, pid)
		}
	}
	return out
}

// TestOnce: a large file for four targets behind one ssh hop crosses it once, and not at all where it is there already.
func TestOnce(t *testing.T) {
	t.Parallel()
	o := newOnce(t)
	link := o.link(proxy.Config{})
	first := o.run("apply", "--json", "--auto-approve", "--target", "job.once").must(t, 0)
	for _, host := range []string{"machine", "root", "box", "other"} {
		o.check(host)
	}
	sent := link.Stats().BytesUp
	t.Logf("%d bytes for four times %d, in %v", sent, onceSize, first.took)
	if sent < onceSize || sent > onceSize*13/10 {
		t.Errorf("%d bytes were sent for four times %d", sent, onceSize)
	}
	again := o.run("apply", "--json", "--auto-approve", "--target", "job.once").must(t, 0)
	if got := again.last(t, "run_end").number("changed"); got != 0 {
		t.Errorf("the second run changed %d", got)
	}
	if trips := again.last(t, "run_end").number("round_trips"); trips != 3 {
		t.Errorf("the second run took %d round trips", trips)
	}
	if more := link.Stats().BytesUp - sent; more > 1<<20 {
		t.Errorf("the second run sent %d bytes", more)
	}
}

// A machine that has no room to pass a file on serves all the same: each target gets it for itself.
func TestOnceWithoutRoom(t *testing.T) {
	t.Parallel()
	o := newOnce(t)
	script := strings.NewReplacer("BED", o.Dir(), "HOME", o.account.Home, "UID", fmt.Sprint(o.account.UID)).Replace(`
mkdir /srv/bed && mount --bind BED /srv/bed
for d in /tmp /var/tmp; do mount -t tmpfs -o size=1m,mode=1777 none $d; done
mkdir -p BED && mount --bind /srv/bed BED
mount -t tmpfs -o size=40m,mode=755,uid=UID none HOME`)
	out, err := exec.Command("nsenter", "--target", fmt.Sprint(o.server.Inside(t)), "--mount", "sh", "-ec", script).CombinedOutput()
	if err != nil {
		t.Fatalf("cannot mount: %v: %s", err, out)
	}
	link := o.link(proxy.Config{})
	o.run("apply", "--json", "--auto-approve", "--target", "job.once").must(t, 0)
	for _, host := range []string{"machine", "root", "box", "other"} {
		o.check(host)
	}
	if sent := link.Stats().BytesUp; sent < 4*onceSize {
		t.Errorf("%d bytes were sent: was there room?", sent)
	}
}

// A target that stands still holds up no other, and gets the file when it goes on. G22.
func TestOnceStoppedTarget(t *testing.T) {
	t.Parallel()
	o := newOnce(t)
	link := o.link(proxy.Config{Rate: 10 << 20})
	run := o.start("apply", "--json", "--auto-approve", "--target", "job.once")
	var stopped []int
	eventually(t, "the file is on its way, and the agent there is up", func() bool {
		stopped = o.inside(o.other)
		return len(stopped) > 0 && link.Stats().BytesUp > 4<<20
	})
	signal := func(s syscall.Signal) {
		for _, pid := range stopped {
			_ = syscall.Kill(pid, s)
		}
	}
	signal(syscall.SIGSTOP)
	t.Cleanup(func() { signal(syscall.SIGCONT) })
	eventually(t, "the others have it", func() bool { return strings.Count(run.out.String(), `"type":"task_end"`) == 3 })
	signal(syscall.SIGCONT)
	run.end(30*time.Second).must(t, 0)
	for _, host := range []string{"machine", "root", "box", "other"} {
		o.check(host)
	}
	if sent := link.Stats().BytesUp; sent > onceSize*13/10 {
		t.Errorf("%d bytes were sent", sent)
	}
}

// Of an agent that is killed while it passes a file on, nothing is left, and the next run does it. G21.
func TestOnceKilled(t *testing.T) {
	t.Parallel()
	o := newOnce(t)
	link := o.link(proxy.Config{Rate: 10 << 20})
	run := o.start("apply", "--json", "--auto-approve", "--target", "job.once")
	eventually(t, "the agent holds the file", func() bool { return link.Stats().BytesUp > 4<<20 && o.held() })
	kill(t, o.mine(o.agents(o.account.UID))...)
	run.end(30*time.Second).must(t, 4)
	home := o.account.Home
	left := on(t, o.server, "find", "/tmp", "/var/tmp", "/dev/shm", home, "/srv", "-maxdepth", "1", "-type", "f", "-uid", fmt.Sprint(o.account.UID), "(", "-name", ".*runner*", "-o", "-name", "large", ")")
	if left != "" {
		t.Errorf("%s is left", left)
	}
	o.run("apply", "--json", "--auto-approve", "--target", "job.once").must(t, 0)
	for _, host := range []string{"machine", "root", "box", "other"} {
		o.check(host)
	}
}
