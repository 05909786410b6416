package child

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"runner/agent/bootstrap"
)

const canEnter = true

// namespaces are what is joined, the mounts last: after them the names of the others lead elsewhere. A user namespace
// cannot be joined by a process with threads; its ids are mapped instead.
var namespaces = []struct { //nolint:gochecknoglobals // a constant, but for the language
	name string
	flag int
}{
	{"cgroup", unix.CLONE_NEWCGROUP},
	{"ipc", unix.CLONE_NEWIPC},
	{"uts", unix.CLONE_NEWUTS},
	{"net", unix.CLONE_NEWNET},
	{"pid", unix.CLONE_NEWPID},
	{"mnt", unix.CLONE_NEWNS},
}

// Enter is the helper that joins namespaces: args are the process whose they are, the user to be inside, the size of the
// agent, which is read from standard input, and the agent's nonce. It returns the agent's exit status when that ends.
// It changes the calling thread beyond repair and must be all that the process does.
func Enter(args []string) (int, error) {
	if len(args) < 4 {
		return 1, fmt.Errorf("cannot enter: %d arguments", len(args))
	}
	runtime.LockOSThread() // for good: what follows changes this thread alone
	size, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return 1, fmt.Errorf("cannot enter: %w", err)
	}
	agent, err := memoryFile(os.Stdin, size)
	if err != nil {
		return 1, fmt.Errorf("cannot keep the agent in memory: %w", err)
	}
	c, err := openContainer(args[0])
	if err != nil {
		return 1, fmt.Errorf("cannot look at process %s: %w", args[0], err)
	}
	if err := c.join(); err != nil {
		return 1, err
	}
	account, err := c.account(args[1])
	if err != nil {
		return 1, err
	}
	if err := c.drop(); err != nil {
		return 1, err
	}
	argv := append(bootstrap.PathArgv("runner-agent", args[3]), args[4:]...)
	pid, err := syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", agent.Fd()), argv, &syscall.ProcAttr{
		Env:   account.environ(c.environ),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Credential: account.credential(c), Setsid: true},
	})
	if err != nil {
		return 1, fmt.Errorf("cannot execute the agent inside: %w", err)
	}
	_ = os.Stdin.Close() // they are the agent's now: who waits for their end waits for it
	_ = os.Stdout.Close()
	var status syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR { //nolint:errorlint // a plain number
			break
		}
	}
	if err != nil {
		return 1, fmt.Errorf("cannot wait for the agent: %w", err)
	}
	if status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return status.ExitStatus(), nil
}

// memoryFile copies an executable into a sealed file that is nowhere in the file system.
func memoryFile(from io.Reader, size int64) (*os.File, error) {
	fd, err := unix.MemfdCreate("runner-agent", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "runner-agent")
	if _, err := io.CopyN(f, from, size); err != nil {
		return nil, err
	}
	_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	return f, err
}

// container is what is known of the process whose namespaces are joined.
type container struct {
	proc       string // /proc/PID
	environ    []string
	cgroups    string
	uids, gids []idRange
	bounding   uint64 // capabilities that it could ever have
	noNew      bool   // it cannot gain privileges
	spaces     []int  // descriptors of its namespaces, in their order; -1: the same as ours
	root, cwd  int    // descriptors of directories
}

func openContainer(pid string) (*container, error) {
	c := &container{proc: "/proc/" + pid}
	environ, err := os.ReadFile(c.proc + "/environ")
	if err != nil {
		return nil, err
	}
	c.environ = strings.Split(strings.TrimRight(string(environ), "\x00"), "\x00")
	cgroups, err := os.ReadFile(c.proc + "/cgroup")
	if err != nil {
		return nil, err
	}
	c.cgroups = string(cgroups)
	if c.uids, err = readMap(c.proc + "/uid_map"); err != nil {
		return nil, err
	}
	if c.gids, err = readMap(c.proc + "/gid_map"); err != nil {
		return nil, err
	}
	if err := c.readStatus(); err != nil {
		return nil, err
	}
	for _, s := range namespaces {
		fd, err := openSpace(c.proc, s.name)
		if err != nil {
			return nil, err
		}
		c.spaces = append(c.spaces, fd)
	}
	if c.root, err = unix.Open(c.proc+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return nil, err
	}
	if c.cwd, err = unix.Open(c.proc+"/cwd", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return nil, err
	}
	return c, nil
}

func openSpace(proc, name string) (int, error) {
	theirs, err := os.Readlink(proc + "/ns/" + name)
	if os.IsNotExist(err) { // a kernel without that kind
		return -1, nil
	}
	if ours, mine := os.Readlink("/proc/self/ns/" + name); mine == nil && err == nil && ours == theirs {
		return -1, nil
	}
	return unix.Open(proc+"/ns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

func (c *container) readStatus() error {
	status, err := os.ReadFile(c.proc + "/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch name {
		case "CapBnd":
			if c.bounding, err = strconv.ParseUint(value, 16, 64); err != nil {
				return err
			}
		case "NoNewPrivs":
			c.noNew = value == "1"
		}
	}
	return nil
}

// join joins the container's cgroups, so that its limits hold, and then its namespaces.
func (c *container) join() error {
	if err := joinCgroups(c.cgroups); err != nil {
		return fmt.Errorf("cannot join its cgroups: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_FS); err != nil { // threads share their root directory until then
		return fmt.Errorf("cannot part from the other threads: %w", err)
	}
	for i, s := range namespaces {
		if c.spaces[i] < 0 {
			continue
		}
		if err := unix.Setns(c.spaces[i], s.flag); err != nil {
			return fmt.Errorf("cannot join its %s namespace: %w", s.name, err)
		}
	}
	if err := unix.Fchdir(c.root); err != nil {
		return fmt.Errorf("cannot enter its root directory: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("cannot enter its root directory: %w", err)
	}
	if err := unix.Fchdir(c.cwd); err != nil {
		return fmt.Errorf("cannot enter its working directory: %w", err)
	}
	return nil
}

// joinCgroups moves this process to the cgroups of the lines of /proc/PID/cgroup, wherever they are mounted here.
func joinCgroups(lines string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(lines) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		dir, ok := findCgroup(string(mounts), fields[1], fields[2])
		if !ok {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0); err != nil {
			return err
		}
	}
	return nil
}

// findCgroup finds the directory of a cgroup: by its controllers in version 1, where there are none in version 2.
func findCgroup(mounts, controllers, path string) (string, bool) {
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(line, " - ")
		mount, system := strings.Fields(before), strings.Fields(after)
		if len(mount) < 5 || len(system) < 3 {
			continue
		}
		fits := system[0] == "cgroup2"
		if controllers != "" {
			options := strings.Split(system[2], ",")
			fits = system[0] == "cgroup"
			for name := range strings.SplitSeq(controllers, ",") {
				fits = fits && slices.Contains(options, name)
			}
		}
		inside, err := filepath.Rel(mount[3], path)
		if fits && err == nil && !strings.HasPrefix(inside, "..") {
			return filepath.Join(mount[4], inside), true
		}
	}
	return "", false
}

// drop gives up what the container's own processes could never have.
func (c *container) drop() error {
	for capability := range uintptr(64) {
		if c.bounding&(1<<capability) != 0 {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		if err != nil && err != unix.EINVAL {
			return fmt.Errorf("cannot drop capability %d: %w", capability, err)
		}
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&head, &sets[0]); err != nil {
		return fmt.Errorf("cannot read capabilities: %w", err)
	}
	sets[0].Inheritable, sets[1].Inheritable = 0, 0
	if err := unix.Capset(&head, &sets[0]); err != nil {
		return fmt.Errorf("cannot drop inheritable capabilities: %w", err)
	}
	if c.noNew {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("cannot give up new privileges: %w", err)
		}
	}
	return nil
}
