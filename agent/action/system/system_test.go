//go:build linux

package system_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

type args = actiontest.Args

// G28: the name of the system, now and for its next start.
func TestG28Hostname(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	for _, now := range []string{"rtold", "rtnew"} {
		for _, boot := range []string{"", "rtold\n", "rtnew\n", "# a comment\nrtnew\n"} {
			actiontest.Command(t, "hostname", now)
			actiontest.OK(t, os.RemoveAll("/etc/hostname"))
			if boot != "" {
				actiontest.Write(t, "/etc/hostname", boot, 0o644)
			}
			out, err := actiontest.New(t).Check("hostname", args{"name": "rtnew"}, "/etc/hostname")
			actiontest.OK(t, err)
			name, err := os.Hostname()
			if err != nil || name != "rtnew" || actiontest.Read(t, "/etc/hostname") != "rtnew\n" {
				t.Errorf("%q %v, %q", name, err, actiontest.Read(t, "/etc/hostname"))
			}
			if none := now == "rtnew" && boot == "rtnew\n"; none != (out.Change.Verb == wire.VerbNone) {
				t.Errorf("%s where %s and %q were", out.Change.Verb, now, boot)
			}
		}
	}
	// As in a container, where the file is one of the machine's.
	actiontest.Command(t, "hostname", "rtold")
	actiontest.Write(t, "/srv/hostname", "rtold\n", 0o644)
	actiontest.Command(t, "mount", "--bind", "/srv/hostname", "/etc/hostname")
	_, err := actiontest.New(t).Check("hostname", args{"name": "rtnew"}, "/srv")
	actiontest.OK(t, err)
	if name, _ := os.Hostname(); name != "rtnew" || actiontest.Read(t, "/srv/hostname") != "rtnew\n" {
		t.Errorf("the name is %s, at the next start %s", name, actiontest.Read(t, "/srv/hostname"))
	}
	// A file that cannot be written leaves the name as it was.
	actiontest.Command(t, "mount", "-o", "remount,bind,ro", "/etc/hostname")
	if _, err := actiontest.New(t).Check("hostname", args{"name": "rtother"}, "/srv"); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Error(err)
	}
	if name, _ := os.Hostname(); name != "rtnew" {
		t.Errorf("the name is %s", name)
	}
}

// G28: the time zone, as a link and as a copy, with /etc/timezone and without.
func TestG28Timezone(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	zones := "/usr/share/zoneinfo"
	if _, err := os.Stat(zones + "/Europe/Berlin"); err != nil {
		t.Skip("needs tzdata: ", err)
	}
	for _, link := range []string{"", "copy", zones + "/Etc/UTC", zones + "/Europe/Berlin", "../usr/share/zoneinfo/Europe/Berlin", "/nowhere"} {
		for _, name := range []string{"", "Etc/UTC\n", "Europe/Berlin\n"} {
			actiontest.OK(t, os.RemoveAll("/etc/localtime"))
			actiontest.OK(t, os.RemoveAll("/etc/timezone"))
			switch link {
			case "":
			case "copy":
				actiontest.Write(t, "/etc/localtime", actiontest.Read(t, zones+"/Europe/Berlin"), 0o644)
			default:
				actiontest.OK(t, os.Symlink(link, "/etc/localtime"))
			}
			if name != "" {
				actiontest.Write(t, "/etc/timezone", name, 0o644)
			}
			out, err := actiontest.New(t).Check("timezone", args{"name": "Europe/Berlin"}, "/etc/localtime", "/etc/timezone")
			actiontest.OK(t, err)
			now, err := os.Readlink("/etc/localtime")
			if err != nil || !strings.HasSuffix(now, "/zoneinfo/Europe/Berlin") {
				t.Errorf("%q %q: the link is %s", link, name, now)
			}
			if text, _ := os.ReadFile("/etc/timezone"); name != "" && string(text) != "Europe/Berlin\n" || name == "" && text != nil {
				t.Errorf("%q %q: the name is %q", link, name, text)
			}
			if none := strings.HasSuffix(link, "Berlin") && name != "Etc/UTC\n"; none != (out.Change.Verb == wire.VerbNone) {
				t.Errorf("%q %q: %s", link, name, out.Change.Verb)
			}
		}
	}
	for name, want := range map[string]string{"Europe/Nowhere": "there is no such zone", "Europe": "there is no such zone", "Europe/Berlin/x": "there is no such zone"} {
		if _, err := actiontest.New(t).Check("timezone", args{"name": name}, "/etc/localtime"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What cannot be written whole is not written at all.
	for _, link := range []string{"", "copy", zones + "/Etc/UTC"} {
		actiontest.OK(t, os.RemoveAll("/etc/localtime"))
		switch link {
		case "":
		case "copy":
			actiontest.Write(t, "/etc/localtime", actiontest.Read(t, zones+"/Etc/UTC"), 0o640)
		default:
			actiontest.OK(t, os.Symlink(link, "/etc/localtime"))
		}
		actiontest.Write(t, "/etc/timezone", "Etc/UTC\n", 0o644)
		actiontest.Command(t, "mount", "--bind", "/etc/timezone", "/etc/timezone")
		before := lookOf(t, "/etc/localtime")
		_, err := actiontest.New(t).Apply("timezone", args{"name": "Europe/Berlin"})
		if now := lookOf(t, "/etc/localtime"); err == nil || now != before {
			t.Errorf("%q: %v, and now it is %s", link, err, now)
		}
		actiontest.Command(t, "umount", "/etc/timezone")
	}
	actiontest.OK(t, os.RemoveAll("/etc/localtime"))
	actiontest.OK(t, os.Mkdir("/etc/localtime", 0o755))
	if _, err := actiontest.New(t).Check("timezone", args{"name": "Europe/Berlin"}, "/etc/localtime"); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Error(err)
	}
	actiontest.Command(t, "mount", "-t", "tmpfs", "tmpfs", "/usr/share/zoneinfo")
	if _, err := actiontest.New(t).Check("timezone", args{"name": "Europe/Berlin"}); err == nil || !strings.Contains(err.Error(), "there is no such zone") {
		t.Error(err)
	}
}

// lookOf describes what is at a path, whichever file it is.
func lookOf(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		return err.Error()
	}
	if target, err := os.Readlink(path); err == nil {
		return "-> " + target
	}
	return info.Mode().String() + " " + actiontest.Read(t, path)
}

// G28: parameters of the kernel, of a network of the test's own, and the lines of a file.
func TestG28Sysctl(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	const ports, proc = "net.ipv4.ip_local_port_range", "/proc/sys/net/ipv4/ip_local_port_range"
	const file = "/etc/sysctl.d/99-runner.conf"
	line := ports + " = 20000 60000\n"
	for _, c := range []struct {
		now, old string
		wish     args
		want     string // of the file
	}{
		{"30000 50000", "", args{"value": "20000 60000"}, line},
		{"20000 60000", line, args{"value": "20000 60000"}, line},
		{"20000 60000", "# ours\n\nnet.ipv4.ip_forward=1\n", args{"value": "20000  60000"}, "# ours\n\nnet.ipv4.ip_forward=1\n" + ports + " = 20000  60000\n"},
		{"20000 60000", "-net/ipv4/ip_local_port_range=20000\t60000", args{"value": "20000 60000"}, "-net/ipv4/ip_local_port_range=20000\t60000\n"},
		{"30000 50000", line + "a.b = 1\n" + ports + " = 1 2\n", args{"value": "20000 60000"}, line + "a.b = 1\n"},
		{"30000 50000", ports + "=1 2\n", args{"value": "20000 60000", "now": false}, line},
		{"20000 60000", line + "a.b = 1\n", args{"state": "absent"}, "a.b = 1\n"},
		{"20000 60000", line, args{"state": "absent"}, ""},
		{"20000 60000", "", args{"state": "absent"}, ""},
	} {
		actiontest.OK(t, os.WriteFile(proc, []byte(c.now), 0o644))
		actiontest.OK(t, os.RemoveAll(file))
		if c.old != "" {
			actiontest.Write(t, file, c.old, 0o644)
		}
		_, err := actiontest.New(t).Check("sysctl", actiontest.Merged(c.wish, args{"name": ports}), "/etc/sysctl.d")
		actiontest.OK(t, err)
		if text, _ := os.ReadFile(file); string(text) != c.want {
			t.Errorf("%+v: the file has %q", c, text)
		}
		want := "20000\t60000\n"
		if c.wish["now"] == false {
			want = strings.ReplaceAll(c.now, " ", "\t") + "\n"
		}
		if got := actiontest.Read(t, proc); got != want {
			t.Errorf("%+v: the kernel has %q", c, got)
		}
	}
	actiontest.OK(t, os.RemoveAll(file))
	for name, c := range map[string]struct{ value, want string }{
		"net.ipv4.no_such_thing":  {"1", "this kernel has no such parameter"},
		ports:                     {"60000 20000", "cannot set " + ports + ": invalid argument"},
		"net.ipv4.ip_default_ttl": {"0x20", "the kernel makes 32 of the value"},
		"net.ipv4.tcp_rmem":       {"nonsense", "cannot set net.ipv4.tcp_rmem: invalid argument"},
		"net.ipv4":                {"1", "is a directory"},
	} {
		before, _ := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
		b := actiontest.New(t)
		_, err := b.Apply("sysctl", args{"name": name, "value": c.value})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s: the file was written", name)
		}
		if now, _ := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/")); string(now) != string(before) {
			t.Errorf("%s: was %q, is %q", name, before, now)
		}
	}
	// A file that cannot be written leaves the value as it was.
	actiontest.Command(t, "mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/etc/sysctl.d")
	if _, err := actiontest.New(t).Check("sysctl", args{"name": ports, "value": "21000 60000"}, proc); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Error(err)
	}
	// As in a container.
	actiontest.Command(t, "mount", "-o", "bind", "/proc/sys", "/proc/sys")
	actiontest.Command(t, "mount", "-o", "remount,bind,ro", "/proc/sys")
	if _, err := actiontest.New(t).Check("sysctl", args{"name": ports, "value": "21000 60000"}); err == nil || !strings.Contains(err.Error(), "read-only file system") {
		t.Error(err)
	}
}

// isMounted tells what findmnt(8) sees at a path, source, type and options; "" for nothing.
func isMounted(t *testing.T, path string) string {
	t.Helper()
	text := ""
	for line := range strings.Lines(actiontest.Read(t, "/proc/mounts")) {
		if f := strings.Fields(line); f[1] == strings.ReplaceAll(path, " ", `\040`) {
			text = strings.Join(f[:4], " ")
		}
	}
	return text
}

// G28: file systems in memory, of a directory and of an image; mounted or not, in the table or not.
func TestG28MountMatrix(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.OK(t, os.MkdirAll("/srv/dir/inside", 0o755))
	others := "# static\nUUID=1-2 / ext4 errors=remount-ro 0 1\n\nproc  /proc\tproc defaults 0 0\n"
	tmpfs := args{"source": "tmpfs", "type": "tmpfs", "options": "nosuid,size=1m"}
	bind := args{"source": "/srv/dir", "type": "none", "options": "bind"}
	const path = "/srv/a point"
	line := `tmpfs /srv/a\040point tmpfs nosuid,size=1m 0 0` + "\n"
	for _, s := range []struct {
		name  string
		setUp [][]string
		same  bool // what is mounted is what is wanted
		table string
	}{
		{"nothing", nil, true, others},
		{"directory", [][]string{{"mkdir", path}}, true, others},
		{"in the table", [][]string{{"mkdir", path}}, true, others + line},
		{"in the table otherwise", [][]string{{"mkdir", path}}, true, `tmpfs /srv/a\040point/ tmpfs defaults` + "\n" + others},
		{"in the table twice", nil, true, line + others + line},
		{"mounted", [][]string{{"mkdir", path}, {"mount", "-t", "tmpfs", "-o", "nosuid,size=1m", "tmpfs", path}}, true, others},
		{"mounted, in the table", [][]string{{"mkdir", path}, {"mount", "-t", "tmpfs", "-o", "nosuid,size=1m", "tmpfs", path}}, true, others + line},
		{"mounted otherwise", [][]string{{"mkdir", path}, {"mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", path}}, true, others + strings.Replace(line, "size=1m", "size=2m", 1)},
		{"something else", [][]string{{"mkdir", path}, {"mount", "-t", "ramfs", "ramfs", path}}, false, others},
	} {
		for _, state := range []string{"", "mounted", "present", "unmounted", "absent"} {
			t.Run(s.name+"/"+state, func(t *testing.T) {
				for isMounted(t, path) != "" {
					actiontest.Command(t, "umount", path)
				}
				actiontest.OK(t, os.RemoveAll(path))
				for _, argv := range s.setUp {
					actiontest.Command(t, argv...)
				}
				actiontest.Write(t, "/etc/fstab", s.table, 0o644)
				was := isMounted(t, path)
				a := args{"path": path}
				if state != "" {
					a["state"] = state
				}
				if state != "unmounted" && state != "absent" {
					a = actiontest.Merged(a, tmpfs)
				}
				_, err := actiontest.New(t).Check("mount", a, "/etc/fstab")
				if !s.same && (state == "" || state == "mounted") {
					if err == nil || !strings.Contains(err.Error(), "ramfs (ramfs) is mounted there") {
						t.Error(err)
					}
					return
				}
				actiontest.OK(t, err)
				now := isMounted(t, path)
				switch state {
				case "unmounted", "absent":
					if now != "" {
						t.Errorf("it is still mounted: %s", now)
					}
				case "present":
					if now != was {
						t.Errorf("was %q, is %q", was, now)
					}
				default:
					if !strings.HasPrefix(now, "tmpfs ") || !strings.Contains(now, "nosuid") || !strings.Contains(now, "size=1024k") {
						t.Errorf("%q is mounted", now)
					}
				}
				table := actiontest.Read(t, "/etc/fstab")
				count := strings.Count(table, `/srv/a\040point`)
				rest := ""
				for text := range strings.Lines(table) {
					if !strings.Contains(text, `/srv/a\040point`) {
						rest += text
					}
				}
				if rest != others || state == "absent" && count != 0 || state != "absent" && state != "unmounted" && (count != 1 || !strings.Contains(table, line)) || state == "unmounted" && table != s.table {
					t.Errorf("the table is\n%s", table)
				}
			})
		}
	}
	t.Run("bind", func(t *testing.T) {
		b := actiontest.New(t)
		for _, options := range []string{"bind", "bind,ro"} {
			_, err := b.Check("mount", actiontest.Merged(bind, args{"path": "/srv/other/place", "options": options}), "/etc/fstab")
			actiontest.OK(t, err)
			if _, err := os.Stat("/srv/other/place/inside"); err != nil {
				t.Error(err)
			}
			if now := isMounted(t, "/srv/other/place"); strings.Contains(now, " ro,") != (options == "bind,ro") {
				t.Errorf("%s: %s", options, now)
			}
		}
	})
	t.Run("beside swap", func(t *testing.T) {
		const swap = "/dev/rtswap swap swap defaults 0 0\n"
		actiontest.Write(t, "/etc/fstab", swap, 0o644)
		_, err := actiontest.New(t).Check("mount", args{"path": "//swap/", "source": "tmpfs", "type": "tmpfs", "state": "present"}, "/etc/fstab")
		actiontest.OK(t, err)
		if table := actiontest.Read(t, "/etc/fstab"); table != swap+"tmpfs /swap tmpfs defaults 0 0\n" {
			t.Errorf("the table is\n%s", table)
		}
	})
	t.Run("fewer options", func(t *testing.T) {
		b := actiontest.New(t)
		for _, options := range []string{"noexec,size=1m", "defaults"} {
			_, err := b.Check("mount", args{"path": "/srv/fewer", "source": "tmpfs", "type": "tmpfs", "options": options}, "/etc/fstab")
			actiontest.OK(t, err)
			if now := isMounted(t, "/srv/fewer"); strings.Contains(now, ",noexec") != strings.Contains(options, "noexec") {
				t.Errorf("%s: %s", options, now)
			}
		}
	})
	t.Run("image", func(t *testing.T) { image(t) })
	for _, c := range []struct {
		args args
		want string
	}{
		{args{"path": "/srv/x", "source": "/dev/rtnone", "type": "ext4"}, "there is no /dev/rtnone"},
		{args{"path": "/srv/dir/file", "source": "tmpfs", "type": "tmpfs"}, "is a file"},
		{args{"path": "/srv/other/place", "source": "tmpfs", "type": "tmpfs"}, "is mounted there"},
	} {
		actiontest.Write(t, "/srv/dir/file", "", 0o644)
		if _, err := actiontest.New(t).Check("mount", c.args, "/etc/fstab"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.args, err)
		}
	}
	// What mount(8) refuses is not in the table afterwards, and what cannot be in the table is not mounted.
	b := actiontest.New(t)
	before := actiontest.Read(t, "/etc/fstab")
	if _, err := b.Apply("mount", args{"path": "/srv/y/z", "source": "x", "type": "rtnofs"}); err == nil || !strings.Contains(err.Error(), "mount ended with status") || actiontest.Read(t, "/etc/fstab") != before {
		t.Errorf("%v: %s", err, actiontest.Read(t, "/etc/fstab"))
	}
	if _, err := os.Stat("/srv/y"); err == nil {
		t.Error("the directory for it is left")
	}
	// As root of a machine whose systemd does not read the table, or is in use.
	actiontest.Command(t, "mount", "-t", "tmpfs", "tmpfs", "/run")
	actiontest.OK(t, os.MkdirAll("/run/systemd/system", 0o755))
	actiontest.Write(t, "/srv/systemctl", "#!/bin/sh\necho \"$*\" >>/srv/asked; exit 1\n", 0o755)
	search := os.Getenv("PATH")
	t.Setenv("PATH", "/srv:"+search)
	if _, err := b.Apply("mount", args{"path": "/srv/y/z", "source": "tmpfs", "type": "tmpfs"}); err == nil || !strings.Contains(err.Error(), "systemctl ended with status 1") ||
		actiontest.Read(t, "/etc/fstab") != before || isMounted(t, "/srv/y/z") != "" {
		t.Errorf("%v: %s", err, actiontest.Read(t, "/etc/fstab"))
	}
	if asked := actiontest.Read(t, "/srv/asked"); asked != "daemon-reload\ndaemon-reload\n" { // also of the table as it was
		t.Errorf("systemctl %s", asked)
	}
	// A table that has the line already is not touched where mount(8) fails: somebody else may have changed it meanwhile.
	const present = "tmpfs /srv/y/z tmpfs defaults 0 0\n"
	actiontest.Write(t, "/etc/fstab", before+present, 0o644)
	actiontest.OK(t, os.Remove("/srv/asked"))
	actiontest.Write(t, "/srv/mount", "#!/bin/sh\necho '# new' >>/etc/fstab; exit 32\n", 0o755)
	_, err := b.Apply("mount", args{"path": "/srv/y/z", "source": "tmpfs", "type": "tmpfs"})
	if table := actiontest.Read(t, "/etc/fstab"); err == nil || !strings.Contains(err.Error(), "mount ended with status 32") || table != before+present+"# new\n" {
		t.Errorf("%v: %s", err, table)
	}
	if asked, err := os.ReadFile("/srv/asked"); err == nil {
		t.Errorf("systemctl %s", asked)
	}
	actiontest.OK(t, os.Remove("/srv/mount"))
	// What is mounted has other options before the table has them: if that is cut in between, the next run does it again. Both are as before
	// where the table is what fails.
	for _, old := range []string{"size=1m", "ro,noexec,size=1m"} {
		for _, options := range []string{"size=2m", "noatime,size=2m"} {
			table := before + strings.Replace(present, "defaults", old, 1)
			actiontest.Write(t, "/etc/fstab", table, 0o644)
			actiontest.OK(t, os.MkdirAll("/srv/y/z", 0o755))
			actiontest.Command(t, "mount", "/srv/y/z")
			was := isMounted(t, "/srv/y/z")
			actiontest.Write(t, "/srv/systemctl", "#!/bin/sh\ngrep ' /srv/y/z ' /proc/mounts >>/srv/asked; exit 1\n", 0o755)
			_, err := b.Apply("mount", args{"path": "/srv/y/z", "source": "tmpfs", "type": "tmpfs", "options": options})
			if now := isMounted(t, "/srv/y/z"); err == nil || now != was || actiontest.Read(t, "/etc/fstab") != table {
				t.Errorf("%s to %s: %v: was %s, is %s: %s", old, options, err, was, now, actiontest.Read(t, "/etc/fstab"))
			}
			if asked := actiontest.Read(t, "/srv/asked"); strings.Count(asked, "size=2048k") != 2 || strings.Contains(asked, " ro,") {
				t.Errorf("%s to %s: when the table was read there was %s", old, options, asked)
			}
			actiontest.OK(t, os.Remove("/srv/asked"))
			actiontest.Command(t, "umount", "/srv/y/z")
		}
	}
	actiontest.OK(t, os.RemoveAll("/srv/y"))
	actiontest.Write(t, "/etc/fstab", before, 0o644)
	actiontest.OK(t, os.Remove("/srv/systemctl"))
	t.Setenv("PATH", search)
	actiontest.Command(t, "umount", "/run")
	actiontest.Command(t, "mount", "--bind", "/etc/fstab", "/etc/fstab")
	if _, err := b.Check("mount", args{"path": "/srv/z", "source": "tmpfs", "type": "tmpfs"}, "/etc/fstab"); err == nil || isMounted(t, "/srv/z") != "" {
		t.Errorf("%v: %s", err, isMounted(t, "/srv/z"))
	}
	// In use.
	busy, err := os.Open("/srv/other/place")
	actiontest.OK(t, err)
	defer busy.Close()
	if _, err := b.Apply("mount", args{"path": "/srv/other/place", "state": "unmounted"}); err == nil || isMounted(t, "/srv/other/place") == "" {
		t.Errorf("%v: what is in use was unmounted", err)
	}
	actiontest.Command(t, "umount", "/etc/fstab")
	before += "/srv/dir /srv/other/place none bind 0 0\n"
	actiontest.Write(t, "/etc/fstab", before, 0o644)
	if _, err := b.Apply("mount", args{"path": "/srv/other/place", "state": "absent"}); err == nil || actiontest.Read(t, "/etc/fstab") != before {
		t.Errorf("%v: what is in use is in the table no more: %s", err, actiontest.Read(t, "/etc/fstab"))
	}
}

// image mounts an image by a loop device, where the machine has some.
func image(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skip("needs loop devices: ", err)
	}
	actiontest.Command(t, "truncate", "-s", "4M", "/tmp/runner-test-image")
	defer os.Remove("/tmp/runner-test-image") //nolint:errcheck // what is left is in a temporary directory
	actiontest.Command(t, "mke2fs", "-q", "/tmp/runner-test-image")
	b := actiontest.New(t)
	a := args{"path": "/srv/image", "source": "/tmp/runner-test-image", "type": "ext2", "options": "loop,noatime", "pass": 2}
	_, err := b.Check("mount", a, "/etc/fstab")
	actiontest.OK(t, err)
	if now := isMounted(t, "/srv/image"); !strings.Contains(now, "/dev/loop") || !strings.Contains(now, "noatime") {
		t.Error(now)
	}
	_, err = b.Check("mount", actiontest.Merged(a, args{"options": "loop,noatime,nosuid"}), "/etc/fstab")
	actiontest.OK(t, err)
	if now := isMounted(t, "/srv/image"); !strings.Contains(now, "nosuid") || strings.Count(actiontest.Read(t, "/proc/mounts"), " /srv/image ") != 1 {
		t.Error(now)
	}
	b.Must("mount", a)
	if table := actiontest.Read(t, "/etc/fstab"); !strings.Contains(table, "/tmp/runner-test-image /srv/image ext2 loop,noatime 0 2\n") {
		t.Error(table)
	}
	b.Must("mount", args{"path": "/srv/image", "state": "absent"})
}

// As in a container, root may not do it, and is told so before anything is done.
func TestSystemInAContainer(t *testing.T) {
	const inside = "RUNNER_TEST_CONTAINER"
	if os.Getenv(inside) == "" {
		if !actiontest.Apart(t) {
			return
		}
		self, err := os.Executable()
		actiontest.OK(t, err)
		t.Setenv(inside, "1")
		out := actiontest.Command(t, "setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", self, "-test.run", "^"+t.Name()+"$", "-test.v")
		if !strings.Contains(out, "--- PASS") {
			t.Error(out)
		}
		return
	}
	for name, a := range map[string]args{"hostname": {"name": "rtnew"}, "mount": {"path": "/srv/m", "source": "tmpfs", "type": "tmpfs"}} {
		if _, err := actiontest.New(t).Check(name, a, "/etc", "/srv"); err == nil || !strings.Contains(err.Error(), "root lacks the capability CAP_SYS_ADMIN here") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Ordinary users are told so before anything is done.
func TestG28SystemAsAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() == 0 {
		actiontest.AsNobody(t, t.Name())
		return
	}
	dir, err := os.Getwd()
	actiontest.OK(t, err)
	for name, a := range map[string]args{
		"hostname": {"name": "rtnew"},
		"timezone": {"name": "Europe/Berlin"},
		"sysctl":   {"name": "net.ipv4.ip_local_port_range", "value": "21000 60000"},
		"mount":    {"path": fmt.Sprintf("%s/mnt", dir), "source": "tmpfs", "type": "tmpfs"},
	} {
		if _, err := actiontest.New(t).Check(name, a); err == nil || !strings.Contains(err.Error(), "permitted") && !strings.Contains(err.Error(), "permission") {
			t.Errorf("%s: %v", name, err)
		}
		// No earlier task makes root of a user.
		b := actiontest.New(t)
		env := b.Env(wire.ModeLook)
		env.View.Disturb()
		if _, err := b.Make(name, a).Look(t.Context(), env); err == nil || !strings.Contains(err.Error(), "permi") {
			t.Errorf("%s after a program: %v", name, err)
		}
	}
}
