//go:build linux

package sources_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// sh runs a script in a directory.
func sh(t testing.TB, dir, script string, args ...string) {
	t.Helper()
	c := exec.Command("/bin/sh", append([]string{"-ec", script, "sh"}, args...)...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// forms are the ways to pack the directory top, with the programs that they take.
func forms() map[string]string {
	return map[string]string{
		"tar": "tar -cf $1 top", "ustar": "tar --format=ustar --exclude=top/long -cf $1 top", "pax": "tar --format=posix -cf $1 top", "gzip": "tar -czf $1 top",
		"bzip2": "tar -cjf $1 top", "xz": "tar -cJf $1 top", "zstd": "tar --zstd -cf $1 top", "zip": "zip -qry - top >$1", "stored": "zip -qry0 - top >$1", "dots": "tar -czf $1 ./top",
	}
}

// newTree makes a directory top with what archives hold, and returns the one that it is in.
func newTree(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	sh(t, dir, `umask 022
mkdir -p top/bin top/conf/deep/deeper "top/with space" top/empty
printf '#!/bin/sh\necho hello\n' >top/bin/run; chmod 755 top/bin/run
echo 'port = 80' >top/conf/shop.conf; chmod 640 top/conf/shop.conf
seq 1 60000 >top/conf/deep/deeper/numbers
: >top/none
echo one >"top/with space/a b"
name=$(printf '%090d' 7); mkdir top/$name; echo long >top/$name/$name
ln -s ../conf/shop.conf top/bin/conf
ln -s bin top/programs
ln -s $name/$name top/long
ln top/bin/run top/bin/again
touch -d 2020-02-03T04:05:06Z top/conf/shop.conf
chmod 700 top/empty`)
	return dir
}

// describe lists a tree in what matters of it. Hard links do not outlive zip.
func describe(t testing.TB, root string, hard bool) string {
	t.Helper()
	var b strings.Builder
	inodes := map[uint64]string{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		actiontest.OK(t, unix.Lstat(path, &st))
		name, _ := filepath.Rel(root, path)
		fmt.Fprintf(&b, "%s %o", name, st.Mode)
		switch {
		case d.Type().IsRegular():
			fmt.Fprintf(&b, " %s", digest(actiontest.Read(t, path)))
			if was := inodes[st.Ino]; was != "" && hard {
				fmt.Fprintf(&b, " = %s", was)
			}
			inodes[st.Ino] = name
			if strings.HasSuffix(name, ".conf") && hard {
				fmt.Fprintf(&b, " %d", st.Mtim.Sec)
			}
		case d.Type() == os.ModeSymlink:
			target, _ := os.Readlink(path)
			fmt.Fprintf(&b, " -> %s", target)
		}
		b.WriteString("\n")
		return nil
	})
	actiontest.OK(t, err)
	return b.String()
}

// extractMatrix looks, unpacks, and does both again: what was predicted happens, and the second time nothing. It returns the error.
func extractMatrix(t *testing.T, dir string, a args) error {
	t.Helper()
	b := newBench(t)
	before := actiontest.Snapshot(t, dir)
	look, apply := b.Env(wire.ModeLook), b.Env(wire.ModeApply)
	if data, ok := a["input"].([]byte); ok { // as the controller sends it
		a = actiontest.Merged(a, args{"content_size": len(data), "content_sha256": digest(string(data))})
		delete(a, "input")
		look.Input = func() io.Reader { return bytes.NewReader(data) }
		apply.Input = look.Input
	}
	predicted, predictedErr := b.Make("extract", a).Look(t.Context(), look)
	same(t, "after a look", before, actiontest.Snapshot(t, dir))
	did, err := b.ApplyIn(apply, "extract", a)
	if fmt.Sprint(predictedErr) != fmt.Sprint(err) {
		t.Fatalf("predicted %v, got %v", predictedErr, err)
	}
	if err != nil {
		same(t, err.Error(), before, actiontest.Snapshot(t, dir))
		if p, is := asProblem(err); !is || p.Hint == "" || !strings.Contains(p.Message, a["path"].(string)) {
			t.Errorf("no named error with a hint: %v", err)
		}
		return err
	}
	if !reflect.DeepEqual(predicted, did) {
		t.Errorf("predicted %+v, got %+v", predicted, did)
	}
	settled := actiontest.Snapshot(t, dir)
	again, err := b.ApplyIn(apply, "extract", a)
	actiontest.OK(t, err)
	b.Verb(again, wire.VerbNone)
	same(t, "applied twice", settled, actiontest.Snapshot(t, dir))
	return nil
}

// Whatever packed it, and wherever it comes from, what is unpacked is what was packed.
func TestG28ExtractAllForms(t *testing.T) {
	tree := newTree(t)
	for form, pack := range forms() {
		t.Run(form, func(t *testing.T) {
			packed := filepath.Join(t.TempDir(), "packed")
			sh(t, tree, pack, packed)
			data := []byte(actiontest.Read(t, packed))
			s := newServer(t, string(data))
			for from, a := range map[string]args{
				"target": {"archive": packed, "sha256": digest(string(data))}, "controller": {"content": data}, "stream": {"input": data}, "server": {"url": s.URL + "/content"},
			} {
				dir := t.TempDir()
				if err := extractMatrix(t, dir, actiontest.Merged(a, args{"path": dir + "/x"})); err != nil {
					t.Fatalf("%s: %v", from, err)
				}
				hard := form != "zip" && form != "stored"
				want := describe(t, tree+"/top", hard)
				if form == "ustar" { // which has no room for what that link says
					actiontest.OK(t, os.Symlink(strings.Repeat("0", 89)+"7/"+strings.Repeat("0", 89)+"7", dir+"/x/top/long"))
				}
				if got := describe(t, dir+"/x/top", hard); got != want {
					t.Errorf("%s: got\n%s\nwant\n%s", from, got, want)
				}
			}
		})
	}
}

// G28, G30: whatever is there.
func TestG28ExtractMatrix(t *testing.T) {
	tree := newTree(t)
	packed := tree + "/packed"
	sh(t, tree, forms()["gzip"], packed)
	unpacked := `mkdir x; tar -xzpf "$1" -C x; `
	for situation, c := range map[string]struct{ script, refused string }{
		"absent":              {": ", ""},
		"empty":               {"mkdir x", ""},
		"equal":               {unpacked, ""},
		"other content":       {unpacked + "echo 'port = 81' >x/top/conf/shop.conf", ""},
		"shorter":             {unpacked + ": >x/top/conf/shop.conf", ""},
		"other mode":          {unpacked + "chmod 600 x/top/bin/run; chmod 755 x/top/empty", ""},
		"file is gone":        {unpacked + "rm x/top/none", ""},
		"link is another":     {unpacked + "ln -sfn conf x/top/programs", ""},
		"link is a file":      {unpacked + "rm x/top/programs; echo >x/top/programs", ""},
		"file is a link":      {unpacked + "echo mine >victim; ln -sf ../../../victim x/top/conf/shop.conf", ""},
		"two files":           {unpacked + "cp x/top/bin/run x/top/bin/2; mv x/top/bin/2 x/top/bin/again", ""},
		"first name is other": {unpacked + "echo x >x/2; mv x/2 x/top/bin/run", ""},
		"more":                {unpacked + "echo mine >x/top/mine", ""},
		"setgid":              {"mkdir x; chmod 2755 x", ""},
		"directory for file":  {unpacked + "rm x/top/none; mkdir x/top/none", "it is a directory"},
		"file for directory":  {"mkdir x; echo >x/top", "it is a file"},
		"link for directory":  {"mkdir x y; ln -s ../y x/top", "it is a symbolic link"},
		"pipe":                {unpacked + "rm x/top/none; mkfifo x/top/none", "it is a pipe"},
		"file":                {"echo >x", "is a file"},
		"link to directory":   {"mkdir y; ln -s y x", ""},
		"dangling link":       {"ln -s y x", ""},
	} {
		for wish, a := range map[string]args{
			"plain": {}, "strip": {"strip": 1, "exclude": []string{"empty"}}, "some": {"include": []string{"top/conf", "run", "again"}}, "owner": {"owner": "1234", "group": "1234"},
		} {
			few := situation == "absent" || situation == "equal" || situation == "other content" || situation == "setgid"
			if wish != "plain" && !few || wish == "owner" && os.Geteuid() != 0 {
				continue
			}
			t.Run(situation+"/"+wish, func(t *testing.T) {
				dir := t.TempDir()
				sh(t, dir, c.script, packed)
				mine := describe(t, dir, true)
				err := extractMatrix(t, dir, actiontest.Merged(a, args{"archive": packed, "path": dir + "/x"}))
				if err != nil {
					if c.refused == "" || !strings.Contains(err.Error(), c.refused) {
						t.Fatal(err)
					}
					return
				}
				if c.refused != "" && wish == "plain" {
					t.Error("it was not refused")
				}
				if wish == "plain" && situation != "more" && situation != "setgid" {
					if got, want := describe(t, dir+"/x/top", true), describe(t, tree+"/top", true); got != want {
						t.Errorf("got\n%s\nwant\n%s", got, want)
					}
				}
				switch situation {
				case "more":
					if actiontest.Read(t, dir+"/x/top/mine") != "mine\n" {
						t.Errorf("it is gone, before:\n%s", mine)
					}
				case "file is a link":
					if actiontest.Read(t, dir+"/victim") != "mine\n" {
						t.Error("it was written through the link")
					}
				}
				for _, not := range map[string][]string{"strip": {"top", "empty"}, "some": {"top/none", "top/programs"}}[wish] {
					if _, err := os.Lstat(dir + "/x/" + not); err == nil && (situation == "absent" || situation == "empty") {
						t.Errorf("%s is there", not)
					}
				}
				if wish == "owner" {
					var st unix.Stat_t
					actiontest.OK(t, unix.Lstat(dir+"/x/top/bin/conf", &st))
					if st.Uid != 1234 || st.Gid != 1234 {
						t.Errorf("owner %d:%d", st.Uid, st.Gid)
					}
				}
			})
		}
	}
}

// hostile are archives that nobody should make.
func hostile(t testing.TB) map[string][]byte {
	t.Helper()
	pack := func(headers ...tar.Header) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			if h.Mode == 0 {
				h.Mode = 0o644
			}
			h.Size = int64(len(h.Uname)) // stands for the content
			content := h.Uname
			h.Uname = ""
			actiontest.OK(t, w.WriteHeader(&h))
			_, _ = w.Write([]byte(content))
		}
		actiontest.OK(t, w.Close())
		return b.Bytes()
	}
	file := func(name string) tar.Header { return tar.Header{Name: name, Uname: "evil"} }
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
	}
	hard := func(name, to string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to} }
	zipped := func(name string, mode os.FileMode, content string) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(mode)
		f, err := w.CreateHeader(h)
		actiontest.OK(t, err)
		_, _ = f.Write([]byte(content))
		actiontest.OK(t, w.Close())
		return b.Bytes()
	}
	damaged := zipped("a", 0o644, strings.Repeat("content", 100))
	damaged[40] ^= 0x55
	return map[string][]byte{
		"parent":                 pack(file("good"), file("../evil")),
		"parent within":          pack(file("good"), file("a/../../evil")),
		"absolute":               pack(file("good"), file("/tmp/evil")),
		"link out":               pack(file("good"), link("a", "../x")),
		"absolute link":          pack(file("good"), link("a", "/etc/passwd")),
		"link that may lead out": pack(file("good"), link("a", "."), link("b", "a/..")),
		"through a link":         pack(file("good"), link("a", "b"), file("a/evil")),
		"hard link out":          pack(file("good"), hard("a", "../good")),
		"absolute hard link":     pack(file("good"), hard("a", "/etc/passwd")),
		"hard link to nothing":   pack(file("good"), hard("a", "other")),
		"hard link to a link":    pack(file("good"), link("l", "good"), hard("a", "l")),
		"hard links in a circle": pack(file("good"), hard("a", "b"), hard("b", "a")),
		"hard link to itself":    pack(file("good"), hard("a", "a")),
		"device":                 pack(file("good"), tar.Header{Name: "a", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}),
		"pipe":                   pack(file("good"), tar.Header{Name: "a", Typeflag: tar.TypeFifo}),
		"setuid":                 pack(file("good"), tar.Header{Name: "a", Mode: 0o4755, Uname: "evil"}),
		"behind a file":          pack(file("good"), file("good/evil")),
		"twice":                  pack(file("good"), tar.Header{Name: "good", Typeflag: tar.TypeDir}),
		"cut":                    pack(file("good"), file("more"))[:512+512+512+100],
		"no archive":             []byte("this is a text, and no archive at all\n"),
		"zip parent":             zipped("../evil", 0o644, "evil"),
		"zip link out":           zipped("a", os.ModeSymlink|0o777, "../../etc"),
		"zip setuid":             zipped("a", os.ModeSetuid|0o755, "evil"),
		"zip damaged":            damaged,
		"zip cut":                zipped("a", 0o644, "content")[:60],
	}
}

func TestG30ExtractRefusesWhatEscapes(t *testing.T) {
	for name, data := range hostile(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			actiontest.OK(t, os.Mkdir(dir+"/x", 0o755))
			err := extractMatrix(t, dir, args{"content": data, "path": dir + "/x"})
			if err == nil {
				t.Fatal("it was unpacked")
			}
			t.Log(err)
			if !strings.Contains(err.Error(), "the archive is not taken") {
				t.Errorf("not named: %v", err)
			}
			whole := name == "cut" || name == "no archive" || name == "zip cut"
			if p, _ := asProblem(err); p == nil || strings.Contains(p.Hint, "exclude") == whole && name != "zip damaged" {
				t.Errorf("the hint does not help: %+v", p)
			}
		})
	}
}

func TestExtractTakesTheLastOfEqualNames(t *testing.T) {
	dir := t.TempDir()
	sh(t, dir, "echo one >a; tar -cf packed a; echo two >a; tar -rf packed a; ln a b; tar -rf packed a b; rm a b; mkdir x")
	if err := extractMatrix(t, dir, args{"archive": dir + "/packed", "path": dir + "/x"}); err != nil {
		t.Fatal(err)
	}
	if actiontest.Read(t, dir+"/x/a") != "two\n" || actiontest.Read(t, dir+"/x/b") != "two\n" {
		t.Error("not the last one")
	}
}

func TestG29ExtractOnAFullDisk(t *testing.T) {
	actiontest.NeedsRoot(t)
	dir := t.TempDir()
	packed := t.TempDir() + "/packed"
	sh(t, filepath.Dir(packed), "head -c 3000000 /dev/zero >a; tar -czf packed a; head -c 900000000 /dev/zero >b; tar -czf bomb b; rm a b")
	actiontest.OK(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"))
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	actiontest.OK(t, os.Mkdir(dir+"/x", 0o755))
	actiontest.Write(t, dir+"/x/a", "old\n", 0o644)
	sh(t, dir, "head -c 2000000 /dev/zero >filled")
	for name, want := range map[string]string{packed: "no space left", filepath.Dir(packed) + "/bomb": "more than the file system"} {
		err := extractMatrix(t, dir, args{"archive": name, "path": dir + "/x"})
		if p, is := asProblem(err); !is || !strings.Contains(p.Message, want) || !strings.Contains(p.Hint, "room") {
			t.Errorf("%v, hint %q", err, p.Hint)
		}
	}
}

func TestExtractErrorsAreNamed(t *testing.T) {
	tree := newTree(t)
	sh(t, tree, forms()["xz"], tree+"/packed")
	for name, c := range map[string]struct {
		args args
		want string
	}{
		"no archive":     {args{"archive": tree + "/none"}, "the archive " + tree + "/none does not exist"},
		"a directory":    {args{"archive": tree + "/top"}, "is a directory"},
		"other digest":   {args{"archive": tree + "/packed", "sha256": digest("x")}, digest("x")},
		"no parent":      {args{"archive": tree + "/packed", "path": tree + "/no/x"}, "does not exist"},
		"no such owner":  {args{"archive": tree + "/packed", "owner": "nobody-of-this-name"}, "nobody-of-this-name"},
		"too much strip": {args{"archive": tree + "/packed", "strip": 9}, "with strip = 9 nothing of the archive is left, whose deepest name is \""},
		"damaged stream": {args{"content": []byte("\xfd7zXZ\x00damaged")}, "xz ended with status 1"},
	} {
		b := actiontest.New(t)
		dir := t.TempDir()
		_, err := b.Apply("extract", actiontest.Merged(args{"path": dir + "/x"}, c.args))
		if err == nil || !strings.Contains(err.Error(), c.want) && !strings.Contains(err.Error(), "no such file") {
			t.Errorf("%s: %v", name, err)
		}
		if left := actiontest.Entries(t, dir); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
	b := actiontest.New(t)
	env := b.Env(wire.ModeApply)
	env.Environ = []string{"PATH=/nowhere"}
	if _, err := b.ApplyIn(env, "extract", args{"path": tree + "/x", "archive": tree + "/packed"}); err == nil || !strings.Contains(err.Error(), "cannot start xz") {
		t.Error(err)
	}
	out, err := b.Apply("extract", args{"path": tree + "/x", "archive": "/nowhere", "creates": tree + "/to*"})
	actiontest.OK(t, err)
	b.Verb(out, wire.VerbNone)
}

// TestG28ExtractAfterEarlierTasks: what an earlier task will bring is not known.
func TestG28ExtractAfterEarlierTasks(t *testing.T) {
	tree := newTree(t)
	sh(t, tree, forms()["gzip"], tree+"/packed")
	b := actiontest.New(t)
	env := b.Env(wire.ModeLook)
	look := func(name string, a args) wire.Change {
		out, err := b.Make(name, a).Look(t.Context(), env)
		actiontest.OK(t, err)
		return out.Change
	}
	look("directory", args{"path": tree + "/new"})
	if c := look("extract", args{"path": tree + "/new/x", "archive": tree + "/packed"}); c.Verb != wire.VerbCreate || len(c.Unknown) > 0 {
		t.Errorf("in a directory that is planned: %+v", c)
	}
	if c := look("file", args{"path": tree + "/new/x/top/none", "content": ""}); c.Verb != wire.VerbNone {
		t.Errorf("a file of the archive: %+v", c)
	}
	look("file", args{"path": tree + "/packed", "content": "other"})
	if c := look("extract", args{"path": tree + "/y", "archive": tree + "/packed"}); c.Verb != wire.VerbCreate || !reflect.DeepEqual(c.Unknown, []string{"content"}) {
		t.Errorf("an archive that is planned: %+v", c)
	}
}
