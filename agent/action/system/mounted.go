package system

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/wire"
)

// mount is something that is mounted; super are the options of the whole file system.
type mount struct{ device, root, kind, source, options, super string }

// mountedAt returns what is mounted at a path without links; nil: nothing is.
func mountedAt(point string) (*mount, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	lines, out := strings.Split(string(data), "\n"), (*mount)(nil)
	for _, text := range lines {
		about, from, _ := strings.Cut(text, " - ")
		a, f := strings.Fields(about), strings.Fields(from)
		if len(a) > 5 && len(f) > 2 && disk.Unescape(a[4]) == point { // the last one is on top
			out = &mount{device: a[2], root: a[3], kind: f[0], source: disk.Unescape(f[1]), options: a[5], super: disk.Unescape(f[2])}
			if strings.HasPrefix(f[2], "ro") { // the whole file system
				out.options = strings.Replace(a[5], "rw", "ro", 1)
			}
		}
	}
	return out, nil
}

// now returns the program that makes what is mounted what is wanted; nil: it is so.
func (m *Mount) now(env *action.Env) (argv []string, err error) {
	switch {
	case m.off() && m.mounted == nil:
		return nil, nil
	case m.off():
		argv = []string{"umount", "--", m.Path}
	case m.mounted == nil:
		argv = []string{"mount", "-t", m.Type, "-o", m.Options, "--", m.Source, m.Path}
		if !strings.HasPrefix(m.Source, "/") {
			break
		}
		if p, err := env.View.Find(m.Source); err == nil {
			defer p.Close()
			if p.Entry == nil && !env.View.Disturbed() {
				return nil, m.cannot("Make it with a task before this one.", "there is no "+m.Source)
			}
		} else if !action.IsUnknown(err) {
			return nil, action.Cannot("mount", m.Source, err)
		}
	case !m.same() && !env.View.Disturbed():
		return nil, m.cannot("Unmount it with a task before this one, or choose another path.", m.mounted.source+" ("+m.mounted.kind+") is mounted there")
	case !m.remounts():
		return nil, nil
	default:
		argv = m.remount(m.Options)
	}
	if err := administrator(env, argv[0]+" "+m.Path); err != nil {
		return nil, err
	}
	if !env.HasTool(argv[0]) {
		return nil, m.cannot("Install it with a task before this one.", "there is no program "+argv[0])
	}
	return argv, nil
}

// run is the part that runs it.
func (m *Mount) run(argv []string) action.Part {
	p := action.Part{Do: func(ctx context.Context, env *action.Env) error {
		_, err := env.Tool(ctx, argv[0]+" "+m.Path, "", argv...)
		return err
	}}
	p.Found.Change.Verb = wire.VerbUpdate
	switch {
	case m.on() && m.mounted != nil:
		was := m.mounted.super + "," + m.mounted.options
		if strings.Contains(m.Options, "bind") { // the file system itself stays as it is
			was = "bind," + m.mounted.options
		}
		back := m.remount(was)
		p.Undo = func(ctx context.Context, env *action.Env) { _, _ = env.Tool(ctx, "", "", back...) } // what went wrong before is reported
	case m.on():
		p.Undo = func(ctx context.Context, env *action.Env) { // of what was cut when it was done
			if m.mounted, _ = mountedAt(m.point); m.mounted != nil && m.same() {
				_, _ = env.Tool(ctx, "", "", "umount", "--", m.Path) // what went wrong before is reported
			}
		}
	}
	return p
}

// remount is the program that gives other options to what is mounted. Without a source mount(8) would add those of the table.
func (m *Mount) remount(options string) []string {
	return []string{"mount", "-o", "remount," + options, "--", m.mounted.source, m.Path}
}

func (m *Mount) cannot(hint, why string) error {
	return action.Problem(hint, "cannot change what is mounted at %s: %s", m.Path, why)
}

// same tells whether what is mounted is what is wanted.
func (m *Mount) same() bool {
	source := m.Source
	for _, tag := range []string{"LABEL", "UUID", "PARTLABEL", "PARTUUID"} {
		if value, ok := strings.CutPrefix(source, tag+"="); ok {
			source = "/dev/disk/by-" + strings.ToLower(tag) + "/" + strings.Trim(value, `"`)
		}
	}
	var there, here unix.Stat_t
	if !strings.HasPrefix(source, "/") || unix.Stat(source, &there) != nil {
		named := strings.TrimRight(m.mounted.source, "/") == strings.TrimRight(source, "/")
		return named && (strings.Contains(source, "/") || m.mounted.kind == m.Type && m.mounted.root == "/")
	}
	switch there.Mode & unix.S_IFMT {
	case unix.S_IFBLK:
		return m.mounted.device == fmt.Sprintf("%d:%d", unix.Major(uint64(there.Rdev)), unix.Minor(uint64(there.Rdev))) || m.mounted.source == source //nolint:unconvert // not everywhere the same type
	case unix.S_IFREG:
		file, err := os.ReadFile("/sys/block/" + path.Base(m.mounted.source) + "/loop/backing_file")
		if err == nil {
			return strings.TrimSpace(string(file)) == source
		}
	}
	return unix.Stat(m.point, &here) == nil && here.Dev == there.Dev && here.Ino == there.Ino
}

// remounts tells whether the options have to be set anew: the table said others, or those that can be told differ.
func (m *Mount) remounts() bool {
	if m.was != nil && m.was[tabOptions] != m.Options {
		return true
	}
	want, have := strings.Split(m.Options, ","), strings.Split(m.mounted.options, ",")
	return slices.ContainsFunc([]string{"ro", "rw", "nosuid", "nodev", "noexec", "noatime"}, func(flag string) bool {
		return slices.Contains(want, flag) && !slices.Contains(have, flag)
	})
}
