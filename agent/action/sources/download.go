package sources

import (
	"context"
	"io"
	"os"
	"slices"

	"runner/agent/action"
	"runner/agent/action/files"
	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// Download is the action of that name: a file whose content a server gives.
type Download struct {
	files.File
	Request
	Force bool `cbor:"force"`

	fetched *os.File // what Look has fetched to compare it, for Act; nil: nothing
}

// Look compares the file with the digest that is wanted. Without one, a file that is there is taken for what is wanted, unless
// force has it compared with what the server gives now.
func (d *Download) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	d.From, d.SHA256, d.Size = d.deliver, d.Digest, -1
	why := "nothing is fetched before, and without sha256 only the server knows what will come"
	if d.Digest == "" && !env.IsUnknown("sha256") && d.there(env) {
		if !d.Force && !env.IsUnknown("force") {
			d.From = nil
		} else if len(env.Unknown) == 0 {
			err := d.compare(ctx, env)
			if why = doubt(env, err); err != nil && why == "" {
				return action.Outcome{}, action.Cannot("write", d.Path, err)
			}
		}
	}
	out, err := d.File.Look(ctx, env)
	if slices.Contains(out.Change.Unknown, "content") && len(env.Unknown) == 0 {
		out.Change.Why = why
	}
	if d.fetched != nil && (err != nil || env.Mode == wire.ModeLook || out.Change.Verb == wire.VerbNone) {
		_ = d.fetched.Close() // Act does not come
	}
	return out, err
}

func (d *Download) there(env *action.Env) bool {
	p, err := env.View.Find(d.Path)
	if err != nil {
		return false
	}
	defer p.Close()
	return p.Entry != nil && p.Entry.Kind == disk.Regular
}

// compare fetches what the server gives into a file without a name.
func (d *Download) compare(ctx context.Context, env *action.Env) error {
	scratch, err := disk.Scratch(0, temporary()...)
	if err != nil {
		return err
	}
	content, err := d.fetch(ctx, env, scratch)
	if err == nil {
		_, err = scratch.Seek(0, io.SeekStart)
	}
	if err == nil && content.Size <= wire.MaxInline { // so that there is a diff
		d.Content, err = io.ReadAll(scratch)
		d.From = nil
	}
	if err != nil || d.From == nil {
		_ = scratch.Close()
		return err
	}
	d.fetched, d.SHA256, d.Size = scratch, content.SHA256, content.Size
	return nil
}

// temporary are directories for what has no name and is gone soon.
func temporary() []string { return []string{"/var/tmp", os.TempDir()} }

// deliver writes the content to the new file.
func (d *Download) deliver(ctx context.Context, env *action.Env, to *os.File) (*view.Content, error) {
	if d.fetched == nil {
		return d.fetch(ctx, env, to)
	}
	defer d.fetched.Close()
	_, err := io.Copy(to, d.fetched)
	return &view.Content{Size: d.Size, SHA256: d.SHA256}, err
}
