// Package trees describes the trees on the controller that tasks send: what is in them, with digests. Its neighbours are
// lang/source, through which it reads, agent/manifest, in whose words it describes, and planner, which puts that into calls.
package trees

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"runner/agent/disk"
	"runner/agent/manifest"
	"runner/agent/wire"
	"runner/lang/source"
	"runner/planner/digests"
	"runner/planner/plan"
)

// Trees are those that tasks have named, by what tells them apart. The zero value has none. It is safe for concurrent use.
type Trees struct {
	Digests *digests.Cache // of files; nil: each is read

	mu  sync.Mutex // guards what follows
	all map[string]*Tree
}

// Of returns a tree: what a filter leaves of what is at a root. Links says what becomes of links, as in source.Tree. With anew all of it is read,
// whatever is known of earlier runs.
func (t *Trees) Of(root, links string, filter manifest.Filter, anew bool) *Tree {
	key := fmt.Sprintf("%q %q %q %q %v", root, links, filter.Exclude, filter.Include, anew)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[string]*Tree{}
	}
	s := t.all[key]
	if s == nil {
		s = &Tree{root: root, links: links, filter: filter}
		if !anew {
			s.digests = t.Digests
		}
		s.change.L = &s.mu
		t.all[key] = s
	}
	return s
}

// Tree is a tree on the controller. Many hosts may ask for it at a time: one goes through it for all that wait.
type Tree struct {
	root, links string
	filter      manifest.Filter
	digests     *digests.Cache

	mu           sync.Mutex // guards what follows
	change       sync.Cond
	begun, ended int // walks
	running      bool
	last         *Description
	err          error
}

// Description is what a tree was when somebody went through it. It is not changed.
type Description struct {
	Encoded []byte      // see agent/manifest
	SHA256  string      // of that, hexadecimal
	Files   []plan.File // in order; never nil
	Content []byte      // of all files; nil: too much for a call

	found   []source.Found
	digests map[string][sha256.Size]byte // of files, by their paths
}

// Now returns what the tree is, as found by a walk that began after the call.
func (s *Tree) Now(files source.Files) (*Description, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for want := s.begun + 1; s.ended < want; {
		if s.running {
			s.change.Wait()
			continue
		}
		s.running = true
		s.begun++
		last := s.last
		s.mu.Unlock()
		d, err := s.describe(files, last)
		s.mu.Lock()
		s.running, s.ended, s.err = false, s.begun, err
		if err == nil {
			s.last = d
		}
		s.change.Broadcast()
	}
	return s.last, s.err
}

// describe goes through the tree. What has not been written to since the last time is not read again.
func (s *Tree) describe(files source.Files, last *Description) (*Description, error) {
	d := &Description{digests: map[string][sha256.Size]byte{}, Files: []plan.File{}}
	t := source.Tree{Root: s.root, Links: s.links, Excludes: s.filter.Excludes, Visit: func(f source.Found) error {
		d.found = append(d.found, f)
		return nil
	}}
	if err := t.Walk(files); err != nil {
		return nil, err
	}
	if last != nil && slices.EqualFunc(d.found, last.found, unchanged) {
		return last, nil
	}
	if last != nil {
		d.reuse(last)
	}
	if err := d.read(files, s.digests); err != nil {
		return nil, err
	}
	d.encode()
	return d, nil
}

func unchanged(a, b source.Found) bool {
	return a.Name == b.Name && a.Target == b.Target && (a.Info == nil) == (b.Info == nil) &&
		(a.Info == nil || a.Info.Mode() == b.Info.Mode() && (a.Info.IsDir() || Same(a.Info, b.Info)))
}

// Same says whether a file is what it was.
func Same(was, is fs.FileInfo) bool {
	return was.Size() == is.Size() && was.ModTime().Equal(is.ModTime()) && (is.Sys() == nil || os.SameFile(was, is))
}

// reuse takes over what is still known.
func (d *Description) reuse(last *Description) {
	was := make(map[string]fs.FileInfo, len(last.found))
	for _, f := range last.found {
		was[f.Path] = f.Info
	}
	for _, f := range d.found {
		if info := was[f.Path]; isFile(f) && info != nil && info.Mode().IsRegular() && Same(info, f.Info) {
			d.digests[f.Path] = last.digests[f.Path]
		}
	}
}

func isFile(f source.Found) bool { return f.Info != nil && f.Info.Mode().IsRegular() }

// read finds out the digests that are not known, several at a time, and reads files for that unless they are known of earlier runs; it reads all of
// them, where the content is to ride along.
func (d *Description) read(files source.Files, known *digests.Cache) error {
	total := int64(0)
	var read []source.Found
	for _, f := range d.found {
		if !isFile(f) {
			continue
		}
		d.Files = append(d.Files, plan.File{Name: f.Name, Size: f.Info.Size()})
		if total += f.Info.Size(); f.Info.Size() == 0 {
			d.digests[f.Path] = sha256.Sum256(nil)
		} else if _, known := d.digests[f.Path]; !known {
			read = append(read, f)
		}
	}
	if total <= wire.MaxInline {
		return d.readAll(files)
	}
	var (
		mu    sync.Mutex // guards what follows, and digests
		next  int
		wrong error
		all   sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			buf := make([]byte, 128<<10)
			for {
				mu.Lock()
				if next == len(read) || wrong != nil {
					mu.Unlock()
					return
				}
				f := read[next]
				next++
				mu.Unlock()
				digest, err := digestOf(files, known, f, buf)
				mu.Lock()
				if err != nil && wrong == nil {
					wrong = err
				}
				d.digests[f.Path] = digest
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return wrong
}

// readAll keeps all contents.
func (d *Description) readAll(files source.Files) error {
	d.Content = []byte{}
	for _, f := range d.found {
		if !isFile(f) || f.Info.Size() == 0 {
			continue
		}
		data, err := source.Read(files, f.Name, f.Info.Size())
		if err == nil && int64(len(data)) != f.Info.Size() {
			err = fmt.Errorf("%s was changed while it was read", f.Name)
		}
		if err != nil {
			return err
		}
		d.digests[f.Path] = sha256.Sum256(data)
		d.Content = append(d.Content, data...)
	}
	return nil
}

func digestOf(files source.Files, known *digests.Cache, f source.Found, buf []byte) ([sha256.Size]byte, error) {
	if f.Info.Sys() == nil { // it is not the disk's
		known = nil
	}
	digest, n, err := known.Of(f.Name, files.Open, buf)
	if err == nil && n != f.Info.Size() {
		err = fmt.Errorf("%s was changed while it was read", f.Name)
	}
	if knower, ok := files.(source.Knower); ok && err == nil {
		knower.Know(f.Name, digest)
	}
	return digest, err
}

// encode describes what was found.
func (d *Description) encode() {
	var w manifest.Writer
	depth := 0
	for i, f := range d.found {
		at := 0 // directories that it lies in
		if f.Path != "" {
			at = strings.Count(f.Path, "/") + 1
		}
		for ; depth > at; depth-- {
			w.Leave()
		}
		e := manifest.Entry{Kind: disk.Link, Target: f.Target}
		if i > 0 {
			e.Name = path.Base(f.Path)
		}
		if f.Info != nil {
			e.Kind, e.Perm, e.Modified = disk.Regular, uint32(f.Info.Mode().Perm()), f.Info.ModTime().UnixNano()
			if f.Info.IsDir() {
				e.Kind, e.Modified = disk.Directory, 0 // which changes with what is in it
				depth++
			} else {
				e.Size, e.Digest = f.Info.Size(), d.digests[f.Path]
			}
		}
		w.Add(e)
	}
	for ; depth > 0; depth-- {
		w.Leave()
	}
	d.Encoded = bytes.Clone(w.Bytes())
	sum := sha256.Sum256(d.Encoded)
	d.SHA256 = hex.EncodeToString(sum[:])
}
