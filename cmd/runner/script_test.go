package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain builds the program that the scripts run.
func TestMain(m *testing.M) {
	if os.Getenv(measureVariable) != "" {
		if err := measureMain(); err != nil {
			panic(err)
		}
		return
	}
	dir, err := os.MkdirTemp("", "runner-script-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	build := exec.CommandContext(context.Background(), "go", "build", "-o", filepath.Join(dir, "real", "runner"), ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		panic(fmt.Sprint("cannot build runner: ", err))
	}
	// Tests that run at the same time share this machine, which is one run's at a time.
	const patient = "#!/bin/sh\ncase $1 in apply|exec) command=$1; shift; set -- $command --lock-timeout 10m \"$@\" ;; esac\n" +
		"exec %s/real/runner \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "runner"), fmt.Appendf(nil, patient, dir), 0o700); err != nil {
		panic(err)
	}
	if err := os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
		panic(err)
	}
	m.Run()
}

// TestScripts runs the scripts in testdata/script, one behaviour each.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			// A home of its own: nothing of whoever runs the tests is read, or left there.
			home := filepath.Join(e.WorkDir, ".home")
			if err := os.MkdirAll(home, 0o700); err != nil {
				return fmt.Errorf("cannot make a home: %w", err)
			}
			e.Setenv("HOME", home)
			e.Setenv("NO_COLOR", "1")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":     exits,
			"listen":    listen,
			"untouched": untouched,
			"lastrun":   lastRun,
			"nowhere":   nowhere,
		},
	})
}

// exits runs a command and compares its exit code: exits 1 runner validate.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENT…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("it ended with %d, want %d", got, want)
	}
}

// lastRun puts the id of the last run on record into a variable: lastrun ID.
func lastRun(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lastrun VARIABLE")
	}
	ts.Check(ts.Exec("runner", "history", "--last", "1", "--json"))
	var entry struct{ Run string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &entry))
	ts.Setenv(args[0], entry.Run)
}

// nowhere fails when a text stands in a file in a directory, or below it: nowhere TEXT DIRECTORY.
func nowhere(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: nowhere TEXT DIRECTORY")
	}
	files := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		files++
		content, err := os.ReadFile(name)
		if bytes.Contains(content, []byte(args[0])) {
			ts.Fatalf("%s has it", name)
		}
		return err
	}))
	if files == 0 {
		ts.Fatalf("%s has no files", args[1])
	}
}

// listener counts who connects to it.
type listener struct {
	mu       sync.Mutex
	accepted int
}

type listenerKey struct{ name string }

// listen waits for connections at an address whose port it puts into a variable: listen PORT.
func listen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: listen VARIABLE")
	}
	socket, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	l := &listener{}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			l.mu.Lock()
			l.accepted++
			l.mu.Unlock()
			conn.Close()
		}
	})
	ts.Defer(func() {
		socket.Close()
		accepting.Wait()
	})
	_, port, err := net.SplitHostPort(socket.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
	listeners.Store(listenerKey{ts.Name() + args[0]}, l)
}

// listeners are those of all scripts.
var listeners sync.Map

// untouched fails when somebody has connected: untouched PORT.
func untouched(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] untouched VARIABLE")
	}
	value, ok := listeners.Load(listenerKey{ts.Name() + args[0]})
	if !ok {
		ts.Fatalf("nothing listens at %s", args[0])
	}
	l, _ := value.(*listener)
	l.mu.Lock()
	defer l.mu.Unlock()
	if (l.accepted == 0) == neg {
		ts.Fatalf("%d connections were made", l.accepted)
	}
}
