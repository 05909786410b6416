package packages

import (
	"context"
	"encoding/base64"
	"os"
	"slices"
	"strconv"
	"strings"

	"runner/agent/action"
	"runner/agent/action/files"
	"runner/agent/disk"
	"runner/agent/wire"
)

// Repository is the action of that name.
type Repository struct {
	Name     string            `cbor:"name"`
	State    string            `cbor:"state"`
	Manager  string            `cbor:"manager"`
	Enabled  *bool             `cbor:"enabled"`
	SignedBy string            `cbor:"signed_by"`
	Options  map[string]string `cbor:"options"`
	Refresh  *bool             `cbor:"refresh"`

	// For apt.
	Types         []string `cbor:"types"`
	URIs          []string `cbor:"uris"`
	Suites        []string `cbor:"suites"`
	Components    []string `cbor:"components"`
	Architectures []string `cbor:"architectures"`

	// For the others.
	Description string   `cbor:"description"`
	BaseURL     []string `cbor:"baseurl"`
	MirrorList  string   `cbor:"mirrorlist"`
	MetaLink    string   `cbor:"metalink"`
	GPGKey      []string `cbor:"gpgkey"`
	GPGCheck    *bool    `cbor:"gpgcheck"`

	m     *manager
	parts []part
}

// part is one of the things of which a repository consists: a directory, a key, and the file that says where it is.
type part struct {
	does action.Action
	path string // of a file; "" of a directory
}

const armor = "-----BEGIN PGP"

// Look compares the repository's files with what they are to be.
func (r *Repository) Look(ctx context.Context, env *action.Env) (out action.Outcome, err error) {
	if len(env.Unknown) > 0 {
		env.View.Disturb()
		return action.Change(wire.VerbUpdate, nil, map[string]any{"name": r.Name}, env.Unknown...), nil
	}
	if r.m, err = find(env, r.Manager); err != nil {
		return out, err
	}
	if err := r.plan(); err != nil {
		return out, err
	}
	out = action.None(r.values())
	for _, p := range r.parts {
		found, err := p.does.Look(ctx, env)
		if err != nil {
			return out, err
		}
		if found.Change.Verb == wire.VerbNone {
			continue
		}
		if p.path == "" {
			if env.Mode == wire.ModeApply { // what is to be in it cannot be looked at before it is there
				return action.Change(wire.VerbCreate, nil, nil), nil
			}
			continue
		}
		out = join(out, found)
		out.Values = r.values()
	}
	return out, nil
}

// join makes one outcome of two. The file comes last, and what becomes of it counts.
func join(out, found action.Outcome) action.Outcome {
	diff := out.Change.Diff + found.Change.Diff
	if out.Change.Verb != wire.VerbNone && out.Change.Verb != found.Change.Verb {
		found.Change.Verb = wire.VerbUpdate
	}
	found.Change.Diff = diff
	found.Change.Unknown = append(out.Change.Unknown, found.Change.Unknown...)
	return found
}

// file is where the manager reads of the repository.
func (r *Repository) file() string { return r.m.repositories + "/" + r.Name + r.m.extension }

// plan says what the repository consists of.
func (r *Repository) plan() error {
	if r.m.repositories == "" {
		return action.Problem("Write what it reads by the action file.", "runner does not know how %s is told of repositories", r.m.name)
	}
	if r.State != "absent" && (r.m.name == "apt") != (len(r.URIs) > 0) {
		return action.Problem("apt takes uris and suites; dnf, yum and zypper take baseurl, mirrorlist or metalink.",
			"the target gets its packages by %s, for which the repository is not described", r.m.name)
	}
	keys, key := "/etc/pki/rpm-gpg", "/etc/pki/rpm-gpg/RPM-GPG-KEY-"+r.Name
	if r.m.name == "apt" {
		keys, key = "/etc/apt/keyrings", "/etc/apt/keyrings/"+r.Name+".asc"
	}
	content := []byte(r.SignedBy)
	by := r.SignedBy
	switch {
	case r.SignedBy == "", by[0] == '/':
		content = nil
	case strings.HasPrefix(by, armor):
		by = key
	default: // the checks have seen that it is that
		content, _ = base64.StdEncoding.DecodeString(by)
		if r.m.name == "apt" {
			key = strings.TrimSuffix(key, ".asc") + ".gpg"
		}
		by = key
	}
	if r.State == "absent" {
		r.parts = []part{one(r.file(), nil), one(key, nil)}
		if r.m.name == "apt" {
			r.parts = append(r.parts, one(strings.TrimSuffix(key, ".asc")+".gpg", nil))
		}
		return nil
	}
	r.parts = nil
	text := r.stanza(by)
	if r.m.name != "apt" {
		text = r.section(by)
	}
	if content != nil {
		r.parts = append(r.parts, part{does: &files.Directory{Path: keys}}, one(key, content))
	}
	r.parts = append(r.parts, one(r.file(), []byte(text)))
	return nil
}

// one is a file that all can read; without content there is none.
func one(path string, content []byte) part {
	f := &files.File{Path: path, Content: content, State: "absent"}
	if content != nil {
		f.State, f.Mode = "present", "0644"
	}
	return part{f, path}
}

// field is a line of a repository's file. Without values there is none.
type field struct {
	name   string
	values []string
}

// stanza is the file of apt, in the format of sources.list(5) that begins "Types:".
func (r *Repository) stanza(by string) string {
	types := r.Types
	if len(types) == 0 {
		types = []string{"deb"}
	}
	return r.lines(": ", " ", []field{
		{"Types", types},
		{"URIs", r.URIs},
		{"Suites", r.Suites},
		{"Components", r.Components},
		{"Architectures", r.Architectures},
		{"Signed-By", []string{by}},
		{"Enabled", yes(r.Enabled, false, "no")},
	})
}

// section is the file of dnf, yum and zypper.
func (r *Repository) section(by string) string {
	keys := r.GPGKey
	if by != "" {
		keys = append(slices.Clone(keys), "file://"+by)
	}
	name := r.Description
	if name == "" {
		name = r.Name
	}
	return "[" + r.Name + "]\n" + r.lines("=", "\n\t", []field{
		{"name", []string{name}},
		{"baseurl", r.BaseURL},
		{"mirrorlist", []string{r.MirrorList}},
		{"metalink", []string{r.MetaLink}},
		{"enabled", append(yes(r.Enabled, true, "1"), yes(r.Enabled, false, "0")...)},
		{"gpgcheck", append(yes(r.GPGCheck, true, "1"), yes(r.GPGCheck, false, "0")...)},
		{"gpgkey", keys},
	})
}

// yes is a text where a flag that is true unless given is something.
func yes(flag *bool, is bool, text string) []string {
	if (flag == nil || *flag) == is {
		return []string{text}
	}
	return nil
}

// lines is the text of fields and options. Values of a field have something between them.
func (r *Repository) lines(joint, between string, fields []field) string {
	var out, more []string
	for _, f := range fields {
		if value := strings.Join(f.values, between); value != "" {
			out = append(out, f.name+joint+value)
		}
	}
	for name, value := range r.Options {
		more = append(more, name+joint+value)
	}
	slices.Sort(more)
	return strings.Join(append(out, more...), "\n") + "\n"
}

// Act writes what differs, and has the manager read what there is in the repository. If it cannot, all is put back.
func (r *Repository) Act(ctx context.Context, env *action.Env, _ action.Outcome) (action.Outcome, error) {
	out := action.None(r.values())
	var undo []part
	back := func(err error) (action.Outcome, error) {
		for _, p := range slices.Backward(undo) {
			if found, again := p.does.Look(context.WithoutCancel(ctx), env); again == nil && found.Change.Verb != wire.VerbNone {
				_, _ = p.does.Act(context.WithoutCancel(ctx), env, found) // the first error counts
			}
		}
		return action.Outcome{}, err
	}
	for _, p := range r.parts {
		found, err := p.does.Look(ctx, env)
		if err != nil {
			return back(err)
		}
		if found.Change.Verb == wire.VerbNone {
			continue
		}
		if p.path != "" {
			undo = append(undo, before(env, p.path))
			out = join(out, found)
		}
		if _, err := p.does.Act(ctx, env, found); err != nil {
			return back(err)
		}
	}
	out.Values = r.values()
	if len(undo) == 0 || r.State == "absent" || r.Refresh != nil && !*r.Refresh || r.Enabled != nil && !*r.Enabled {
		return out, nil
	}
	if err := r.m.read(ctx, env, r.Name, r.file()); err != nil {
		return back(err)
	}
	return out, nil
}

// before is what puts a file back, or a link.
func before(env *action.Env, path string) part {
	p, err := env.View.Find(path)
	if err != nil {
		return one(path, nil)
	}
	defer p.Close()
	if p.Entry != nil && p.Entry.Kind == disk.Link {
		return part{&files.Symlink{Path: path, Target: p.Entry.Target, Over: true}, path}
	}
	was, err := os.ReadFile(path)
	if err != nil || p.Entry == nil {
		return one(path, nil)
	}
	number := func(n uint32, base int) string { return strconv.FormatUint(uint64(n), base) }
	access := action.Access{Mode: number(p.Entry.Perm, 8), Owner: number(p.Entry.UID, 10), Group: number(p.Entry.GID, 10)}
	return part{&files.File{Access: access, Path: path, Content: was}, path}
}

// read has the manager get the index of one repository. The age of the others stays what it is.
func (m *manager) read(ctx context.Context, env *action.Env, name, file string) error {
	at, _ := m.refreshed()
	argv := strings.Fields(m.one)
	for i := range argv {
		argv[i] = strings.Replace(strings.Replace(argv[i], "NAME", name, 1), "FILE", file, 1)
	}
	exit, err := run(ctx, env, argv, false)
	m.stamp(at)
	switch {
	case err != nil:
		return err
	case !m.ended(exit), line(said(exit), notAll) != "":
		return failure("read the repository "+name+", which is taken back", m.program, exit)
	}
	return nil
}

// values are the results.
func (r *Repository) values() map[string]any {
	return map[string]any{"path": r.file()}
}
