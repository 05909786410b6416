package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/bootstrap"
	"runner/agent/child"
	"runner/agent/facts"
	"runner/agent/process"
	"runner/agent/wire"
)

// Version is what an agent says of itself. What is compared is its hash.
const Version = "0.1.0"

// guardCommand is the first argument of an agent's guard.
const guardCommand = "guard"

// Main runs this process as an agent, or as what an agent needs beside itself, if its arguments (without the program)
// say so. It returns the exit status, and false if the arguments are not an agent's.
func Main(args []string, actions []action.Definition) (status int, ours bool) {
	if len(args) == 0 {
		return 0, false
	}
	var err error
	switch args[0] {
	case "ok": // does it run here at all? (An empty file does: it is a script that does nothing.)
		_, err = os.Stdout.WriteString("ok\n")
	case guardCommand:
		debug.SetGCPercent(20)
		process.CloseInherited()
		process.Guard(os.Stdin)
	case child.EnterCommand:
		status, err = child.Enter(args[1:])
	case "serve":
		if len(args) < 2 {
			return 0, false
		}
		err = serve(args[1:], actions)
	default:
		return 0, false
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "runner-agent:", err)
		status = max(status, 1)
	}
	return status, true
}

// serve is the agent's life. Its arguments are those of bootstrap.Argv and bootstrap.PathArgv after "serve".
func serve(args []string, actions []action.Definition) error {
	// An idle agent should weigh little, and there may be thousands on one machine.
	debug.SetGCPercent(40)
	runtime.GOMAXPROCS(min(runtime.NumCPU(), 4))
	process.CloseInherited()
	nonce, rest := args[0], args[1:]
	own := bootstrap.NewOwn()
	if len(rest) >= 2 {
		if err := bootstrap.Renew(own, nonce, rest[0], rest[1], rest[2:]); err != nil {
			return err
		}
		if err := bootstrap.RestoreEnviron(rest[2:]); err != nil {
			return err
		}
		if err := bootstrap.SetAccount(rest[2:], facts.Account); err != nil {
			return err
		}
		defer bootstrap.Tidy(rest[1])
	}
	table, err := process.NewTable()
	if err != nil {
		return err
	}
	defer table.Close()
	table.UseGuard("/proc/self/exe", guardCommand)

	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	signals := make(chan os.Signal, 4)
	// Those that are ignored here would be in every process that we start; a handler makes them what they are by default.
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT, unix.SIGPIPE, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU)
	defer signal.Stop(signals)
	go attend(signals, stop)
	go dumpEvery(ctx, os.Getenv(bootstrap.DumpVariable))

	err = Serve(ctx, standardStreams(), Config{Nonce: nonce, Version: Version, Actions: actions, Table: table, Own: own, Cache: bootstrap.Cache()})
	var p *wire.Problem
	if errors.As(err, &p) && p.Code == wire.CodeSilent {
		return fmt.Errorf("the parent was silent: %w", err)
	}
	return err
}

// attend ends the agent when somebody asks for that, and shows where it stands.
func attend(signals <-chan os.Signal, stop context.CancelCauseFunc) {
	for s := range signals {
		switch s {
		case unix.SIGQUIT:
			dump()
		case unix.SIGTERM, unix.SIGINT, unix.SIGHUP:
			stop(fmt.Errorf("ended by signal %s", s))
		}
	}
}

// dumpEvery shows where the agent stands every so many seconds.
func dumpEvery(ctx context.Context, seconds string) {
	n, err := strconv.Atoi(seconds)
	if err != nil || n <= 0 {
		return
	}
	ticker := time.NewTicker(time.Duration(n) * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			dump()
		}
	}
}

// dump prints what every goroutine does (G39).
func dump() {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	_, _ = fmt.Fprintf(os.Stderr, "runner-agent %d as user %d:\n%s\n", os.Getpid(), os.Geteuid(), stacks)
}

// standardStreams is what the link runs on. Reads that can be interrupted need streams that do not block; processes
// that we start have others.
func standardStreams() io.ReadWriteCloser {
	open := func(fd int, name string) *os.File {
		_ = syscall.SetNonblock(fd, true) // where that is not possible, the process's end ends the read
		return os.NewFile(uintptr(fd), name)
	}
	return &streams{open(0, "input"), open(1, "output")}
}

type streams struct{ in, out *os.File }

func (s *streams) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s *streams) Write(p []byte) (int, error) { return s.out.Write(p) }

// Close also tells whoever waits for the end of our output.
func (s *streams) Close() error { return errors.Join(s.in.Close(), s.out.Close()) }
