//go:build linux

package action

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

	"runner/agent/process"
	"runner/agent/view"
	"runner/agent/wire"
)

type args = map[string]any

// bench runs actions as an agent does.
type bench struct {
	testing.TB
	table *process.Table
}

func newBench(t testing.TB) *bench {
	t.Helper()
	before := descriptors(t)
	table := process.NewSharedTable()
	t.Cleanup(func() {
		table.Close()
		if after := descriptors(t); after > before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
	return &bench{TB: t, table: table}
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

func (b *bench) env(mode wire.Mode) *Env {
	e := &Env{Mode: mode, View: view.Live(), Processes: b.table, Environ: os.Environ(), Dir: "/", Input: func() io.Reader {
		b.Error("the input was asked for")
		return strings.NewReader("")
	}}
	if mode == wire.ModeLook {
		e.View = view.Preview()
	}
	return e
}

func (b *bench) make(name string, a args, unknown ...string) Action {
	b.Helper()
	for _, d := range All() {
		if d.Name != name {
			continue
		}
		encoded, err := wire.Marshal(a)
		if err != nil {
			b.Fatal(err)
		}
		action, _, err := d.Decode(encoded, unknown)
		if err != nil {
			b.Fatal(err)
		}
		return action
	}
	b.Fatalf("no action %s", name)
	return nil
}

// preview looks as plan does.
func (b *bench) preview(name string, a args) (Outcome, error) {
	b.Helper()
	return b.make(name, a).Look(b.Context(), b.env(wire.ModeLook))
}

// apply looks and acts as apply does.
func (b *bench) apply(name string, a args) (Outcome, error) {
	b.Helper()
	return b.applyIn(b.env(wire.ModeApply), name, a)
}

func (b *bench) applyIn(env *Env, name string, a args) (Outcome, error) {
	b.Helper()
	return run(b.Context(), env, b.make(name, a))
}

func run(ctx context.Context, env *Env, a Action) (Outcome, error) {
	out, err := a.Look(ctx, env)
	if err != nil || out.Change.Verb == wire.VerbNone || out.Change.Verb == wire.VerbRead {
		return out, err
	}
	return a.Act(ctx, env, out)
}

// must applies and fails the test on an error.
func (b *bench) must(name string, a args) Outcome {
	b.Helper()
	out, err := b.apply(name, a)
	if err != nil {
		b.Fatalf("%s %v: %v", name, a, err)
	}
	return out
}

func (b *bench) verb(out Outcome, want wire.Verb) {
	b.Helper()
	if out.Change.Verb != want {
		b.Errorf("verb %s, want %s", out.Change.Verb, want)
	}
}

// attributesOf returns attributes as they come out at the other end of the wire.
func attributesOf(t testing.TB, attributes map[string]any) map[string]any {
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

func result(out Outcome, name string) any {
	m, _ := out.Values.(map[string]any)
	return m[name]
}

// snapshot describes a tree, one line for each entry: everything that somebody could notice, access times excepted.
func snapshot(t testing.TB, root string) string {
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
			fmt.Fprintf(&b, " %v", xattrs(path))
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func xattrs(path string) map[string]string {
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

// entries lists a directory, hidden names included.
func entries(t testing.TB, dir string) []string {
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

func write(t testing.TB, path, content string, perm uint32) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Chmod(path, perm); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func needsRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

const nobody = 65534

// openTemp makes a directory that others can reach, where t.TempDir does not let them pass.
func openTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "open-") //nolint:usetesting // see above
	ok(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ok(t, os.Chmod(dir, 0o755))
	return dir
}

// asNobody runs a test of this binary again as an ordinary user.
func asNobody(t *testing.T, test string) {
	t.Helper()
	needsRoot(t)
	dir := openTemp(t)
	ok(t, os.Chmod(dir, 0o777))
	self, err := os.Executable()
	ok(t, err)
	binary, err := os.ReadFile(self)
	ok(t, err)
	ok(t, os.WriteFile(dir+"/test", binary, 0o755))
	cmd := exec.Command(dir+"/test", "-test.run", "^"+test+"$", "-test.v")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+test) {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

// merged lays one map over another.
func merged(a, b args) args {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}
