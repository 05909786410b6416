package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"runner/cmd/testbed/bed"
)

// The daemon that up starts keeps its state apart from any other.
const (
	stateDir = "/var/lib/runner-testbed"
	runDir   = "/run/runner-testbed"
	pidFile  = runDir + "/dockerd.pid"
	// The daemon starts a containerd of its own, with this file.
	containerdPidFile = runDir + "/docker/containerd/containerd.pid"
)

func daemonAnswers(ctx context.Context) bool {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	conn, err := dialer.DialContext(ctx, "unix", bed.DockerSocket)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return exec.CommandContext(ctx, "docker", "version").Run() == nil
}

// startDaemon starts dockerd unless one answers already. Containers of the tests need no network, so the daemon touches
// neither bridges nor packet filters, which a machine may not allow.
func startDaemon(ctx context.Context) error {
	if daemonAnswers(ctx) {
		return nil
	}
	for _, dir := range []string{stateDir, runDir} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return fmt.Errorf("cannot make the daemon's directories: %w", err)
		}
	}
	// What a daemon that was killed left behind would keep the next from starting, as long as its number is a process's.
	for _, file := range []string{pidFile, containerdPidFile} {
		if _, err := running(file); err != nil {
			return err
		}
	}
	log, err := os.Create(filepath.Join(stateDir, "dockerd.log"))
	if err != nil {
		return fmt.Errorf("cannot make the daemon's log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command("dockerd", "--host", "unix://"+bed.DockerSocket, "--data-root", filepath.Join(stateDir, "docker"),
		"--exec-root", filepath.Join(runDir, "docker"), "--pidfile", pidFile,
		"--iptables=false", "--ip6tables=false", "--bridge=none")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start dockerd: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // this process ends before the daemon does
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(time.Minute)
	for {
		select {
		case <-tick.C:
			if daemonAnswers(ctx) {
				return nil
			}
		case err := <-ended:
			return fmt.Errorf("dockerd ended at once: %w: %s", err, lastWords(log.Name()))
		case <-timeout:
			return fmt.Errorf("dockerd does not answer: %s", lastWords(log.Name()))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func lastWords(path string) string {
	text, _ := os.ReadFile(path)
	return string(text[max(0, len(text)-2000):])
}

// running returns the process that a pid file names, or 0. The file of one that has ended is removed: the number may be
// another process's by now.
func running(file string) (pid int, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot find the daemon: %w", err)
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("cannot find the daemon: %w", err)
	}
	// Both daemons are told of a directory below runDir. A zombie has no arguments any more.
	argv, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil || !bytes.Contains(argv, []byte(runDir)) {
		return 0, os.Remove(file)
	}
	return pid, nil
}

// stopDaemon ends the daemon that startDaemon started, and no other.
func stopDaemon(ctx context.Context) error {
	pid, err := running(pidFile)
	if pid == 0 || err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("cannot end dockerd: %w", err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(30 * time.Second)
	for syscall.Kill(pid, 0) == nil {
		select {
		case <-tick.C:
		case <-timeout:
			return errors.New("dockerd does not end")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// makeImages imports the two images of the tests. They hold nothing but a static busybox.
func makeImages(ctx context.Context) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		return fmt.Errorf("cannot read busybox: %w", err)
	}
	applets, err := exec.CommandContext(ctx, busybox, "--list").Output()
	if err != nil {
		return fmt.Errorf("cannot list busybox's commands: %w", err)
	}
	var scratch image
	scratch.file("busybox", 0o755, program)
	if err := scratch.load(ctx, bed.ImageScratch); err != nil {
		return err
	}
	var shell image
	for _, dir := range []string{"bin", "etc", "proc", "sys", "dev", "run", "var", "var/tmp", "root", "home"} {
		shell.directory(dir, 0o755, 0)
	}
	shell.directory("tmp", 0o1777, 0)
	shell.directory("home/app", 0o755, 1000)
	shell.file("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n"))
	shell.file("etc/group", 0o644, []byte("root:x:0:\napp:x:1000:\n"))
	shell.file("bin/busybox", 0o755, program)
	for name := range strings.FieldsSeq(string(applets)) {
		if name != "busybox" {
			shell.link(filepath.Join("bin", name), "busybox")
		}
	}
	return shell.load(ctx, bed.ImageShell)
}

// image is a root file system in the making.
type image struct {
	buffer bytes.Buffer
	tar    *tar.Writer
	err    error
}

func (i *image) add(header tar.Header, content []byte) {
	if i.tar == nil {
		i.tar = tar.NewWriter(&i.buffer)
	}
	if i.err == nil {
		i.err = i.tar.WriteHeader(&header)
	}
	if i.err == nil {
		_, i.err = i.tar.Write(content)
	}
}

func (i *image) file(name string, mode int64, content []byte) {
	i.add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}, content)
}

func (i *image) directory(name string, mode int64, owner int) {
	i.add(tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode, Uid: owner, Gid: owner}, nil)
}

func (i *image) link(name, target string) {
	i.add(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
}

// load gives the image to the daemon unless it has one of that name.
func (i *image) load(ctx context.Context, name string) error {
	if exec.CommandContext(ctx, "docker", "image", "inspect", name).Run() == nil {
		return nil
	}
	if i.err == nil {
		i.err = i.tar.Close()
	}
	if i.err != nil {
		return fmt.Errorf("cannot make image %s: %w", name, i.err)
	}
	cmd := exec.CommandContext(ctx, "docker", "import", "-", name)
	cmd.Stdin = &i.buffer
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot load image %s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}
