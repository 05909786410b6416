package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// measureVariable makes the test program run its arguments as a command and print what that took. A child's peak memory
// counts from that of its parent on, so the parent has to be small.
const measureVariable = "RUNNER_TEST_MEASURE"

// measured is what a command took and said.
type measured struct {
	Status         int
	Memory         int64 // bytes, the most that was resident
	Wall, CPU      time.Duration
	Stdout, Stderr string
}

// measureMain is the test program as it is under measureVariable.
func measureMain() error {
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[1], os.Args[2:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begin := time.Now()
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("cannot run: %w", err)
	}
	m := measured{Status: cmd.ProcessState.ExitCode(), Wall: time.Since(begin), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), Stdout: stdout.String(), Stderr: stderr.String()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.Memory = usage.Maxrss << 10
	}
	return json.NewEncoder(os.Stdout).Encode(m) //nolint:wrapcheck // for the one line above
}

// measure runs runner in a directory.
func measure(t *testing.T, dir string, environ []string, args ...string) measured {
	t.Helper()
	runner, err := exec.LookPath("runner")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{runner}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(environ, measureVariable+"=1", "HOME="+dir)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var m measured
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return m
}

// hostile is an input that is an error.
type hostile struct {
	name    string
	site    string            // the file site.hcl
	files   map[string]string // beside it, or instead
	args    []string
	environ []string
}

// TestG35Hostile gives the program input that is made to harm it: each is an error, with a place where it has one, and
// takes little more memory than an empty site does.
func TestG35Hostile(t *testing.T) {
	const most = 64 // MiB
	empty := t.TempDir()
	writeSite(t, empty, hostile{site: ""})
	base := measure(t, empty, nil, "validate", "--json")
	if base.Status != 0 {
		t.Fatalf("an empty site: %+v", base)
	}
	for _, h := range append(hostiles(), hostileInventories()...) {
		t.Run(h.name, func(t *testing.T) {
			dir := t.TempDir()
			writeSite(t, dir, h)
			m := measure(t, dir, h.environ, append([]string{"validate", "--json"}, h.args...)...)
			over := m.Memory - base.Memory
			t.Logf("%v, %v of processors, %d MiB over an empty site's, %d bytes of output", m.Wall.Round(time.Millisecond), m.CPU.Round(time.Millisecond), over>>20, len(m.Stdout))
			if m.Status != 1 {
				t.Errorf("it ended with %d: %.500s %.1000s", m.Status, m.Stdout, m.Stderr)
			}
			checkErrors(t, m.Stdout)
			for range 3 { // when garbage is collected is not the same each time
				if over>>20 > most {
					again := measure(t, dir, h.environ, append([]string{"validate", "--json"}, h.args...)...)
					over = min(over, again.Memory-base.Memory)
				}
			}
			if over>>20 > most {
				t.Errorf("it took %d MiB", over>>20)
			}
		})
	}
}

// TestG35OtherCommands gives some of the same input to commands that look at it in ways of their own.
func TestG35OtherCommands(t *testing.T) {
	const most = 64 << 20
	empty := t.TempDir()
	writeSite(t, empty, hostile{})
	commands := map[string][]string{
		"fmt":     {"fmt", "--check"},
		"plan":    {"plan", "--offline", "--json"},
		"console": {"console"},
	}
	inputs := map[string]bool{}
	for _, name := range []string{
		"brackets", "templates in templates", "heredocs in heredocs", "sum", "tokens", "a long string without end", "a comment without end", "bad characters",
		"invalid UTF-8", "NUL", "syntax errors", "a large file", "lists of hosts", "maps that double", "strings that double", "many lists", "tasks of tasks", "text in tasks",
	} {
		inputs[name] = true
	}
	for _, h := range hostiles() {
		if !inputs[h.name] {
			continue
		}
		delete(inputs, h.name)
		dir := t.TempDir()
		writeSite(t, dir, h)
		for name, args := range commands {
			t.Run(h.name+"/"+name, func(t *testing.T) {
				base := measure(t, empty, nil, args...)
				m := measure(t, dir, nil, args...)
				over := m.Memory - base.Memory
				t.Logf("%v, %v of processors, %d MiB over an empty site's: %d", m.Wall.Round(time.Millisecond), m.CPU.Round(time.Millisecond), over>>20, m.Status)
				if m.Status != 1 && (name != "fmt" || m.Status != 0) || strings.Contains(m.Stderr, "panic:") {
					t.Errorf("it ended with %d: %.500s %.1000s", m.Status, m.Stdout, m.Stderr)
				}
				for range 3 { // as above
					if over > most {
						again := measure(t, dir, nil, args...)
						over = min(over, again.Memory-base.Memory)
					}
				}
				if over > most {
					t.Errorf("it took %d MiB", over>>20)
				}
			})
		}
	}
	if len(inputs) > 0 {
		t.Errorf("no such inputs: %v", inputs)
	}
}

func writeSite(t *testing.T, dir string, h hostile) {
	t.Helper()
	files := map[string]string{}
	maps.Copy(files, h.files)
	if _, ok := files["site.hcl.json"]; !ok {
		files["site.hcl"] = h.site
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// checkErrors expects at least one error among events, and a code and words in each.
func checkErrors(t *testing.T, events string) {
	t.Helper()
	found := 0
	for line := range strings.Lines(events) {
		var e struct{ Type, Severity, Code, Summary, Detail string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %.500s", err, line)
		}
		if e.Type != "diagnostic" {
			continue
		}
		if e.Severity == "error" {
			if found++; found == 1 {
				t.Logf("%s: %s %.200s", e.Code, e.Summary, e.Detail)
			}
		}
		if e.Code == "" || e.Summary == "" || e.Detail == "" {
			t.Errorf("without code or words: %.500s", line)
		}
	}
	if found == 0 {
		t.Errorf("no error: %.500s", events)
	}
}
