package process

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultPath is where programs are looked up when the environment has no PATH.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Start starts a program and returns while it runs. Its three streams are the caller's to write and read: Stdin, Stdout
// and Stderr of the command are not used. With a terminal, the slave side of a pseudo terminal, the program is
// controlled by it and can prompt there; its streams are pipes all the same. The error is a *StartError.
func (t *Table) Start(c Command, terminal *os.File) (*Process, error) {
	return t.start(c, true, piped(nil, true, terminal))
}

// piped makes streams that are pipes when they are needed.
func piped(script []byte, input bool, terminal *os.File) func() (*streams, error) {
	return func() (*streams, error) { return newStreams(script, input, terminal) }
}

func (t *Table) start(c Command, hop bool, open func() (*streams, error)) (*Process, error) {
	if len(c.Argv) == 0 {
		return nil, &StartError{Program: "nothing", Err: syscall.EINVAL}
	}
	fail := func(err error) error { return &StartError{Program: c.Argv[0], Err: errno(err, err)} }
	if c.Dir != "" {
		if info, err := os.Stat(c.Dir); err != nil || !info.IsDir() {
			return nil, &StartError{Program: c.Argv[0], Dir: c.Dir, Err: errno(err, syscall.ENOTDIR)}
		}
	}
	program, err := lookUp(c.Argv[0], c.Dir, c.Env)
	if err != nil {
		return nil, fail(err)
	}
	s, err := open()
	if err != nil {
		return nil, fail(err)
	}
	defer s.closeTheirs()
	p := &Process{
		table: t, hop: hop, done: make(chan struct{}),
		Stdin: s.stdin, Stdout: s.stdout, Stderr: s.stderr, streams: s,
		held: s.held(),
	}
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Files: s.child, Sys: &syscall.SysProcAttr{Setsid: true}}
	if s.ctty >= 0 {
		attr.Sys.Setctty, attr.Sys.Ctty = true, s.ctty
	}
	argv := c.Argv
	if c.Login {
		argv = append([]string{"-" + filepath.Base(program)}, argv[1:]...)
	}
	if s.script != nil {
		argv = append(slices.Clip(argv), s.path)
	}
	if !hop {
		t.startGuard()
	}
	if err := t.fork(p, program, argv, attr); err != nil {
		s.closeOurs()
		return nil, fail(err)
	}
	return p, nil
}

// fork starts the process. A program that has just been written may still be open for writing in another child that is
// on its way to its own exec; that passes.
func (t *Table) fork(p *Process, program string, argv []string, attr *syscall.ProcAttr) error {
	err := t.tryFork(p, program, argv, attr)
	for pause := time.Millisecond; errors.Is(err, syscall.ETXTBSY) && pause < 100*time.Millisecond; pause *= 2 {
		<-time.After(pause)
		err = t.tryFork(p, program, argv, attr)
	}
	return err
}

// tryFork starts the process and makes its entry, as one step for the reaper.
func (t *Table) tryFork(p *Process, program string, argv []string, attr *syscall.ProcAttr) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return os.ErrClosed
	}
	if p.Pid, err = syscall.ForkExec(program, argv, attr); err != nil {
		return err
	}
	p.born = bornAt(p.Pid)
	if p.hop {
		p.program = programOf(p.Pid)
	}
	for _, other := range t.running {
		if !other.hop && !p.hop {
			other.besides, p.besides = true, true
		}
	}
	t.running[p.Pid] = p
	if !p.hop {
		t.tellGuard('+', p.born)
	}
	return nil
}

// feed writes all of r to the process. Nobody waits for it: a Read may not return before its own end, which need not be
// the process's.
func feed(w *os.File, r io.Reader) {
	_, _ = io.Copy(struct{ io.Writer }{w}, r) // a program need not read its input
	_ = w.Close()
}

// Variable returns the value of a variable of an environment, in which the last one of a name counts.
func Variable(environ []string, name, otherwise string) string {
	for _, pair := range slices.Backward(environ) {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return otherwise
}

// lookUp finds a program as execvp would, in the PATH of env.
func lookUp(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	missing := error(syscall.ENOENT)
	if name == "" {
		return "", missing
	}
	for _, d := range filepath.SplitList(Variable(env, "PATH", DefaultPath)) {
		file := filepath.Join(d, name)
		seen := file
		if !filepath.IsAbs(file) { // relative to where it will run
			file = "./" + file
			seen = filepath.Join(dir, file)
		}
		info, err := os.Stat(seen)
		if err != nil || info.IsDir() {
			continue
		}
		if missing = unix.Access(seen, unix.X_OK); missing == nil {
			return file, nil
		}
	}
	return "", missing
}

// errno is the number in err, if there is one.
func errno(err, otherwise error) error {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number
	}
	return otherwise
}
