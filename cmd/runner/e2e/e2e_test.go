// Package e2e runs the built binary against real parts: sshd, sudo, docker. It holds no code but tests.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"runner/cmd/testbed/bed"
)

// binary is the runner under test: $RUNNER_BINARY, or built with its agents by TestMain.
var binary string

func TestMain(m *testing.M) {
	if binary = os.Getenv("RUNNER_BINARY"); binary != "" {
		os.Exit(m.Run())
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "runner-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "runner")
		for _, argv := range [][]string{
			{"go", "run", "./cmd/embed-agents"},
			{"go", "build", "-o", binary, "./cmd/runner"},
		} {
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Dir = "../../.."
			if out, err := cmd.CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n%s", strings.Join(argv, " "), err, out)
				return 1
			}
		}
		return m.Run()
	}())
}

// site is a directory with site files and the accounts, servers and containers that they speak of.
type site struct {
	*bed.Bed
	t    *testing.T
	path string
	vars []string
}

func newSite(t *testing.T, needs ...string) *site {
	t.Helper()
	return &site{Bed: bed.New(t, needs...), t: t, path: t.TempDir()}
}

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.path, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// ran is what a run of the binary left.
type ran struct {
	code           int
	stdout, stderr string
	events         []event
	took           time.Duration
}

// event is one line of --json.
type event map[string]any

func (e event) text(name string) string { s, _ := e[name].(string); return s }
func (e event) number(name string) int  { n, _ := e[name].(float64); return int(n) }
func (e event) stdout() string {
	r, _ := e["result"].(map[string]any)
	s, _ := r["stdout"].(string)
	return s
}

// patient lets a run wait for others: tests that run at the same time share targets.
func patient(args []string) []string {
	if len(args) == 0 || args[0] != "apply" {
		return slices.Clone(args)
	}
	return slices.Concat(args[:1], []string{"--lock-timeout", "2m"}, args[1:])
}

// command prepares the binary: args, then the site's variables and its path.
func (s *site) command(ctx context.Context, args ...string) *exec.Cmd {
	all := patient(args)
	for _, v := range s.vars {
		all = append(all, "--var", v)
	}
	cmd := exec.CommandContext(ctx, binary, append(all, s.path)...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "HOME="+s.path, "SSH_AUTH_SOCK=")
	cmd.Dir = s.path
	return cmd
}

// run runs the binary to its end, which must come within two minutes.
func (s *site) run(args ...string) ran {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := s.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	begin := time.Now()
	err := cmd.Run()
	r := ran{stdout: out.String(), stderr: errs.String(), took: time.Since(begin)}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("cannot run %v: %v", args, err)
	}
	r.code = cmd.ProcessState.ExitCode()
	r.parse()
	return r
}

func (r *ran) parse() {
	lines := bufio.NewScanner(strings.NewReader(r.stdout))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			r.events = append(r.events, e)
		}
	}
}

// of returns the events of a type, in order.
func (r ran) of(kind string) []event {
	var out []event
	for _, e := range r.events {
		if e.text("type") == kind {
			out = append(out, e)
		}
	}
	return out
}

// last returns the last event of a type.
func (r ran) last(t *testing.T, kind string) event {
	t.Helper()
	all := r.of(kind)
	if len(all) == 0 {
		t.Fatalf("no %s event; exit code %d\n%s\n%s", kind, r.code, r.stdout, r.stderr)
	}
	return all[len(all)-1]
}

// must fails the test unless the run ended with a code.
func (r ran) must(t *testing.T, code int) ran {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", r.code, code, tail(r.stdout), tail(r.stderr))
	}
	return r
}

func tail(s string) string {
	const most = 6000
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}
