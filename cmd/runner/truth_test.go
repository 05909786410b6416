package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// happened is what a run says of a task: what would be done, or how it ended.
type happened map[string]string // by address

// told reads the events of a plan or a run.
func told(t *testing.T, out []byte) happened {
	t.Helper()
	h := happened{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct {
			Type, Address, Action, Status, Code, Host string
			Unknown                                   json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		switch {
		case e.Type == "planned_change":
			h[e.Address] = e.Action
			if bytes.Contains(e.Unknown, []byte(`"action"`)) { // a program runs before
				h[e.Address] = "perhaps"
			}
		case e.Type == "task_end":
			h[e.Address] = e.Status
		case e.Type == "diagnostic" && e.Code == "task_failed":
			if _, shown := h[e.Address]; !shown {
				h[e.Address] = "failed"
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return h
}

// agrees says whether a task ended as it was planned.
func agrees(planned, ended string) bool {
	switch planned {
	case "create", "update", "remove", "run":
		return ended == "changed"
	case "none", "read":
		return ended == "ok"
	case "perhaps":
		return ended == "ok" || ended == "changed"
	case "skip":
		return ended == "skipped"
	}
	return planned == ended
}

// world is a directory that sites work in, and a runner with a home of its own.
type world struct {
	dir, site, home string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	root := t.TempDir()
	w := &world{filepath.Join(root, "world"), filepath.Join(root, "site.hcl"), filepath.Join(root, "home")}
	for _, dir := range []string{w.dir, w.home} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) run(t *testing.T, args ...string) (int, []byte) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "runner", args...)
	cmd.Dir = filepath.Dir(w.site)
	cmd.Env = append(os.Environ(), "HOME="+w.home, "XDG_STATE_HOME=")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if errs.Len() > 0 {
		t.Logf("%v: %s", args, &errs)
	}
	return cmd.ProcessState.ExitCode(), out
}

func (w *world) write(t *testing.T, site string) {
	t.Helper()
	if err := os.WriteFile(w.site, []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
}

// state is everything about the world: kinds, modes, owners, times but those of reading, contents.
func (w *world) state(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	var visit func(path string)
	visit = func(path string) {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s %o %d:%d %d %v %v", strings.TrimPrefix(path, w.dir), st.Mode, st.Uid, st.Gid, st.Ino, st.Mtim, st.Ctim)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, " -> %s\n", target)
		case unix.S_IFREG:
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, " %q\n", content)
		case unix.S_IFDIR:
			out.WriteString("\n")
			entries, err := os.ReadDir(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				visit(filepath.Join(path, e.Name()))
			}
		default:
			out.WriteString("\n")
		}
	}
	visit(w.dir)
	return out.String()
}

// TestG28Prediction: for each action and each state that may be there before, the plan says what apply then does, changes
// nothing itself, not even a time, and says nothing of what is done once it is done.
func TestG28Prediction(t *testing.T) {
	w := newWorld(t)
	type prior struct{ name, script string }
	anything := []prior{
		{"absent", ":"},
		{"a file", "printf 'content\\n' >x; chmod 640 x; chown 12:34 x"},
		{"an empty file", ": >x"},
		{"other content", "printf 'another\\n' >x; chmod 640 x; chown 12:34 x"},
		{"other content of the same size", "printf 'contend\\n' >x; chmod 640 x; chown 12:34 x"},
		{"other mode", "printf 'content\\n' >x; chmod 600 x; chown 12:34 x"},
		{"set user id", "printf 'content\\n' >x; chown 12:34 x; chmod 4640 x"},
		{"other owner", "printf 'content\\n' >x; chmod 640 x; chown 13:34 x"},
		{"other group", "printf 'content\\n' >x; chmod 640 x; chown 12:35 x"},
		{"unreadable", "printf 'content\\n' >x; chmod 000 x; chown 12:34 x"},
		{"a large file", "head -c 600000 /dev/zero >x; chmod 640 x; chown 12:34 x"},
		{"binary content", "printf '\\000\\001\\377' >x; chmod 640 x; chown 12:34 x"},
		{"a directory", "mkdir x; chmod 750 x; chown 12:34 x"},
		{"a directory of another mode", "mkdir x; chmod 700 x; chown 12:34 x"},
		{"a directory of another owner", "mkdir x; chmod 750 x; chown 1:34 x"},
		{"a directory of another group", "mkdir x; chmod 750 x; chown 12:3 x"},
		{"a directory with something in it", "mkdir x; chmod 750 x; chown 12:34 x; : >x/y"},
		{"a link to nothing", "ln -s nowhere x"},
		{"the link", "ln -s target x"},
		{"a link to a file", "printf 'content\\n' >target; ln -s target x; chown 12:34 target; chmod 640 target"},
		{"a link to a directory", "mkdir target; ln -s target x"},
		{"a link to itself", "ln -s x x"},
		{"a pipe", "mkfifo x"},
		{"a device", "mknod x c 1 3"},
		{"two names", "printf 'other\\n' >x; ln x y"},
	}
	tasks := []struct{ name, task string }{
		{"file", `task "file" "N" {
    path    = "PATH/x"
    content = "content\n"
    mode    = "0640"
    owner   = "12"
    group   = "34"`},
		{"file_mode_only", `task "file" "N" {
    path = "PATH/x"
    mode = "0640"`},
		{"file_in_place", `task "file" "N" {
    path     = "PATH/x"
    content  = "content\n"
    in_place = true`},
		{"file_backup", `task "file" "N" {
    path    = "PATH/x"
    content = "content\n"
    backup  = true`},
		{"file_absent", `task "file" "N" {
    path  = "PATH/x"
    state = "absent"`},
		{"directory", `task "directory" "N" {
    path  = "PATH/x"
    mode  = "0750"
    owner = "12"
    group = "34"`},
		{"directory_absent", `task "directory" "N" {
    path  = "PATH/x"
    state = "absent"`},
		{"symlink", `task "symlink" "N" {
    path   = "PATH/x"
    target = "target"`},
		{"symlink_absent", `task "symlink" "N" {
    path  = "PATH/x"
    state = "absent"`},
		{"file_below", `task "file" "N" {
    path    = "PATH/x/below"
    content = "below\n"`},
		{"command_creates", `task "command" "N" {
    argv    = ["sh", "-c", "test -e PATH/x || mkdir PATH/x"]
    creates = "PATH/x"`},
		{"command_removes", `task "command" "N" {
    argv    = ["rm", "-rf", "PATH/x"]
    removes = "PATH/x"`},
		{"command_reads", `task "command" "N" {
    argv    = ["ls", "-d", "PATH/x"]
    changes = false`},
	}
	var site, prepare strings.Builder
	cases := 0
	// One job for each case: what one of them runs is of no interest to the others.
	for _, task := range tasks {
		for i, p := range anything {
			name := fmt.Sprintf("%s_%d", task.name, i)
			at := filepath.Join(w.dir, name)
			fmt.Fprintf(&prepare, "mkdir %s && cd %s && (%s) || exit 1\n", at, at, p.script)
			body := strings.NewReplacer("PATH", at, `"N"`, `"t"`).Replace(task.task)
			fmt.Fprintf(&site, "job %q {\n  hosts = host.localhost\n  %s\n    on_failure = \"continue\"\n  }\n}\n", name, body)
			cases++
		}
	}
	if out, err := exec.CommandContext(context.Background(), "sh", "-c", "umask 022\n"+prepare.String()).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.write(t, site.String())

	before := w.state(t)
	_, out := w.run(t, "plan", "--json", w.site)
	planned := told(t, out)
	if after := w.state(t); after != before {
		t.Errorf("the plan has changed something: %s", difference(before, after))
	}
	_, out = w.run(t, "apply", "--auto-approve", "--json", w.site)
	ended := told(t, out)
	if len(planned) != cases || len(ended) != cases {
		t.Fatalf("%d cases, %d planned, %d ended", cases, len(planned), len(ended))
	}
	counts := map[string]int{}
	for address, plan := range planned {
		counts[plan]++
		if !agrees(plan, ended[address]) {
			t.Errorf("%s: planned %s, ended %s", described(address, anything), plan, ended[address])
		}
	}
	t.Logf("%d cases: %v", cases, counts)
	final := w.state(t)
	_, out = w.run(t, "plan", "--json", w.site)
	for address, plan := range told(t, out) {
		if done := ended[address]; plan != "none" && plan != "read" && done != "failed" {
			t.Errorf("%s: ended %s, and then the plan says %s", described(address, anything), done, plan)
		}
	}
	if after := w.state(t); after != final {
		t.Errorf("the second plan has changed something: %s", difference(final, after))
	}
}

// described names a case.
func described[P interface{ ~struct{ name, script string } }](address string, priors []P) string {
	parts := strings.Split(address, ".")
	cut := strings.LastIndex(parts[1], "_")
	var n int
	if _, err := fmt.Sscan(parts[1][cut+1:], &n); err != nil {
		return address
	}
	return parts[1][:cut] + " on " + struct{ name, script string }(priors[n]).name
}

// difference is the first lines that differ.
func difference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return "\n- " + as[i] + "\n+ " + bs[i]
		}
	}
	return fmt.Sprintf("%d lines and %d lines", len(as), len(bs))
}

// TestG33Promise: for random sites, apply of a saved plan does what show says of it, and after that there is nothing more
// to do.
func TestG33Promise(t *testing.T) {
	const sites = 25
	var saved atomic.Int32 // where nothing stands in the way
	t.Cleanup(func() {
		if n := saved.Load(); n < sites/2 && !t.Failed() {
			t.Errorf("only %d of %d sites could be planned", n, sites)
		}
	})
	for seed := range uint64(sites) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := rand.New(rand.NewPCG(seed, 1))
			w.write(t, randomSite(r, w.dir))
			// Something is there already, from another site.
			other := newWorld(t)
			other.dir = w.dir
			other.write(t, randomSite(r, w.dir))
			other.run(t, "apply", "--auto-approve", "--json", other.site)

			plan := w.site + ".plan"
			before := w.state(t)
			code, out := w.run(t, "plan", "--json", "--out", plan, w.site)
			if after := w.state(t); after != before {
				t.Errorf("the plan has changed something: %s", difference(before, after))
			}
			if code == 3 { // something stands in the way: there is no plan to be kept to
				if _, err := os.Stat(plan); err == nil {
					t.Error("a plan was saved that would fail")
				}
				return
			}
			if code != 0 {
				t.Fatalf("plan ended with %d: %s", code, out)
			}
			saved.Add(1)
			_, shown := w.run(t, "show", "--json", plan)
			planned := told(t, shown)
			code, out = w.run(t, "apply", "--json", plan)
			if code != 0 {
				t.Fatalf("apply ended with %d: %s", code, out)
			}
			ended := told(t, out)
			if len(planned) == 0 || len(ended) < len(planned) {
				t.Errorf("%d planned, %d ended", len(planned), len(ended))
			}
			for address, plan := range planned {
				if !agrees(plan, ended[address]) {
					t.Errorf("%s: planned %s, ended %s", address, plan, ended[address])
				}
			}
			code, out = w.run(t, "plan", "--json", "--detailed-exitcode", w.site)
			if code != 0 {
				t.Errorf("a second plan ends with %d: %v", code, told(t, out))
			}
		})
	}
}

// randomSite is a site of tasks on few paths, which build on each other.
func randomSite(r *rand.Rand, dir string) string {
	var b strings.Builder
	b.WriteString("job \"j\" {\n  hosts = host.localhost\n")
	var names []string // of tasks with a known result
	used := map[string]bool{}
	path := func() string {
		for {
			p := []string{"a", "b", "c", "d/e", "d/f", "d/g/h", "i/j"}[r.IntN(7)]
			if !used[p] {
				used[p] = true
				return filepath.Join(dir, p)
			}
		}
	}
	if r.IntN(4) > 0 {
		for _, d := range []string{"d", "d/g", "i"} {
			fmt.Fprintf(&b, "  task \"directory\" %q {\n    path = %q\n    mode = %q\n  }\n", strings.ReplaceAll(d, "/", "_"), filepath.Join(dir, d), []string{"0755", "0700"}[r.IntN(2)])
		}
	} else {
		for _, d := range []string{"d", "d/g", "i"} {
			if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
				panic(err)
			}
		}
	}
	for i := range 3 + r.IntN(4) {
		name := fmt.Sprintf("t%d", i)
		extra := ""
		if len(names) > 0 && r.IntN(4) == 0 {
			extra = fmt.Sprintf("    when = task.%s.changed || true\n", names[r.IntN(len(names))])
		}
		if r.IntN(3) == 0 {
			extra += "    notify = [handler.note]\n"
		}
		switch p := path(); r.IntN(7) {
		case 0, 1:
			content := fmt.Sprintf("%q", fmt.Sprint("content ", r.IntN(3), "\n"))
			if len(names) > 0 && r.IntN(3) == 0 {
				content = fmt.Sprintf("\"it is ${task.%s.changed ? 1 : 1}\"", names[r.IntN(len(names))])
			}
			fmt.Fprintf(&b, "  task \"file\" %q {\n    path = %q\n    content = %s\n    mode = %q\n%s  }\n", name, p, content, []string{"0644", "0600"}[r.IntN(2)], extra)
			names = append(names, "file."+name)
		case 2:
			fmt.Fprintf(&b, "  task \"symlink\" %q {\n    path = %q\n    target = \"x%d\"\n%s  }\n", name, p, r.IntN(2), extra)
			names = append(names, "symlink."+name)
		case 3:
			fmt.Fprintf(&b, "  task \"command\" %q {\n    argv = [\"touch\", %q]\n    creates = %q\n%s  }\n", name, p, p, extra)
		case 4:
			fmt.Fprintf(&b, "  task \"file\" %q {\n    path = %q\n    state = \"absent\"\n%s  }\n", name, p, extra)
			names = append(names, "file."+name)
		case 6:
			fmt.Fprintf(&b, "  task \"file\" %q {\n    for_each = toset([\"x\", \"y z\"])\n    path = \"%s-${each.key}\"\n    content = each.key\n%s  }\n", name, p, extra)
		case 5:
			fmt.Fprintf(&b, "  task \"command\" %q {\n    argv = [\"ls\", \"-d\", %q]\n    changes = false\n%s  }\n", name, dir, extra)
		}
	}
	b.WriteString("  handler \"command\" \"note\" {\n    argv = [\"true\"]\n  }\n}\n")
	fmt.Fprintf(&b, "job \"k\" {\n  hosts = host.localhost\n  depends_on = [job.j]\n  task \"file\" \"last\" {\n    path = %q\n    content = \"last\"\n  }\n}\n", filepath.Join(dir, "last"))
	return b.String()
}
