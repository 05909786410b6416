package system

import (
	"context"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"runner/agent/action"
	"runner/agent/action/files"
	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// Mount is the action of that name.
type Mount struct {
	Path    string   `cbor:"path"`
	Source  string   `cbor:"source"`
	Type    string   `cbor:"type"`
	Options string   `cbor:"options"`
	Dump    *float64 `cbor:"dump"`
	Pass    *float64 `cbor:"pass"`
	State   string   `cbor:"state"`

	point   string   // the path without links
	mounted *mount   // what is mounted there; nil: nothing
	was     []string // the path's line in /etc/fstab; nil: there is none
	moves   bool     // what is below the path will be something else
	view    *view.View
}

const fstab = "/etc/fstab"

// Fields of a line of /etc/fstab.
const (
	tabPath    = 1
	tabOptions = 3
	tabFields  = 6
)

// on and off tell what is to be the case now; neither is where nothing is said of it.
func (m *Mount) on() bool  { return m.State == "" || m.State == "mounted" }
func (m *Mount) off() bool { return m.State == "unmounted" || m.State == "absent" }

// Parts are the directory, the table of the next start, of which systemd is to know, and what is mounted now. The last is what the
// system may refuse for reasons that cannot be seen before, and the others can be undone.
func (m *Mount) Parts(ctx context.Context, env *action.Env) (parts []action.Part, err error) {
	m.Path, m.view = path.Clean(m.Path), env.View
	if m.Options == "" {
		m.Options = "defaults"
	}
	m.point = m.Path
	if p, err := env.View.Follow(m.Path); err == nil {
		m.point = p.Path
		p.Close()
		if p.Entry != nil && p.Entry.Unknown&view.Kind != 0 { // an earlier task mounts something
			return nil, &view.UnknownError{Path: m.point}
		}
	}
	if m.mounted, err = mountedAt(m.point); err != nil {
		return nil, action.Cannot("find what is mounted at", m.Path, err)
	}
	data, _ := os.ReadFile(fstab) // the part that changes it reports what is wrong
	lines, done := strings.Split(string(data), "\n"), false
	for _, text := range lines {
		if fields := fieldsOf(text); !done && m.about(fields) {
			m.was, done = fields, true
		}
	}
	if m.on() && m.mounted == nil {
		dir := &files.Directory{Path: m.Path}
		parts = append(parts, action.Part{Action: dir, Undo: func(_ context.Context, env *action.Env) { dir.Unmake(env) }})
	}
	var argv []string
	if m.on() || m.off() {
		if argv, err = m.now(env); err != nil {
			return nil, err
		}
	}
	m.moves = argv != nil
	remount := m.on() && m.mounted != nil
	if m.moves && remount { // before the table: from one that has the options the next run would conclude that this was done
		parts = append(parts, m.run(argv))
	}
	if m.State != "unmounted" {
		restore, err := files.Kept(ctx, env, fstab)
		if err != nil {
			return nil, action.Cannot("read", fstab, err)
		}
		parts = append(parts, action.Part{
			Action: files.Edited(fstab, files.Edit{Change: m.edit, Create: true}), Do: reread,
			Undo: func(ctx context.Context, env *action.Env) {
				restore(ctx, env)
				_ = reread(ctx, env) // what went wrong before is reported
			},
		})
	}
	if m.moves && !remount {
		parts = append(parts, m.run(argv))
	}
	return parts, nil
}

// reread has systemd make units of the lines of the table.
func reread(ctx context.Context, env *action.Env) (err error) {
	if env.View.Directory("/run/systemd/system") {
		_, err = env.Tool(ctx, "have systemd read "+fstab, "", "systemctl", "daemon-reload")
	}
	return err
}

// cover tells the view that what is below the path is not known any more.
func (m *Mount) cover() {
	p, err := m.view.Follow(m.Path)
	if err != nil {
		return // where it is is not known either
	}
	defer p.Close()
	m.view.Cover(p)
}

// Describe words the change as one of a mount, in place of those of its parts.
func (m *Mount) Describe(out *action.Outcome) {
	out.Values = action.Texts("path", m.Path)
	if m.moves {
		m.cover()
	}
	if out.Change.Verb == wire.VerbNone {
		return
	}
	out.Before, out.After, out.Change.Verb = nil, nil, wire.VerbRemove
	if m.mounted != nil {
		out.Before = m.describe([]string{m.mounted.source, "", m.mounted.kind, m.mounted.options}, true)
	} else if m.was != nil {
		out.Before = m.describe(m.was, false)
	}
	switch {
	case !m.off():
		out.After = m.describe(m.line(), m.on() || m.mounted != nil)
		if out.Change.Verb = wire.VerbUpdate; out.Before == nil {
			out.Change.Verb = wire.VerbCreate
		}
	case m.State == "unmounted" && m.was != nil:
		out.Change.Verb, out.After = wire.VerbUpdate, m.describe(m.was, false)
	}
}

func (m *Mount) describe(line []string, now bool) map[string]any {
	out := action.Texts("mount", m.Path, "source", line[0], "type", line[2], "options", line[tabOptions])
	out["mounted"] = now
	return out
}

// line is what /etc/fstab is to say.
func (m *Mount) line() []string {
	count := func(n *float64) string {
		if n == nil {
			return "0"
		}
		return strconv.Itoa(int(*n))
	}
	return []string{m.Source, m.Path, m.Type, m.Options, count(m.Dump), count(m.Pass)}
}

// fieldsOf takes apart a line of /etc/fstab; nil: it is none of a mount.
func fieldsOf(text string) []string {
	fields := strings.Fields(text)
	if len(fields) < tabOptions || strings.HasPrefix(fields[0], "#") {
		return nil
	}
	for i, f := range fields {
		fields[i] = disk.Unescape(f)
	}
	defaults := []string{"", "", "", "defaults", "0", "0"}
	return append(fields, defaults[min(len(fields), tabFields):]...)
}

// about tells whether a line of the table is that of the path.
func (m *Mount) about(fields []string) bool {
	return fields != nil && path.Clean(fields[tabPath]) == m.Path
}

// edit sets or removes the path's line.
func (m *Mount) edit(old []byte) ([]byte, error) {
	if old == nil && m.off() {
		return nil, nil
	}
	want, line := m.line(), ""
	if !m.off() {
		line = strings.Join(want, "\n")
		for _, c := range [...]string{`\\134`, ` \040`, "\t\\011", "\n "} { // the last one puts them apart
			line = strings.ReplaceAll(line, c[:1], c[1:])
		}
	}
	return action.KeepLine(old, line, func(text string) (mine, good bool) {
		fields := fieldsOf(text)
		if !m.about(fields) {
			return false, false
		}
		fields[tabPath] = m.Path
		return true, slices.Equal(fields[:tabFields], want)
	}), nil
}
