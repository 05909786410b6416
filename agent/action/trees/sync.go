// Package trees holds the actions that carry whole trees: sync, from the controller to a target, and fetch, back. Both compare before
// anything is sent. Its neighbours are agent/manifest, which describes trees, and agent/transfer, which carries contents.
package trees

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/manifest"
	"runner/agent/view"
	"runner/agent/wire"
)

// Sync is the action of that name.
type Sync struct {
	action.Access        // of files; the owner and the group of everything
	Path          string `cbor:"path"`
	DirectoryMode string `cbor:"directory_mode"`
	Delete        bool   `cbor:"delete"`
	Times         bool   `cbor:"times"`
	Checksum      bool   `cbor:"checksum"`
	manifest.Filter
	Source   string      `cbor:"source"` // for people
	Links    string      `cbor:"links"`  // the controller has seen to it
	Tree     action.Data `cbor:"tree"`   // what is to be there
	TreeSize int         `cbor:"tree_size"`
	Digest   string      `cbor:"tree_sha256"` // for the plan, which compares the arguments
	Content  action.Data `cbor:"content"`     // of all files, if it is little; nil: it is asked for

	// What Look found, for Act.
	files, directories action.Wanted
	steps              []step
	count              counts
}

// counts are what becomes of a tree.
type counts struct {
	created, updated, removed int
	bytes                     int64 // of files whose content changes
}

// mostTree is how many bytes of a description are taken.
const mostTree = 128 << 20

// Look compares what is to be there with what is.
func (s *Sync) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	if err := s.take(env); err != nil {
		return action.Outcome{}, err
	}
	if s.Tree == nil || env.IsUnknown("path") || env.IsUnknown("delete") {
		env.View.Disturb()
		return action.Change(wire.VerbUpdate, nil, action.Blindly(s.Path), env.Unknown...), nil
	}
	p, err := s.find(env)
	if action.IsUnknown(err) {
		return action.Change(wire.VerbCreate, nil, action.Blindly(s.Path), "created"), nil
	}
	if err != nil {
		return action.Outcome{}, action.Cannot("write", s.Path, err)
	}
	defer p.Close()
	if s.files, err = s.Wanted(env); err != nil {
		return action.Outcome{}, action.Cannot("write", s.Path, err)
	}
	if s.directories, err = (action.Access{Mode: s.DirectoryMode, Owner: s.Owner, Group: s.Group}).Wanted(env); err != nil {
		return action.Outcome{}, action.Cannot("write", s.Path, err)
	}
	if s.directories.Unknown &^= view.Mode; env.IsUnknown("directory_mode") {
		s.directories.Unknown |= view.Mode
	}
	c := &comparing{Sync: s, ctx: ctx, env: env, in: manifest.NewReader(s.Tree), planned: env.View.Below(p.Path), fingerprint: sha256.New()}
	c.diffs.most = mostDiff
	if env.WholeDiff {
		c.diffs.most = wholeDiff
	}
	return c.look(p)
}

// take takes the description of the tree, wherever it is.
func (s *Sync) take(env *action.Env) error {
	if s.TreeSize == 0 {
		return nil
	}
	if s.TreeSize < 0 || s.TreeSize > mostTree {
		return fmt.Errorf("a description of %d bytes is too large", s.TreeSize)
	}
	s.Tree = make([]byte, s.TreeSize)
	_, err := io.ReadFull(env.Input(), s.Tree)
	return err
}

// isDirectory says whether the tree is one, and not a single file.
func (s *Sync) isDirectory() bool { return manifest.NewReader(s.Tree).Next().Kind == disk.Directory }

// find finds where the tree is to be. A link is followed if a directory is to be there.
func (s *Sync) find(env *action.Env) (*view.Place, error) {
	if !s.isDirectory() {
		return env.View.Find(s.Path)
	}
	p, err := env.View.Follow(s.Path)
	if err == nil && p.Entry == nil && p.Linked {
		p.Close()
		return nil, action.Problem("Remove the link, or make what it points to.", "cannot write %s: it is a symbolic link that leads to %s, where nothing is", s.Path, p.Path)
	}
	return p, err
}

// look compares, and words what it finds.
func (c *comparing) look(p *view.Place) (action.Outcome, error) {
	root := c.in.Next()
	err := c.entry(root, "", p)
	if err == nil {
		err = c.in.Err()
	}
	var unknown *view.UnknownError
	switch {
	case errors.As(err, &unknown):
		return action.Change(wire.VerbUpdate, nil, action.Blindly(c.Path), "action"), nil
	case err != nil:
		return action.Outcome{}, action.Cannot("write", c.Path, err)
	}
	c.steps = append(c.steps, c.late...)
	if len(c.steps) == 0 {
		return action.None(c.values()), nil
	}
	verb, before := wire.VerbUpdate, map[string]any{"path": c.Path}
	if p.Entry == nil {
		verb, before = wire.VerbCreate, nil
	}
	out := action.Change(verb, before, c.values())
	if out.Change.Unknown = c.unknown; len(c.unknown) == 0 {
		out.Values = c.values()
	}
	out.Change.Diff = c.listed() + c.diffs.String()
	out.Change.State = c.fingerprint.Sum(nil)[:16]
	return out, nil
}

func (s *Sync) values() map[string]any {
	return map[string]any{
		"path": s.Path, "created": int64(s.count.created), "updated": int64(s.count.updated), "removed": int64(s.count.removed), "bytes": s.count.bytes,
	}
}

// What is listed of a change, in lines, and in bytes of diffs.
const (
	mostListed, mostDiff   = 40, 64 << 10
	wholeListed, wholeDiff = 20_000, 1 << 20
)

// listed lists what becomes of the tree.
func (c *comparing) listed() string {
	most := mostListed
	if c.env.WholeDiff {
		most = wholeListed
	}
	var out strings.Builder
	for i := range c.steps {
		if i == most {
			fmt.Fprintf(&out, "\\ and %d more\n", len(c.steps)-most)
			break
		}
		out.WriteString(c.steps[i].String())
	}
	return out.String()
}
