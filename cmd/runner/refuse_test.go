package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"runner/executor/event"
	"runner/planner/planfile"
)

// refusals is a site with a plan, and what it is applied to.
type refusals struct {
	dir  string // of the plan, without the site
	work string // what the plan is about
	plan []byte
}

const refusalSite = `
job "j" {
  hosts = host.localhost
  task "command" "read" {
    argv    = ["cat", "WORK/input"]
    changes = false
  }
  task "file" "copy" {
    path    = "WORK/copy"
    content = task.command.read.stdout
  }
  task "directory" "dir" {
    path = "WORK/dir"
    mode = "0755"
  }
  task "file" "new" {
    path    = "WORK/dir/new"
    content = "new\n"
  }
  task "file" "old" {
    path    = "WORK/old"
    content = "wanted\n"
    mode    = "0644"
  }
  task "file" "same" {
    path    = "WORK/same"
    content = "same\n"
    mode    = "0644"
  }
  task "file" "gone" {
    path  = "WORK/gone"
    state = "absent"
  }
  task "symlink" "link" {
    path   = "WORK/link"
    target = "old"
  }
  task "command" "run" {
    argv    = ["touch", "WORK/ran"]
    creates = "WORK/ran"
  }
  task "file" "secret" {
    path      = "WORK/secret"
    mode      = "0600"
    sensitive = true
  }
}
`

// newRefusals makes a plan.
func newRefusals(t *testing.T) *refusals {
	t.Helper()
	root := t.TempDir()
	r := &refusals{dir: filepath.Join(root, "plan"), work: filepath.Join(root, "work")}
	site := filepath.Join(root, "site")
	for _, dir := range []string{r.dir, r.work, site, filepath.Join(root, "home")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.write(t, "old", "old\n")
	r.write(t, "same", "same\n")
	r.write(t, "gone", "gone\n")
	r.write(t, "input", "input")
	r.write(t, "secret", "secret\n")
	text := strings.ReplaceAll(refusalSite, "WORK", r.work)
	if err := os.WriteFile(filepath.Join(site, "site.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	plan := filepath.Join(r.dir, "site.plan")
	if code, out := r.runner(t, "plan", "--out", plan, site); code != 0 {
		t.Fatalf("plan ended with %d: %s", code, out)
	}
	var err error
	if r.plan, err = os.ReadFile(plan); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(site); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *refusals) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.work, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(r.work, name), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (r *refusals) runner(t *testing.T, args ...string) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "runner", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "HOME="+filepath.Join(filepath.Dir(r.dir), "home"), "NO_COLOR=1", "XDG_STATE_HOME=")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// state is everything about what the plan is about: names, modes, times, contents.
func (r *refusals) state(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(r.work, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s %v %v %d", path, info.Mode(), info.ModTime(), info.Size())
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, " %q", content)
		}
		out.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// digested is a file with the digest that it would have.
func digested(file []byte) []byte {
	body := file[:len(file)-sha256.Size]
	sum := sha256.Sum256(body)
	return slices.Concat(body, sum[:])
}

// rewritten is the plan, written again with something changed.
func (r *refusals) rewritten(t *testing.T, change func(c *planfile.Content, events *[]event.Event)) []byte {
	t.Helper()
	from, err := planfile.Read(bytes.NewReader(r.plan), int64(len(r.plan)))
	if err != nil {
		t.Fatal(err)
	}
	c := planfile.Content{File: *from.File, Blobs: planfile.Blobs{}}
	for name, n := range from.File.Site.Nodes {
		if !n.Read {
			continue
		}
		blob, err := from.Blob(n.Digest)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		content, err := io.ReadAll(blob)
		blob.Close()
		if err != nil {
			t.Fatal(err)
		}
		c.Blobs[n.Digest] = content
	}
	var events []event.Event
	err = from.Events(func(encoded []byte) error {
		e, _, err := event.Decode(encoded)
		events = append(events, e)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	change(&c, &events)
	var encoded [][]byte
	for _, e := range events {
		b, err := event.Encode(e, c.File.Created)
		if err != nil {
			t.Fatal(err)
		}
		encoded = append(encoded, b)
	}
	c.Events = slices.Values(encoded)
	var out bytes.Buffer
	if err := planfile.Write(&out, c); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (r *refusals) file(t *testing.T, change func(f *planfile.File)) []byte {
	t.Helper()
	return r.rewritten(t, func(c *planfile.Content, _ *[]event.Event) { change(&c.File) })
}

// TestG33Refused, and G34: a plan file that is damaged, foreign, stale or applied before is refused with a message of its
// own, and then nothing at all has changed, not even a time.
func TestG33Refused(t *testing.T) {
	r := newRefusals(t)
	rewrite := func(name, text string) func(t *testing.T) { return func(t *testing.T) { r.write(t, name, text) } }
	do := func(f func() error) func(t *testing.T) {
		return func(t *testing.T) {
			t.Helper()
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}
	}
	at := func(name string) string { return filepath.Join(r.work, name) }
	flipped := func(i int) []byte {
		out := bytes.Clone(r.plan)
		out[i] ^= 0x40
		return out
	}
	for _, c := range []struct {
		name   string
		plan   []byte             // nil: as it is
		before func(t *testing.T) // what happens to the host
		want   string
	}{
		// Damaged.
		{"cut in its head", r.plan[:20], nil, "it ends too soon"},
		{"cut in the middle", r.plan[:len(r.plan)/2], nil, "it was cut or changed"},
		{"without its last byte", r.plan[:len(r.plan)-1], nil, "it was cut or changed"},
		{"longer", append(bytes.Clone(r.plan), 'x'), nil, "it was cut or changed"},
		{"a bit of the format", flipped(14), nil, "it was cut or changed"},
		{"a bit of the body", flipped(60), nil, "it was cut or changed"},
		{"a bit of the digest", flipped(len(r.plan) - 3), nil, "it was cut or changed"},
		{"a body that is none", digested(slices.Concat(r.plan[:25], bytes.Repeat([]byte{0}, len(r.plan)-25))), nil, "cannot be unpacked|parts are not those|longer than the file"},
		{"another format", func() []byte {
			out := bytes.Clone(r.plan)
			binary.BigEndian.PutUint32(out[12:], 99)
			return digested(out)
		}(), nil, "The file has format 99"},
		{"a file is missing", r.rewritten(t, func(c *planfile.Content, _ *[]event.Event) { clear(c.Blobs) }), nil, "a file in it is missing"},
		{"no plan in it", r.rewritten(t, func(_ *planfile.Content, events *[]event.Event) { *events = nil }), nil, "The plan file has no plan"},
		{"an id that leads elsewhere", r.file(t, func(f *planfile.File) { f.ID = "../x" }), nil, "it has no valid id"},
		{"no id", r.file(t, func(f *planfile.File) { f.ID = "" }), nil, "it has no valid id"},

		// Foreign.
		{"another version", r.file(t, func(f *planfile.File) { f.Runner = "9.9.9" }), nil, "made by runner 9.9.9, and this is"},
		{"other agents", r.file(t, func(f *planfile.File) { f.Agents = "00" }), nil, "made with other agents"},
		{"another machine", r.file(t, func(f *planfile.File) { f.Hosts[0].Known = []string{"the machine id 0"} }), nil, "The plan was made for the machine id 0"},
		{"another host key", r.file(t, func(f *planfile.File) { f.Hosts[0].Known = append(f.Hosts[0].Known, "the host key of ssh x, SHA256:0") }), nil, "The plan was made for the host key of ssh x, SHA256:0"},
		{"another way", r.rewritten(t, func(_ *planfile.Content, events *[]event.Event) { retitle(*events) }), nil, "The plan leads over elsewhere, and now that would be local"},
		{"another site", r.rewritten(t, func(_ *planfile.Content, events *[]event.Event) { retask(*events) }), nil, "means something else here"},
		{"a change that nobody planned", r.rewritten(t, func(_ *planfile.Content, events *[]event.Event) { *events = without(*events, "new") }), nil, "The plan says nothing of it, and now there would be to create it"},
		{"a change too many", r.rewritten(t, func(_ *planfile.Content, events *[]event.Event) { *events = duplicated(*events) }), nil, "now there would be nothing of that kind"},
		{"a change twice", r.rewritten(t, func(_ *planfile.Content, events *[]event.Event) { *events = append(*events, *events...) }), nil, "its plan is none"},
		{"a way in a circle", r.rewritten(t, func(_ *planfile.Content, events *[]event.Event) { circle(*events) }), nil, "its plan is none"},
		{"another change", r.rewritten(t, func(_ *planfile.Content, events *[]event.Event) { reworded(*events) }), nil, "What it would become is not what was planned"},

		// Stale.
		{"content changed", nil, rewrite("old", "odd\n"), "What is there has changed since: sha256 was"},
		{"content is as wanted", nil, rewrite("old", "wanted\n"), "The plan says to update it, and now it would be that nothing is to be done"},
		{"what was the same has changed", nil, rewrite("same", "other\n"), "The plan says that nothing is to be done, and now it would be to update it"},
		{"mode changed", nil, do(func() error { return os.Chmod(at("old"), 0o600) }), `mode was "0644" and is "0600"`},
		{"owner changed", nil, do(func() error { return os.Chown(at("old"), 12345, -1) }), `owner was "root" and is "12345"`},
		{"removed", nil, do(func() error { return os.Remove(at("old")) }), "The plan says to update it, and now it would be to create it"},
		{"created", nil, do(func() error { return os.Mkdir(at("dir"), 0o755) }), "The plan says to create it, and now it would be that nothing is to be done"},
		{"what was to be removed is gone", nil, do(func() error { return os.Remove(at("gone")) }), "The plan says to remove it, and now it would be that nothing is to be done"},
		{"what was to be removed is another", nil, rewrite("gone", "other"), "What is to be removed has changed since"},
		{"a directory in the way", nil, do(func() error { return errors.Join(os.Remove(at("old")), os.Mkdir(at("old"), 0o755)) }), "What the plan says would fail now"},
		{"a link in the way", nil, do(func() error { return os.Symlink("same", at("dir")) }), "job.j.task.directory.dir"},
		{"the link is there", nil, do(func() error { return os.Symlink("elsewhere", at("link")) }), "job.j.task.symlink.link"},
		{"what a command read", nil, rewrite("input", "another"), "job.j.task.file.copy"},
		{"what a command creates", nil, rewrite("ran", ""), "The plan says to run it, and now it would be that nothing is to be done"},
		{"content of a sensitive file", nil, rewrite("secret", "changed\n"), "What is there has changed since. (The task is sensitive.)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(r.dir, "refused.plan")
			file := c.plan
			if file == nil {
				file = r.plan
			}
			if err := os.WriteFile(name, file, 0o600); err != nil {
				t.Fatal(err)
			}
			restore := r.keep(t)
			defer restore()
			if c.before != nil {
				c.before(t)
			}
			before := r.state(t)
			code, out := r.runner(t, "apply", name)
			flat := strings.Join(strings.Fields(out), " ")
			said := slices.ContainsFunc(strings.Split(c.want, "|"), func(w string) bool { return strings.Contains(flat, w) })
			if code != 5 || !said {
				t.Errorf("it ended with %d and said not %q but:\n%s", code, c.want, out)
			}
			if after := r.state(t); after != before {
				t.Errorf("it has changed something:\n%s\nwas:\n%s", after, before)
			}
		})
	}

	// Otherwise it is applied, once.
	r = newRefusals(t)
	name := filepath.Join(r.dir, "site.plan")
	if code, out := r.runner(t, "apply", name); code != 0 {
		t.Fatalf("apply ended with %d: %s", code, out)
	}
	if code, out := r.runner(t, "apply", name); code != 5 || !strings.Contains(out, "was applied before, by run") {
		t.Errorf("applied again, it ended with %d: %s", code, out)
	}
}

// keep notes what is there, and returns what brings it back as it was.
func (r *refusals) keep(t *testing.T) func() {
	t.Helper()
	copied := r.work + ".kept"
	if out, err := exec.CommandContext(context.Background(), "cp", "-a", r.work, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return func() {
		changed := r.work + ".changed"
		err := errors.Join(os.Rename(r.work, changed), os.Rename(copied, r.work), os.RemoveAll(changed))
		if err != nil {
			t.Fatal(err)
		}
	}
}

func retitle(events []event.Event) {
	for _, e := range events {
		if o, ok := e.(event.Outline); ok {
			o.Plan.Connections[0].Title = "elsewhere"
		}
	}
}

func circle(events []event.Event) {
	for _, e := range events {
		if o, ok := e.(event.Outline); ok {
			o.Plan.Connections[0].Parent = 0
		}
	}
}

func retask(events []event.Event) {
	for _, e := range events {
		if o, ok := e.(event.Outline); ok {
			o.Plan.Jobs[0].Tasks[0].Once = true
		}
	}
}

// without leaves the change of a file out.
func without(events []event.Event, name string) []event.Event {
	return slices.DeleteFunc(events, func(e event.Event) bool {
		c, ok := e.(event.PlannedChange)
		return ok && strings.HasSuffix(c.Address, "."+name)
	})
}

func duplicated(events []event.Event) []event.Event {
	for _, e := range events {
		if c, ok := e.(event.PlannedChange); ok {
			c.Address += "s"
			return append(events, c)
		}
	}
	return events
}

func reworded(events []event.Event) {
	for i, e := range events {
		if c, ok := e.(event.PlannedChange); ok && strings.HasSuffix(c.Address, "file.new") {
			after := c.After.(map[string]any)
			after["mode"] = "0600"
			c.After = after
			events[i] = c
		}
	}
}

// TestG33Consent: what has changed while somebody was reading the plan is not applied.
func TestG33Consent(t *testing.T) {
	w := newWorld(t)
	name := filepath.Join(w.dir, "a")
	w.write(t, fmt.Sprintf("job \"j\" {\n  hosts = host.localhost\n  task \"file\" \"a\" {\n    path    = %q\n    content = \"new\"\n  }\n}\n", name))
	for _, drift := range []bool{true, false} {
		cmd := exec.CommandContext(t.Context(), "runner", "apply", "--no-color", w.site)
		cmd.Env = append(os.Environ(), "TERM=xterm", "HOME="+w.home)
		master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 200})
		if err != nil {
			t.Fatal(err)
		}
		stuck := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
		var shown strings.Builder
		read := func(until string) {
			for until == "" || !strings.Contains(shown.String(), until) {
				var b [4096]byte
				n, err := master.Read(b[:])
				shown.Write(b[:n])
				if err != nil {
					break // it has ended
				}
			}
		}
		read("Only `yes` applies them: ")
		if drift {
			if err := os.WriteFile(name, []byte("somebody else's"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := master.WriteString("yes\r"); err != nil {
			t.Fatal(err)
		}
		read("")
		_ = cmd.Wait() // the exit code tells
		stuck.Stop()
		master.Close()
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, code := "new", 0
		if drift {
			want, code = "somebody else's", 5
		}
		if got := cmd.ProcessState.ExitCode(); got != code || string(content) != want {
			t.Errorf("drift %t: it ended with %d and left %q:\n%s", drift, got, content, &shown)
		}
	}
}
