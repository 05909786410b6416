package bed

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// grace is how long what ends by itself may take to end.
const grace = 3 * time.Second

// CheckLeaks fails the test when something is left of what ran on the bed's accounts and in its containers: a process
// (also one that sudo started for an account), an open terminal, a file in a directory for temporary files, or anything
// but the agent's own copy and its lock file in the agent's directories. It waits a moment for what is about to end,
// and runs by itself at the end of the test.
func (b *Bed) CheckLeaks() {
	b.t.Helper()
	deadline := time.Now().Add(grace)
	for {
		left := b.leaks()
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			b.t.Errorf("left behind (G21):\n  %s", strings.Join(left, "\n  "))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Tolerate excepts a process of the test itself from the search for leaks.
func (b *Bed) Tolerate(pid int) { b.tolerated[pid] = true }

func (b *Bed) leaks() []string {
	var left []string
	for _, p := range processes() {
		if why := b.blame(p); why != "" {
			left = append(left, fmt.Sprintf("process %d (%s): %s", p.pid, why, p.command))
		}
	}
	for _, a := range b.accounts {
		if a.UID == 0 {
			continue
		}
		for _, root := range []string{"/tmp", "/var/tmp", "/dev/shm", "/dev/pts"} {
			left = append(left, a.files(root)...)
		}
		for _, dir := range append(privateDirs(a), filepath.Join(a.Home, ".cache/runner")) {
			left = append(left, remains(dir)...)
		}
	}
	for _, box := range b.boxes {
		left = append(left, box.remains()...)
	}
	return left
}

// blame says why a process is one that should have ended, or "".
func (b *Bed) blame(p process) string {
	// An agent that may be there may have its guard, which ends with it.
	guard := b.tolerated[p.parent] && strings.HasSuffix(p.command, " guard")
	if p.pid == os.Getpid() || b.tolerated[p.pid] || guard {
		return ""
	}
	for _, s := range b.servers {
		if p.pid == s.PID() {
			return ""
		}
	}
	for _, a := range b.accounts {
		switch {
		case a.UID != 0 && p.uid == a.UID:
			return "of " + a.Name
		case bytes.Contains(p.environ, []byte("\x00SUDO_USER="+a.Name+"\x00")):
			return "by sudo from " + a.Name
		case strings.HasPrefix(p.command, "sshd: "+a.Name):
			return "session of " + a.Name
		}
	}
	for _, box := range b.boxes {
		switch {
		case (box.kind.Debian || box.kind.Systemd) && !strings.Contains(p.command, "runner"): // its own daemons
		case box.ID != "" && p.pid != box.PID && strings.Contains(p.cgroup, box.ID):
			return "in container " + box.Name
		case strings.Contains(p.command, box.Name):
			return "about container " + box.Name
		}
	}
	return ""
}

// kept tells the names of what an agent may leave in its own directory.
func kept(name string) bool {
	hash, ok := strings.CutPrefix(name, "agent-")
	if !ok {
		hash, ok = strings.CutPrefix(name, "action-") // of the user's own
	}
	return name == "lanes" || ok && len(hash) >= 16 && strings.Trim(hash, "0123456789abcdef") == ""
}

// remains lists what an agent has left in its own directory beside its copy and its lock file.
func remains(dir string) []string {
	var left []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !kept(e.Name()) {
			left = append(left, filepath.Join(dir, e.Name()))
		}
	}
	return left
}

// remains lists the agent's files that were left in a container, its copy at the top aside.
func (c *Box) remains() []string {
	out, err := run("diff", c.Name)
	if err != nil {
		return nil // stopped and gone
	}
	var left []string
	for _, line := range lines(out) {
		_, path, _ := strings.Cut(line, " ")
		dir, name := filepath.Split(path)
		switch {
		case strings.Contains(path, "/.git/"): // a working copy's own
		case strings.HasPrefix(path, "/.runner-agent-") && kept(strings.TrimPrefix(path, "/.runner-")), filepath.Base(dir) == "runner" && kept(name), name == "runner":
		case strings.HasPrefix(path, "/.runner"), strings.HasPrefix(path, "/tmp/"), filepath.Base(dir) == "runner":
			left = append(left, "container "+c.Name+": "+path)
		}
	}
	return left
}

// process is what /proc says about one.
type process struct {
	pid, parent, uid int
	command          string // its argv, joined by spaces
	environ          []byte // starts and ends with NUL
	cgroup           string
}

// processes lists the living ones, threads of the kernel aside.
func processes() []process {
	var all []process
	dirs, _ := os.ReadDir("/proc")
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid); ok {
			all = append(all, p)
		}
	}
	return all
}

func readProcess(pid int) (process, bool) {
	p := process{pid: pid}
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return p, false
	}
	for _, line := range lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		switch name {
		case "PPid":
			p.parent, _ = strconv.Atoi(fields[0])
		case "Uid":
			p.uid, _ = strconv.Atoi(fields[0])
		}
	}
	argv, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
	p.command = strings.ReplaceAll(strings.TrimRight(string(argv), "\x00"), "\x00", " ")
	if p.command == "" {
		// A zombie has no argv any more, and is as much of a leak. Threads of the kernel are children of number 2.
		name, _ := os.ReadFile(filepath.Join(dir, "comm"))
		p.command = "[" + strings.TrimSpace(string(name)) + "]"
	}
	environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
	p.environ = append([]byte{0}, environ...)
	group, _ := os.ReadFile(filepath.Join(dir, "cgroup"))
	p.cgroup = string(group)
	return p, p.parent != 2 && pid != 2
}

// descendants lists the children of a process, their children and so on, parents first.
func descendants(pid int) []process {
	all := processes()
	var out []process
	queue := []int{pid}
	for len(queue) > 0 {
		parent := queue[0]
		queue = queue[1:]
		for _, p := range all {
			if p.parent == parent {
				out = append(out, p)
				queue = append(queue, p.pid)
			}
		}
	}
	return out
}

func owner(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}

func lines(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }
