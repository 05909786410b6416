package files

import (
	"context"
	"encoding/base64"
	"io"
	"time"
	"unicode/utf8"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// looking is an action that looks at what is at a path and changes nothing.
type looking struct {
	Path string `cbor:"path"`
}

// Act is not called: there is nothing to do.
func (*looking) Act(_ context.Context, _ *action.Env, found action.Outcome) (action.Outcome, error) {
	return found, nil
}

// look finds the place, and the values of the result by it. In a preview they are not known if an earlier task may change
// what is at the path or below it. An error of finding the place is given on.
func (l *looking) look(env *action.Env, find func(at string) (*view.Place, error), values func(p *view.Place, err error) (map[string]any, error)) (action.Outcome, error) {
	out := action.Change(wire.VerbRead, nil, action.Blindly(l.Path), env.Unknown...)
	if len(env.Unknown) > 0 {
		return out, nil
	}
	p, err := find(l.Path)
	if err == nil {
		defer p.Close()
	}
	if env.View.Disturbed() || action.IsUnknown(err) || err == nil && p.Entry != nil && env.View.Changes(p.Path) {
		out.Change.Unknown = []string{"result"}
		return out, nil
	}
	found, err := values(p, err)
	if err != nil {
		return out, action.Cannot("look at", l.Path, err)
	}
	found["path"] = l.Path
	out.Values = found
	return out, nil
}

// there tells whether what is at a place is of a kind.
func (l *looking) there(what string, p *view.Place, err error, kind disk.Kind) error {
	switch {
	case action.Gone(err) || err == nil && p.Entry == nil:
		return action.Problem("Ask task \"stat\" whether it is there, or make it with a task before this one.", "cannot %s %s: it does not exist", what, l.Path)
	case err == nil && p.Entry.Kind != kind:
		return action.Problem("Choose another path.", "cannot %s %s: it is %s", what, l.Path, p.Entry.Kind)
	}
	return err
}

// Stat is the action of that name.
type Stat struct {
	looking
	Follow bool `cbor:"follow"`
	SHA256 bool `cbor:"sha256"`
}

// Look describes what is there.
func (s *Stat) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	see := func(at string) (*view.Place, error) { return env.View.See(at, s.Follow) }
	return s.look(env, see, func(p *view.Place, err error) (map[string]any, error) {
		out := map[string]any{"exists": false}
		if action.Gone(err) || err == nil && p.Entry == nil {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = described(env, s.Path, p.Entry)
		out["exists"] = true
		if s.SHA256 && p.Entry.Kind == disk.Regular {
			content, err := p.Read(ctx, 0)
			if err != nil {
				return nil, err
			}
			out["sha256"] = content.SHA256
		}
		return out, nil
	})
}

// described is what stat and find say of an entry.
func described(env *action.Env, at string, e *view.Entry) map[string]any {
	out := action.Attributes(env, at, *e)
	out["type"] = typeOf(e.Kind)
	out["size"], out["uid"], out["gid"], out["links"] = e.Size, e.UID, e.GID, e.Links
	out["modified"] = time.Unix(0, e.Modified).UTC().Format(time.RFC3339)
	if e.Kind == disk.Link {
		out["target"] = e.Target
	}
	return out
}

func typeOf(k disk.Kind) string {
	return []string{"", "file", "directory", "symlink", "pipe", "socket", "char_device", "block_device"}[k]
}

// MostRead is the size of a file that can be read as a result, in bytes.
const MostRead = 1 << 20

// Read is the action of that name.
type Read struct{ looking }

// Look reads the file.
func (r *Read) Look(_ context.Context, env *action.Env) (action.Outcome, error) {
	return r.look(env, env.View.Follow, func(p *view.Place, err error) (map[string]any, error) {
		if err := r.there("read", p, err, disk.Regular); err != nil {
			return nil, err
		}
		file, _, err := p.Dir.Read(p.Name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		// The size that a file of /proc says it has means nothing.
		data, err := io.ReadAll(io.LimitReader(file, MostRead+1))
		if err != nil {
			return nil, err
		}
		if len(data) > MostRead {
			return nil, action.Problem("Let a program read the part of it that is needed, or copy it with runner cp.", "cannot read %s: it has more than %d bytes", r.Path, MostRead)
		}
		out := map[string]any{"size": len(data)}
		if utf8.Valid(data) {
			out["content"] = string(data)
		} else {
			out["base64"] = base64.StdEncoding.EncodeToString(data)
		}
		return out, nil
	})
}
