//go:build linux

package view

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"runner/agent/disk"
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFindResolvesAsTheSystemDoes(t *testing.T) {
	dir := t.TempDir()
	ok(t, os.MkdirAll(dir+"/a/b/c", 0o755))
	ok(t, os.WriteFile(dir+"/a/b/file", nil, 0o600))
	ok(t, os.Symlink("b/c", dir+"/a/relative"))
	ok(t, os.Symlink(dir+"/a/b", dir+"/absolute"))
	ok(t, os.Symlink("../../a", dir+"/a/b/up"))
	ok(t, os.Symlink("loop2", dir+"/loop1"))
	ok(t, os.Symlink("loop1", dir+"/loop2"))
	ok(t, os.Symlink("a/b/", dir+"/slash"))
	v := Live()
	for _, at := range []string{
		"/a", "/a/b/file", "/a/./b//file", "/absolute/file", "/absolute/../b/file", "/a/relative/../file", "/absolute/up/b/file",
		"/a/b/../../absolute/c/new", "/slash/file", "/a/b/up/b/up/b/up/relative/x", "/a/b/c/..//file", "/a/b/..",
	} {
		p, err := v.Find(dir + at)
		ok(t, err)
		var want, got unix.Stat_t
		wantErr, gotErr := unix.Lstat(dir+at, &want), unix.Lstat(p.Path, &got)
		if !errors.Is(gotErr, wantErr) || want.Ino != got.Ino || (p.Entry == nil) != (wantErr != nil) {
			t.Errorf("%s: found %s: %v, %v", at, p.Path, gotErr, wantErr)
		}
		if strings.Contains(p.Path, "absolute") || strings.Contains(p.Path, "..") {
			t.Errorf("%s: found %s, which has links", at, p.Path)
		}
		p.Close()
		p.Close()
	}
	var loop *LoopError
	var missing *MissingError
	var kind *disk.KindError
	for at, target := range map[string]any{
		"/loop1/x": &loop, "/none/x": &missing, "/a/b/none/../x": &missing, "/a/b/file/x": &kind, "/a/b/file/../x": &kind,
		strings.Repeat("/a/..", 3000) + "/x": &loop,
	} {
		if p, err := v.Find(dir + at); err == nil || !errors.As(err, target) {
			t.Errorf("%.40s: %v %v", at, p, err)
		}
	}
	p, err := v.Follow(dir + "/absolute")
	ok(t, err)
	defer p.Close()
	if !p.Linked || p.Path != dir+"/a/b" || p.Entry.Kind != disk.Directory {
		t.Errorf("%+v", p)
	}
	if _, err := v.Follow(dir + "/loop1"); !errors.As(err, &loop) {
		t.Errorf("%v", err)
	}
}

func TestLiveViewIgnoresPlans(t *testing.T) {
	dir := t.TempDir()
	v := Live()
	p, err := v.Find(dir + "/x")
	ok(t, err)
	defer p.Close()
	v.Plan(p, Entry{Stat: disk.Stat{Kind: disk.Regular}})
	v.PlanRemoval(p)
	v.Expect(dir + "/y")
	v.Disturb()
	if v.Disturbed() || len(v.planned) > 0 {
		t.Errorf("%+v", v)
	}
}

func TestPreviewKeepsABoundedAmount(t *testing.T) {
	dir := t.TempDir()
	v := Preview()
	plan := func(name string, size int) {
		t.Helper()
		p, err := v.Find(dir + "/" + name)
		ok(t, err)
		defer p.Close()
		if size < 0 {
			v.PlanRemoval(p)
			return
		}
		v.Plan(p, Entry{Stat: disk.Stat{Kind: disk.Regular}, Content: ContentOf(make([]byte, size))})
	}
	for i := range 100 {
		plan(string(rune('a'+i)), 100<<10)
	}
	if v.kept > keep || v.kept < keep-100<<10 {
		t.Errorf("%d bytes kept", v.kept)
	}
	for i := range 100 {
		plan(string(rune('a'+i)), i%2-1) // half of them go, half of them are empty
	}
	if v.kept != 0 {
		t.Errorf("%d bytes kept of nothing", v.kept)
	}
}

func TestMatchAnswersWhatItCan(t *testing.T) {
	dir := t.TempDir()
	ok(t, os.MkdirAll(dir+"/a/x", 0o755))
	ok(t, os.MkdirAll(dir+"/b/y", 0o755))
	ok(t, os.Symlink("b", dir+"/c"))
	v := Live()
	for pattern, want := range map[string]string{
		"/*/y": "/b/y", "/[bc]/*": "/b/y", "/c/?": "/c/y", "/*/*/*": "", "/a/../b/y": "/a/../b/y", `/\a/x`: "/a/x", "/*": "/a", "/none/*": "",
	} {
		got, found, err := v.Match(dir + pattern)
		ok(t, err)
		if found != (want != "") || found && got != dir+want {
			t.Errorf("%s: %s %v", pattern, got, found)
		}
	}
}

func TestAccounts(t *testing.T) {
	v := Live()
	for _, c := range []struct {
		name string
		find func(string) (uint32, error)
		want uint32
	}{{"root", v.User, 0}, {"root", v.Group, 0}, {"nobody", v.User, 65534}, {"4711", v.User, 4711}, {"0", v.Group, 0}} {
		if got, err := c.find(c.name); got != c.want || err != nil {
			t.Errorf("%s: %d %v", c.name, got, err)
		}
	}
	for _, name := range []string{"no-such-user", "4294967295", "-1", "1e3", ""} {
		var account *AccountError
		if _, err := v.User(name); !errors.As(err, &account) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if v.UserName(0) != "root" || v.GroupName(0) != "root" || v.UserName(4711) != "4711" {
		t.Error(v.UserName(0), v.GroupName(0), v.UserName(4711))
	}
}

// What is planned to go is in no list, and what comes after it is as before.
func TestLinesOfRemovedAccounts(t *testing.T) {
	v := Preview()
	for _, file := range []string{Passwd, Groups} {
		before, err := v.Lines(file)
		ok(t, err)
		v.PlanLine(file, "root", nil)
		after, err := v.Lines(file)
		ok(t, err)
		if len(after) != len(before)-1 || len(after) > 0 && after[0][0] == "root" {
			t.Errorf("%s: of %d lines %d are left", file, len(before), len(after))
		}
	}
}

func TestReadIsWholeAndHashed(t *testing.T) {
	dir := t.TempDir()
	ok(t, os.WriteFile(dir+"/x", []byte("abc"), 0o600))
	v := Live()
	p, err := v.Find(dir + "/x")
	ok(t, err)
	defer p.Close()
	const sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	for _, limit := range []int64{0, 2, 3, 100} {
		c, err := p.Read(t.Context(), limit)
		ok(t, err)
		if c.SHA256 != sum || c.Size != 3 || (c.Bytes != nil) != (limit >= 3) {
			t.Errorf("%d: %+v", limit, c)
		}
	}
	ok(t, os.Remove(dir+"/x"))
	if _, err := p.Read(t.Context(), 3); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
