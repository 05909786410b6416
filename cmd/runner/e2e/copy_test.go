package e2e

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runner/cmd/delay/proxy"
)

// cp runs the binary's copy and returns its exit code and what it said.
func (h *adhocHosts) cp(args ...string) (int, string) {
	h.t.Helper()
	cmd := h.adhoc(h.t.Context(), append([]string{"cp"}, args...)...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func (h *adhocHosts) mustCopy(args ...string) {
	h.t.Helper()
	if code, said := h.cp(args...); code != 0 || said != "" {
		h.t.Fatalf("cp %v ended with %d and said %s", args, code, said)
	}
}

// describe lists what a tree holds, with modes, sizes, times and links.
func describe(t *testing.T, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		target, _ := os.Readlink(path)
		size := info.Size()
		if info.IsDir() {
			size = 0
		}
		var content []byte
		if info.Mode().IsRegular() && size < 1<<20 {
			content, err = os.ReadFile(path)
		}
		fmt.Fprintf(&b, "%s %v %d %d %s %x\n", rel, info.Mode(), size, info.ModTime().UnixNano(), target, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCopyTree copies a tree to the end of every chain, from there to the end of another one, and back: it is the same.
func TestCopyTree(t *testing.T) {
	h := newAdhocSite(t)
	tree := filepath.Join(h.path, "tree")
	for i := range 40 {
		dir := filepath.Join(tree, fmt.Sprintf("d%d/e", i%4))
		if err := os.MkdirAll(dir, 0o751); err != nil {
			t.Fatal(err)
		}
		h.write(fmt.Sprintf("tree/d%d/e/f%d", i%4, i), strings.Repeat("x", i*1000))
	}
	if err := os.Symlink("d1/e", filepath.Join(tree, "link")); err != nil {
		t.Fatal(err)
	}
	old := time.Unix(1600000000, 123456789)
	for _, name := range []string{"d1/e/f1", "d1"} {
		if err := os.Chtimes(filepath.Join(tree, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	h.mustCopy("tree", "plain:first")
	h.mustCopy("plain:first", "app:/srv")
	h.mustCopy("app:/srv", "web:"+h.account.Home+"/second")
	h.mustCopy("web:"+h.account.Home+"/second/.", "back")
	if want, got := describe(t, tree), describe(t, filepath.Join(h.path, "back")); got != want {
		t.Errorf("what came back is\n%s\nwhat was sent is\n%s", got, want)
	}
	if got := describe(t, filepath.Join(h.account.Home, "first")); got != describe(t, tree) {
		t.Errorf("what is there is\n%s", got)
	}
}

// TestCopyResume cuts the connection in the middle, in both directions; the second copy goes on where the first one
// stopped, and nothing remains. G21 G29.
func TestCopyResume(t *testing.T) {
	h := newAdhocSite(t)
	const size = 40 << 20
	data := make([]byte, size)
	rand.Read(data)
	h.write("big", string(data))
	for _, c := range []struct{ from, to, dir string }{
		{"big", "web:" + h.account.Home + "/up", h.account.Home},
		{"web:" + h.account.Home + "/up", "down", h.path},
	} {
		name := filepath.Base(c.to[strings.LastIndex(c.to, ":")+1:])
		through := func(cut int64) *proxy.Proxy {
			link, err := proxy.Listen("127.0.0.1:0", proxy.Config{To: h.server.HostPort(), CutAfter: cut})
			if err != nil {
				t.Fatal(err)
			}
			addr := link.Addr().(*net.TCPAddr)
			h.lead(addr.IP.String(), addr.Port)
			return link
		}
		link := through(28 << 20)
		if code, said := h.cp(c.from, c.to); code != 4 {
			t.Errorf("%s: the first ended with %d and said %s", name, code, said)
		}
		_ = link.Close()
		if _, err := os.Stat(filepath.Join(c.dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a part is at its place, %v", name, err)
		}
		awaitPart(t, c.dir, name)
		link = through(0)
		h.mustCopy(c.from, c.to)
		stats := link.Stats()
		_ = link.Close()
		if moved := stats.BytesUp + stats.BytesDown; moved > size*3/4 {
			t.Errorf("%s: the second moved %d bytes of %d", name, moved, size)
		}
		if got, err := os.ReadFile(filepath.Join(c.dir, name)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: the copy is another one, %v", name, err)
		}
		if left, _ := filepath.Glob(filepath.Join(c.dir, ".*runner*")); len(left) > 0 {
			t.Errorf("%s: there remain %q", name, left)
		}
	}
}

// awaitPart waits until nobody writes to the part of a file any more.
func awaitPart(t *testing.T, dir, name string) {
	t.Helper()
	await(t, "a part of the file", func() bool {
		parts, err := filepath.Glob(filepath.Join(dir, "."+name+".runner-part-*"))
		if err != nil || len(parts) != 1 {
			return false
		}
		f, err := os.Open(parts[0])
		if err != nil {
			return false
		}
		defer f.Close()
		return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
	})
}

// TestCopyManyFiles: so many small files that a round trip for each would show cost as many as one does.
func TestCopyManyFiles(t *testing.T) {
	h := newAdhocSite(t)
	for i := range 1000 {
		dir := filepath.Join(h.path, "many", fmt.Sprint(i%10))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		h.write(fmt.Sprintf("many/%d/%d", i%10, i), fmt.Sprint(i))
	}
	h.mustCopy("many", "plain:warm") // the agent is cached from now on
	link, err := proxy.Listen("127.0.0.1:0", proxy.Config{To: h.server.HostPort()})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close() //nolint:errcheck // nothing comes of it
	addr := link.Addr().(*net.TCPAddr)
	h.lead(addr.IP.String(), addr.Port)
	h.mustCopy("many", "plain:many")
	h.mustCopy("plain:many", "back")
	if got, want := describe(t, filepath.Join(h.path, "back")), describe(t, filepath.Join(h.path, "many")); got != want {
		t.Error("what came back is not what was sent")
	}
	if turns := link.Stats().Turns; turns > 40 {
		t.Errorf("%d round trips", turns)
	}
}

// TestCopyRefused: what cannot be copied leaves everything as it was, and says why. G29.
func TestCopyRefused(t *testing.T) {
	h := newAdhocSite(t)
	h.write("file", "content")
	for _, c := range []struct {
		from, to, says string
	}{
		{"file", "plain:/root/file", "permission denied"},
		{"file", "plain:/etc/hostname", "permission denied"},
		{"plain:/etc/shadow", "shadow", "permission denied"},
		{"plain:/nowhere", "copy", "there is no file or directory"},
		{"plain:/dev/null", "copy", "is a device"},
		{"file", "plain:/nowhere/file", "no such file or directory"},
		{"file", "app:/proc/file", "cannot"},
	} {
		code, said := h.cp(c.from, c.to)
		if code != 3 || !strings.Contains(said, "Copy failed") || !strings.Contains(said, c.says) {
			t.Errorf("%s to %s ended with %d and said %s", c.from, c.to, code, said)
		}
	}
	for _, name := range []string{"shadow", "copy"} {
		if _, err := os.Lstat(filepath.Join(h.path, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("there is %s, %v", name, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(h.path, ".*runner*")); len(left) > 0 {
		t.Errorf("there remain %q", left)
	}
	// Owners are kept where somebody may set them.
	h.mustCopy("--owner", "plain:/etc/hostname", "hostname")
	if code, said := h.cp("--owner", "file", "plain:owned"); code != 3 || !strings.Contains(said, "owner") {
		t.Errorf("to give a file away ended with %d and said %s", code, said)
	}
	h.mustCopy("--owner", "plain:.bashrc", "web:"+h.account.Home+"/owned")
	info, err := os.Stat(filepath.Join(h.account.Home, "owned"))
	var st unix.Stat_t
	if err == nil {
		err = unix.Stat(filepath.Join(h.account.Home, "owned"), &st)
	}
	if err != nil || int(st.Uid) != h.account.UID {
		t.Errorf("the copy is of user %d, %v, %v", st.Uid, info, err)
	}
}
