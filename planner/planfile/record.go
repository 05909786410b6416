package planfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"runner/lang/source"
)

// Recorder are files that note what is read of them. It is safe for concurrent use.
type Recorder struct {
	files source.Files
	dir   string // the working directory

	mu      sync.Mutex // guards what follows
	nodes   map[string]Node
	opened  map[string]bool
	kept    map[string]bool // will be opened
	known   map[string]Digest
	changed string // a file that was another one when it was looked at again
}

// NewRecorder returns files that note what is read of others; relative names are noted as those in a directory.
func NewRecorder(files source.Files, dir string) *Recorder {
	return &Recorder{files: files, dir: dir, nodes: map[string]Node{}, opened: map[string]bool{}, kept: map[string]bool{}, known: map[string]Digest{}}
}

// Open notes that the content of a file is needed.
func (r *Recorder) Open(name string) (fs.File, error) {
	f, err := r.files.Open(name)
	r.mu.Lock()
	r.opened[source.Within(r.dir, name)] = true
	r.mu.Unlock()
	if err != nil {
		r.note(name, nil, err)
		return nil, err
	}
	info, err := f.Stat()
	r.note(name, info, err)
	return f, nil
}

// Stat notes what a file is.
func (r *Recorder) Stat(name string) (fs.FileInfo, error) {
	info, err := r.files.Stat(name)
	r.note(name, info, err)
	return info, err
}

// Keep notes that the content of a file will be needed, although it is not read yet.
func (r *Recorder) Keep(name string) {
	if _, err := r.Stat(name); err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.kept[source.Within(r.dir, name)] = true
	}
}

// Know notes the digest of the content of a file, which counts as read.
func (r *Recorder) Know(name string, digest [sha256.Size]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name = source.Within(r.dir, name)
	r.opened[name], r.known[name] = true, Digest(digest)
}

func (r *Recorder) note(name string, info fs.FileInfo, err error) {
	name = source.Within(r.dir, name)
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.nodes[name]
	switch {
	case err == nil && n.Looked:
		changed := n.Size != info.Size() || n.Size > 0 && info.Mode().IsRegular() && !n.Modified.Equal(info.ModTime())
		if changed && r.changed == "" {
			r.changed = name
		}
		return
	case err == nil:
		n.Refused = false
		n.Mode, n.Size, n.Modified, n.Missing, n.Looked = uint32(info.Mode()), info.Size(), info.ModTime().UTC(), false, true
	case !n.Looked:
		n.Missing = errors.Is(err, fs.ErrNotExist)
		n.Refused = !n.Missing
	}
	r.nodes[name] = n
}

// ReadDir notes what a directory holds.
func (r *Recorder) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := r.files.ReadDir(name)
	if err != nil {
		r.note(name, nil, err)
		return entries, err
	}
	info, err := r.files.Stat(name)
	r.note(name, info, err)
	names := make([]Name, len(entries))
	for i, e := range entries {
		names[i] = Name{e.Name(), uint32(e.Type())}
	}
	name = source.Within(r.dir, name)
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.nodes[name]
	n.Names, n.Listed = names, true
	r.nodes[name] = n
	return entries, nil
}

// Readlink notes what a link says.
func (r *Recorder) Readlink(name string) (string, error) {
	linker, ok := r.files.(source.Linker)
	if !ok {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: errors.ErrUnsupported}
	}
	target, err := linker.Readlink(name)
	if err != nil {
		r.note(name, nil, err)
		return "", err
	}
	name = source.Within(r.dir, name)
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.nodes[name]
	if n.Target != "" && n.Target != target && r.changed == "" {
		r.changed = name
	}
	n.Target = target
	r.nodes[name] = n
	return target, nil
}

// Record returns what was read so far, with the contents of the files that were opened. A *ChangedError tells that one is
// not any more what it was.
func (r *Recorder) Record() (map[string]Node, Blobs, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed != "" {
		return nil, nil, &ChangedError{Name: r.changed}
	}
	blobs := Blobs{}
	all := maps.Clone(r.opened)
	maps.Copy(all, r.kept)
	for name := range all {
		n := r.nodes[name]
		if !n.Looked || !fs.FileMode(n.Mode).IsRegular() {
			continue
		}
		content, err := r.content(name, n)
		if err != nil {
			return nil, nil, err
		}
		n.Digest, n.Read = blobs.Put(content), true
		r.nodes[name] = n
	}
	return r.nodes, blobs, nil
}

// Nodes returns what was read so far, with the digests of the files that were opened. A *ChangedError tells that one is not
// any more what it was.
func (r *Recorder) Nodes() (map[string]Node, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed != "" {
		return nil, &ChangedError{Name: r.changed}
	}
	out := maps.Clone(r.nodes)
	for name := range r.opened {
		n := out[name]
		if !n.Looked || !fs.FileMode(n.Mode).IsRegular() {
			continue
		}
		var err error
		if n.Digest, err = r.digest(name, n); err != nil {
			return nil, err
		}
		n.Read = true
		out[name] = n
	}
	return out, nil
}

// digest is that of a file that still is what was noted.
func (r *Recorder) digest(name string, n Node) (Digest, error) {
	if digest, ok := r.known[name]; ok {
		info, err := r.files.Stat(name)
		if err != nil || n.changed(info) {
			return Digest{}, &ChangedError{Name: name}
		}
		return digest, nil
	}
	sum := sha256.New()
	err := r.read(name, n, sum)
	return Digest(sum.Sum(nil)), err
}

func (r *Recorder) content(name string, n Node) ([]byte, error) {
	if n.Size > MaxBlob {
		return nil, &TooLargeError{What: name, Size: n.Size, Most: MaxBlob}
	}
	var content bytes.Buffer
	err := r.read(name, n, &content)
	return content.Bytes(), err
}

// read reads a file that still is what was noted.
func (r *Recorder) read(name string, n Node, to io.Writer) error {
	f, err := r.files.Open(name)
	if err != nil {
		return &ChangedError{Name: name}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || n.changed(info) {
		return &ChangedError{Name: name}
	}
	if _, err := io.Copy(to, io.LimitReader(f, max(n.Size, MaxBlob)+1)); err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	return nil
}

// changed says whether a file is not any more what was noted.
func (n Node) changed(info fs.FileInfo) bool {
	return info.Size() != n.Size || n.Size > 0 && !info.ModTime().Equal(n.Modified)
}

// Same says whether a file or directory is still what it was when it was noted; "" if so, else in which way it differs. Times
// count only for files whose content was not looked at.
func (n Node) Same(files source.Files, name string) (difference string, err error) {
	now := NewRecorder(files, "/")
	if n.Listed {
		_, _ = now.ReadDir(name) // the node says it
	} else {
		_, _ = now.Stat(name)
	}
	if n.Read {
		now.opened[name] = true
	}
	if n.Target != "" {
		_, _ = now.Readlink(name)
	}
	nodes, err := now.Nodes()
	is := nodes[name]
	switch {
	case err != nil:
		return "", err
	case is.Missing && !n.Missing:
		return "is gone", nil
	case n.Missing && !is.Missing:
		return "was not there", nil
	case is.Refused && !n.Refused:
		return "cannot be read", nil
	case n.Read && n.Digest != is.Digest, n.Target != is.Target, n.Looked && fs.FileMode(n.Mode).Type() != fs.FileMode(is.Mode).Type():
		return "has changed", nil
	case n.Listed && !slices.Equal(entries(n.Names), entries(is.Names)):
		return "has other entries", nil
	case n.Looked && !n.Read && fs.FileMode(n.Mode).IsRegular() && (n.Size != is.Size || !n.Modified.Equal(is.Modified)):
		return "was written to", nil
	}
	return "", nil
}

// entries are the names of a directory that count: of one with files of the language only those, for the others are in it by
// chance.
func entries(names []Name) []Name {
	language := slices.DeleteFunc(slices.Clone(names), func(n Name) bool {
		return !strings.HasSuffix(n.Name, ".hcl") && !strings.HasSuffix(n.Name, ".hcl.json")
	})
	if len(language) > 0 {
		return language
	}
	return names
}

// Replay are the files that a plan file has kept.
type Replay struct {
	reader *Reader
	given  map[string][]byte // contents that are not in the file's open part
}

// Files returns what the file has kept of the files of the controller, with the contents that it withholds.
func (r *Reader) Files(withheld map[string][]byte) *Replay { return &Replay{r, withheld} }

func (r *Replay) node(op, name string) (Node, error) {
	n, ok := r.reader.File.Site.Nodes[source.Within(r.reader.File.Site.Dir, name)]
	switch {
	case !ok:
		return n, &fs.PathError{Op: op, Path: name, Err: ErrNotKept}
	case n.Missing:
		return n, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	case n.Refused:
		return n, &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
	}
	return n, nil
}

// Open opens a file that was read when the plan was made.
func (r *Replay) Open(name string) (fs.File, error) {
	n, err := r.node("open", name)
	if err != nil {
		return nil, err
	}
	out := &file{info: info{filepath.Base(name), n}}
	switch content, ok := r.given[source.Within(r.reader.File.Site.Dir, name)]; {
	case ok, !out.Mode().IsRegular():
		out.ReadCloser = io.NopCloser(bytes.NewReader(content))
		return out, nil
	case !n.Read:
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrNotKept}
	}
	if out.ReadCloser, err = r.reader.Blob(n.Digest); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return out, nil
}

// Stat says what a file was when the plan was made.
func (r *Replay) Stat(name string) (fs.FileInfo, error) {
	n, err := r.node("stat", name)
	if err != nil {
		return nil, err
	}
	return info{filepath.Base(name), n}, nil
}

// Readlink says what a link said when the plan was made.
func (r *Replay) Readlink(name string) (string, error) {
	n, err := r.node("readlink", name)
	if err == nil && n.Target == "" {
		err = &fs.PathError{Op: "readlink", Path: name, Err: ErrNotKept}
	}
	return n.Target, err
}

// ReadDir lists a directory as it was when the plan was made.
func (r *Replay) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := r.node("open", name)
	switch {
	case err != nil:
		return nil, err
	case !n.Listed:
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrNotKept}
	}
	out := make([]fs.DirEntry, len(n.Names))
	for i, e := range n.Names {
		out[i] = entry{e, filepath.Join(name, e.Name), r}
	}
	return out, nil
}

// info is what is known of a file.
type info struct {
	name string
	node Node
}

// Name and the other methods are those of fs.FileInfo.
func (i info) Name() string { return i.name }

// Size is in bytes.
func (i info) Size() int64 { return i.node.Size }

// Mode is that of the file when the plan was made.
func (i info) Mode() fs.FileMode { return fs.FileMode(i.node.Mode) }

// ModTime is that of the file when the plan was made.
func (i info) ModTime() time.Time { return i.node.Modified }

// IsDir says whether it was a directory.
func (i info) IsDir() bool { return i.Mode().IsDir() }

// Sys is nil: the file is not on a disk.
func (i info) Sys() any { return nil }

// entry is one of a directory.
type entry struct {
	name  Name
	path  string
	files *Replay
}

// Name and the other methods are those of fs.DirEntry.
func (e entry) Name() string { return e.name.Name }

// IsDir says whether it was a directory.
func (e entry) IsDir() bool { return e.Type().IsDir() }

// Type is the kind of what was there.
func (e entry) Type() fs.FileMode { return fs.FileMode(e.name.Type) }

// Info is what is known of it, if it was looked at.
func (e entry) Info() (fs.FileInfo, error) { return e.files.Stat(e.path) }

// file is an open file.
type file struct {
	info
	io.ReadCloser
}

// Stat implements fs.File.
func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
