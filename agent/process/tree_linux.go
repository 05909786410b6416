package process

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const inputWaiting = unix.TIOCINQ

// adopt makes orphans of this process's descendants its children.
func adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot become the reaper of orphans: %w", err)
	}
	return nil
}

// list returns all processes that this one can see, or false where there is no /proc.
func list() ([]seen, bool) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, false
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, false
	}
	var out []seen
	buffer := make([]byte, 512)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if s, ok := look(pid, buffer); ok {
			out = append(out, s)
		}
	}
	return out, len(out) > 0
}

// look reads /proc/PID/stat, whose fields proc_pid_stat(5) numbers from 1. The second, the name, may hold anything.
func look(pid int, buffer []byte) (seen, bool) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return seen{}, false
	}
	n, err := unix.Read(fd, buffer)
	_ = unix.Close(fd)
	if err != nil || n <= 0 {
		return seen{}, false
	}
	stat := buffer[:n]
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // fields[0] is number 3
	if len(fields) < 20 {
		return seen{}, false
	}
	number := func(i int) int { v, _ := strconv.Atoi(string(fields[i-3])); return v }
	return seen{
		pid: pid, parent: number(4), session: number(6),
		born: birth{tick: uint64(number(22)), pid: pid}, //nolint:gosec // it is not negative
		dead: fields[0][0] == 'Z' || fields[0][0] == 'X',
	}, true
}

func bornAt(pid int) birth {
	s, _ := look(pid, make([]byte, 512))
	return birth{tick: s.born.tick, pid: pid}
}

// holds says whether one of the standard streams of a process is among some.
func holds(pid int, streams []string) bool {
	for fd := range 3 {
		target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd))
		if err == nil && slices.Contains(streams, target) {
			return true
		}
	}
	return false
}

// programOf names what a process executes, as the kernel saw it started.
func programOf(pid int) string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return string(name)
}

// isRoots says whether a process may do what root may.
func isRoots(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	for line := range bytes.Lines(status) {
		if ids, ok := bytes.CutPrefix(line, []byte("Uid:")); ok {
			fields := bytes.Fields(ids) // real, effective, saved, of the file system
			return len(fields) > 1 && string(fields[1]) == "0"
		}
	}
	return false
}

// finishing is what a process calls itself that must not be ended with the hop it came by.
const finishing = "runner-finish"

// Finishing tells a parent that ends the tree of a hop to leave this process alone: its parent is gone, but what it does
// must not be cut.
func Finishing() {
	_ = os.WriteFile("/proc/self/comm", []byte(finishing), 0) // without /proc nobody looks either
}

func isFinishing(pid int) bool { return strings.TrimSpace(programOf(pid)) == finishing }
