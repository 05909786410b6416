//go:build linux

// Package actiontest is what the tests of actions share: a bench on which actions are previewed and applied as an agent does
// it, and means to see what they have done.
package actiontest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/action/catalog"
	"runner/agent/action/pattern/compile"
	"runner/agent/process"
	"runner/agent/schema"
	"runner/agent/view"
	"runner/agent/wire"
)

// Args are the arguments of a task.
type Args = map[string]any

// Bench runs actions as an agent does.
type Bench struct {
	testing.TB
	table *process.Table
}

// New returns a bench. The test fails if a descriptor is left open at its end.
func New(t testing.TB) *Bench {
	t.Helper()
	// What this process has inherited is not what the tests are about.
	_ = unix.CloseRange(3, 1<<31, unix.CLOSE_RANGE_CLOEXEC)
	before := descriptors(t)
	table := process.NewSharedTable()
	t.Cleanup(func() {
		table.Close()
		if after := descriptors(t); after > before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
	return &Bench{TB: t, table: table}
}

// descriptors counts the open files of this process.
func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	n := 0
	for _, e := range list {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && !strings.HasPrefix(target, "anon_inode:") && !strings.HasPrefix(target, "pipe:") && target != "/proc/self/fd" {
			n++
		}
	}
	return n
}

// Env is what an agent offers to an action in a mode. Its View lives as long as it does: actions that share it preview one after the other.
func (b *Bench) Env(mode wire.Mode) *action.Env {
	e := &action.Env{Mode: mode, View: view.Live(), Processes: b.table, Environ: os.Environ(), Dir: "/", Input: func() io.Reader {
		b.Error("the input was asked for")
		return strings.NewReader("")
	}}
	e.Output = func(context.Context) io.Writer { return io.Discard }
	if mode == wire.ModeLook {
		e.View = view.Preview()
	}
	return e
}

// Make decodes an action, as an agent does.
func (b *Bench) Make(name string, a Args) action.Action {
	b.Helper()
	for _, d := range catalog.All() {
		if d.Name != name {
			continue
		}
		encoded, err := wire.Marshal(programs(b, name, a))
		if err != nil {
			b.Fatal(err)
		}
		action, _, err := d.Decode(encoded)
		if err != nil {
			b.Fatal(err)
		}
		return action
	}
	b.Fatalf("no action %s", name)
	return nil
}

// programs puts the programs of regular expressions at their place, as the controller does.
func programs(t testing.TB, name string, a Args) Args {
	t.Helper()
	a = maps.Clone(a)
	for _, argument := range catalog.Schemas()[name].Arguments {
		text, given := a[argument.Name].(string)
		if argument.Type != schema.Regex || !given {
			continue
		}
		program, err := compile.Program(text)
		if err != nil {
			t.Fatal(err)
		}
		a[argument.Name] = program
	}
	return a
}

// Preview looks as plan does, with no task before. What it cannot know then has a reason of its own.
func (b *Bench) Preview(name string, a Args) (action.Outcome, error) {
	b.Helper()
	out, err := b.Make(name, a).Look(b.Context(), b.Env(wire.ModeLook))
	if len(out.Change.Unknown) > 0 && out.Change.Why == "" {
		b.Errorf("%s %v: it is not said why %v is unknown", name, a, out.Change.Unknown)
	}
	return out, err
}

// Apply looks and acts as apply does.
func (b *Bench) Apply(name string, a Args) (action.Outcome, error) {
	b.Helper()
	return b.ApplyIn(b.Env(wire.ModeApply), name, a)
}

// ApplyIn is Apply with an environment of the test's own.
func (b *Bench) ApplyIn(env *action.Env, name string, a Args) (action.Outcome, error) {
	b.Helper()
	return Run(b.Context(), env, b.Make(name, a))
}

// Run looks, and acts if there is something to do.
func Run(ctx context.Context, env *action.Env, a action.Action) (action.Outcome, error) {
	out, err := a.Look(ctx, env)
	if err != nil || out.Change.Verb == wire.VerbNone || out.Change.Verb == wire.VerbRead {
		return out, err
	}
	return a.Act(ctx, env, out)
}

// Must applies and fails the test on an error.
func (b *Bench) Must(name string, a Args) action.Outcome {
	b.Helper()
	out, err := b.Apply(name, a)
	if err != nil {
		b.Fatalf("%s %v: %v", name, a, err)
	}
	return out
}

// Verb fails the test if the outcome is another one.
func (b *Bench) Verb(out action.Outcome, want wire.Verb) {
	b.Helper()
	if out.Change.Verb != want {
		b.Errorf("verb %s, want %s", out.Change.Verb, want)
	}
}

// AttributesOf returns attributes as they come out at the other end of the wire.
func AttributesOf(t testing.TB, attributes map[string]any) map[string]any {
	t.Helper()
	var r wire.Result
	if err := r.SetAttributes(nil, wire.Attributes{Values: attributes}); err != nil {
		t.Fatal(err)
	}
	all, err := r.Attributes(nil)
	if err != nil {
		t.Fatal(err)
	}
	return all.Values
}

// Result is one of the results of a task.
func Result(out action.Outcome, name string) any {
	m, _ := out.Values.(map[string]any)
	return m[name]
}

// Snapshot describes a tree, one line for each entry: everything that somebody could notice, access times excepted.
func Snapshot(t testing.TB, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil && !os.IsPermission(err) {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return nil //nolint:nilerr // below what we may not enter
		}
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%s %v %d:%d %d %d %d.%09d", path, info.Mode(), st.Uid, st.Gid, st.Size, st.Ino, st.Mtim.Sec, st.Mtim.Nsec)
		fmt.Fprintf(&b, " %d.%09d", st.Ctim.Sec, st.Ctim.Nsec)
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			fmt.Fprintf(&b, " -> %s", target)
		case info.Mode().IsRegular():
			data, _ := os.ReadFile(path)
			fmt.Fprintf(&b, " %x", sha256.Sum256(data))
			fmt.Fprintf(&b, " %v", XAttrs(path))
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// XAttrs are the extended attributes of a file.
func XAttrs(path string) map[string]string {
	out := map[string]string{}
	buf := make([]byte, 4096)
	n, err := unix.Llistxattr(path, buf)
	if err != nil {
		return out
	}
	for name := range bytes.SplitSeq(buf[:n], []byte{0}) {
		value := make([]byte, 4096)
		if n, err := unix.Lgetxattr(path, string(name), value); err == nil && len(name) > 0 {
			out[string(name)] = string(value[:n])
		}
	}
	return out
}

// Entries lists a directory, hidden names included.
func Entries(t testing.TB, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	slices.Sort(out)
	return out
}

// Write makes a file with just these permissions.
func Write(t testing.TB, path, content string, perm uint32) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Chmod(path, perm); err != nil {
		t.Fatal(err)
	}
}

// Read returns the content of a file.
func Read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// OK fails the test on an error.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// NeedsRoot skips the test of an ordinary user.
func NeedsRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// Nobody is the number of a user and a group without rights.
const Nobody = 65534

// OpenTemp makes a directory that others can reach, where t.TempDir does not let them pass.
func OpenTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "open-") //nolint:usetesting // see above
	OK(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	OK(t, os.Chmod(dir, 0o755))
	return dir
}

// AsNobody runs a test of this binary again as an ordinary user.
func AsNobody(t *testing.T, test string) {
	t.Helper()
	NeedsRoot(t)
	dir := OpenTemp(t)
	OK(t, os.Chmod(dir, 0o777))
	self, err := os.Executable()
	OK(t, err)
	binary, err := os.ReadFile(self)
	OK(t, err)
	OK(t, os.WriteFile(dir+"/test", binary, 0o755))
	cmd := exec.Command(dir+"/test", "-test.run", "^"+test+"$", "-test.v")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: Nobody, Gid: Nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+test) {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

// Merged lays one map over another.
func Merged(a, b Args) Args {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}
