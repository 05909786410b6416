package bed

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Where the test bed's dockerd listens, and the images that it has.
const (
	DockerSocket = "/var/run/docker.sock"
	ImageShell   = "runner-testbed:shell"   // busybox with all its names, users root and app (1000)
	ImageScratch = "runner-testbed:scratch" // one static program, /busybox, and nothing else
	ImageDebian  = "runner-testbed:debian"  // a Debian with systemd, OpenRC and an archive of packages of its own
	GermanLocale = "de_DE.utf8"
)

// BoxOptions say what a container is like. The zero value has a shell and runs as root.
type BoxOptions struct {
	Scratch  bool // FROM scratch: no shell, no passwd
	Debian   bool // a Debian in which no service manager runs; what runs there when the test ends is no leak, but for agents
	Systemd  bool // the same with systemd as process 1
	ReadOnly bool
	User     string   // as docker run --user takes it
	Memory   string   // such as 32m
	Tmpfs    []string // where to mount one, with options if wanted: /tmp:exec
	Args     []string // further arguments of docker run
}

// Box is a running container.
type Box struct {
	Name string
	ID   string
	PID  int // of its first process, seen from here
	kind BoxOptions
	bed  *Bed
}

// Container starts one. Needs docker.
func (b *Bed) Container(options BoxOptions) *Box {
	b.t.Helper()
	box := &Box{Name: unique(), kind: options, bed: b}
	args := []string{"run", "--detach", "--name", box.Name, "--network", "none"}
	if options.ReadOnly {
		args = append(args, "--read-only")
	}
	if options.User != "" {
		args = append(args, "--user", options.User)
	}
	if options.Memory != "" {
		args = append(args, "--memory", options.Memory)
	}
	for _, at := range options.Tmpfs {
		args = append(args, "--tmpfs", at)
	}
	if options.Systemd {
		args = append(args, systemdArgs()...)
	}
	b.boxes = append(b.boxes, box)
	box.ID = b.docker(slices.Concat(args, options.Args, options.command())...)
	box.PID, _ = strconv.Atoi(b.docker("inspect", "--format", "{{.State.Pid}}", box.Name))
	if options.Systemd {
		box.awaitSystemd()
	}
	return box
}

// command is the image and what runs in it.
func (o BoxOptions) command() []string {
	const forever = "2147483647"
	switch {
	case o.Systemd:
		return []string{ImageDebian, "/sbin/init"}
	case o.Debian:
		return []string{ImageDebian, "/bin/sh", "-c", "while :; do sleep 3600; done"} // a shell waits for orphans
	case o.Scratch:
		return []string{ImageScratch, "/busybox", "sleep", forever}
	}
	return []string{ImageShell, "/bin/busybox", "sleep", forever}
}

// Recreate replaces a container by another one of the same name and image.
func (b *Bed) Recreate(c *Box) {
	b.t.Helper()
	image := b.docker("inspect", "--format", "{{.Config.Image}}", c.Name)
	program := b.docker("inspect", "--format", "{{.Path}}", c.Name)
	b.docker("rm", "--force", "--volumes", c.Name)
	c.ID = b.docker("run", "--detach", "--name", c.Name, "--network", "none", image, program, "sleep", "2147483647")
	c.PID, _ = strconv.Atoi(b.docker("inspect", "--format", "{{.State.Pid}}", c.Name))
}

// Stop ends the container at once, as a crash would.
func (c *Box) Stop() {
	c.bed.t.Helper()
	c.bed.docker("kill", c.Name)
}

// Run runs a command inside, as root, and returns what it printed. Elsewhere than in a Debian it is one of busybox's.
func (c *Box) Run(args ...string) string {
	c.bed.t.Helper()
	if c.kind.Debian || c.kind.Systemd {
		return c.bed.docker(append([]string{"exec", c.Name}, args...)...)
	}
	program := "/bin/busybox"
	if _, err := run("exec", c.Name, "/busybox", "true"); err == nil {
		program = "/busybox"
	}
	return c.bed.docker(append([]string{"exec", "--user", "0", c.Name, program}, args...)...)
}

// docker runs the client and returns what it printed; a failure is the test's.
func (b *Bed) docker(args ...string) string {
	b.t.Helper()
	out, err := run(args...)
	if err != nil {
		b.t.Fatalf("cannot run docker: %v", err)
	}
	return out
}

func run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(errs.Bytes()))
	}
	return strings.TrimSpace(out.String()), nil
}

// Pause freezes the container's processes.
func (c *Box) Pause() {
	c.bed.t.Helper()
	c.bed.docker("pause", c.Name)
}

// DockerGroup is the group whose members may talk to the daemon.
func DockerGroup(t testing.TB) string {
	t.Helper()
	info, err := os.Stat(DockerSocket)
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Gid)))
	if err != nil {
		t.Fatal(err)
	}
	return group.Name
}
