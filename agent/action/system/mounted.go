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

// mount is something that is mounted.
type mount struct{ device, root, kind, source, options string }

// mountedAt returns what is mounted at a path without links; nil: nothing is.
func mountedAt(point string) (*mount, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var out *mount
	lines := strings.Split(string(data), "\n")
	for _, text := range lines {
		about, from, _ := strings.Cut(text, " - ")
		a, f := strings.Fields(about), strings.Fields(from)
		if len(a) > 5 && len(f) > 2 && disk.Unescape(a[4]) == point { // the last one is on top
			out = &mount{device: a[2], root: a[3], kind: f[0], source: disk.Unescape(f[1]), options: a[5]}
			if strings.HasPrefix(f[2], "ro") { // the whole file system
				out.options = strings.Replace(a[5], "rw", "ro", 1)
			}
		}
	}
	return out, nil
}

// mountNow is what is mounted at the path now.
type mountNow struct{ *Mount }

// Look compares what is mounted with what is wanted.
func (n *mountNow) Look(_ context.Context, env *action.Env) (action.Outcome, error) {
	none := action.None(nil)
	tool, verb := "mount", wire.VerbCreate
	switch {
	case n.off() && n.mounted == nil:
		return none, nil
	case n.off():
		tool, verb = "umount", wire.VerbRemove
	case n.mounted != nil:
		if !n.same() && !env.View.Disturbed() {
			return none, n.cannot("Unmount it with a task before this one, or choose another path.", n.mounted.source+" ("+n.mounted.kind+") is mounted there")
		}
		if !n.remounts() {
			return none, nil
		}
		verb = wire.VerbUpdate
	case strings.HasPrefix(n.Source, "/"):
		p, err := env.View.Find(n.Source)
		if err == nil {
			defer p.Close()
		}
		if action.Gone(err) || err == nil && p.Entry == nil && !env.View.Disturbed() {
			return none, n.cannot("Make it with a task before this one.", "there is no "+n.Source)
		}
	}
	if err := administrator(env, tool+" "+n.Path); err != nil {
		return none, err
	}
	if !env.HasTool(tool) {
		return none, n.cannot("Install it with a task before this one.", "there is no program "+tool)
	}
	n.moves = true
	return action.Change(verb, nil, nil), nil
}

func (n *mountNow) cannot(hint, why string) error {
	return action.Problem(hint, "cannot change what is mounted at %s: %s", n.Path, why)
}

// same tells whether what is mounted is what is wanted.
func (n *mountNow) same() bool {
	source := n.Source
	for _, tag := range []string{"LABEL", "UUID", "PARTLABEL", "PARTUUID"} {
		if value, ok := strings.CutPrefix(source, tag+"="); ok {
			source = "/dev/disk/by-" + strings.ToLower(tag) + "/" + strings.Trim(value, `"`)
		}
	}
	var there, here unix.Stat_t
	if !strings.HasPrefix(source, "/") || unix.Stat(source, &there) != nil {
		named := strings.TrimRight(n.mounted.source, "/") == strings.TrimRight(source, "/")
		return named && (strings.Contains(source, "/") || n.mounted.kind == n.Type && n.mounted.root == "/")
	}
	switch there.Mode & unix.S_IFMT {
	case unix.S_IFBLK:
		return n.mounted.device == fmt.Sprintf("%d:%d", unix.Major(uint64(there.Rdev)), unix.Minor(uint64(there.Rdev))) || n.mounted.source == source //nolint:unconvert // not everywhere the same type
	case unix.S_IFREG:
		file, err := os.ReadFile("/sys/block/" + path.Base(n.mounted.source) + "/loop/backing_file")
		if err == nil {
			return strings.TrimSpace(string(file)) == source
		}
	}
	return unix.Stat(n.point, &here) == nil && here.Dev == there.Dev && here.Ino == there.Ino
}

// remounts tells whether the options have to be set anew: the table said others, or those that can be told differ.
func (n *mountNow) remounts() bool {
	if n.was != nil && n.was[tabOptions] != n.Options {
		return true
	}
	want, have := strings.Split(n.Options, ","), strings.Split(n.mounted.options, ",")
	return slices.ContainsFunc([]string{"ro", "rw", "nosuid", "nodev", "noexec", "noatime"}, func(flag string) bool {
		return slices.Contains(want, flag) && !slices.Contains(have, flag)
	})
}

// Act runs the program that does it.
func (n *mountNow) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	argv := []string{"mount", "-t", n.Type, "-o", n.Options, "--", n.Source, n.Path}
	if found.Change.Verb == wire.VerbUpdate {
		argv = []string{"mount", "-o", "remount," + n.Options, "--", n.Path}
	} else if n.off() {
		argv = []string{"umount", "--", n.Path}
	}
	_, err := env.Tool(ctx, argv[0]+" "+n.Path, "", argv...)
	return found, err
}

// Undo unmounts what was mounted.
func (n *mountNow) Undo(ctx context.Context, env *action.Env) {
	if n.mounted == nil && n.on() {
		_, _ = env.Tool(ctx, "", "", "umount", "--", n.Path) // what went wrong before is reported
	}
}
