package sources

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/process"
)

// An archive's limits: more entries, or longer names, are an error.
const (
	mostEntries = 100_000
	longestName = 4096
)

// entry is what is to be at a path below the destination.
type entry struct {
	member
	ordinal int // of the member in the archive; -1: no member says this, other entries lie in it
	digest  [sha256.Size]byte
	hard    *entry // what it is one more name of
	differs bool   // from what is there
}

func (e *entry) isDirectory() bool { return e.kind == disk.Directory }

// tooMuch begins what is said of an archive that is whole, and for which there is no room.
const tooMuch = "it holds more than "

// flaw is what is wrong with an archive.
type flaw string

func (f flaw) Error() string { return string(f) }

// archive is an archive that can be read again and again.
type archive struct {
	io.ReaderAt
	size  int64
	form  string // what packed it
	files []*os.File
}

// use has the archive be what is in a file, which is closed with it.
func (a *archive) use(file *os.File) {
	a.ReaderAt = file
	a.files = append(a.files, file)
}

func (a *archive) close() {
	for _, file := range a.files {
		_ = file.Close() // nothing was written that anybody reads
	}
	a.files = nil
}

// magic is how archives begin: pairs of what packed them and their first bytes.
const magic = "zip PK\x03\x04\nzip PK\x05\x06\ngzip \x1f\x8b\nbzip2 BZh\nxz \xfd7zXZ\x00\nzstd \x28\xb5\x2f\xfd"

// recognise finds out what packed an archive. What only the target's programs can unpack is unpacked into a file without a name.
func (a *archive) recognise(ctx context.Context, env *action.Env) error {
	head := make([]byte, 512)
	if n, err := a.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	} else if n == 0 {
		return flaw("it is empty")
	}
	for known := range strings.SplitSeq(magic, "\n") {
		if form, begins, _ := strings.Cut(known, " "); strings.HasPrefix(string(head), begins) {
			a.form = form
		}
	}
	switch a.form {
	case "":
		if !isTar(head) && !bytes.Equal(head, make([]byte, len(head))) {
			return flaw("it is no tar archive and no zip archive, nor one that is packed with gzip, bzip2, xz or zstd")
		}
	case "bzip2", "xz", "zstd":
		scratch, err := disk.Scratch(0, temporary()...)
		if err != nil {
			return err
		}
		packed := io.NewSectionReader(a.ReaderAt, 0, a.size)
		a.use(scratch)
		_, free := disk.Room(scratch.Name())
		if err = pipe(ctx, env, scratch, free/2, process.Command{Argv: []string{a.form, "-dc"}, Stdin: packed}); err == nil {
			a.size, err = scratch.Seek(0, io.SeekCurrent)
		}
		return err
	}
	return nil
}

// read gives the entries one after the other.
func (a *archive) read(ctx context.Context, each func(m member, content io.Reader) error) error {
	all := func(m member, content io.Reader) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return each(m, content)
	}
	section := io.NewSectionReader(a.ReaderAt, 0, a.size)
	switch a.form {
	case "zip":
		return readZip(a.ReaderAt, a.size, all)
	case "gzip":
		return readTar(newGunzipper(section), all)
	}
	return readTar(section, all)
}

// selection says which entries of an archive are wanted, and as what.
type selection struct {
	Strip   float64  `cbor:"strip"`
	Include []string `cbor:"include"`
	Exclude []string `cbor:"exclude"`
}

// name is where an entry goes below the destination, "" for one that is not wanted. The error says why it cannot be taken.
func (s *selection) name(said string) (string, error) {
	if len(said) > longestName || strings.ContainsRune(said, 0) || strings.HasPrefix(said, "/") {
		return "", flaw("has a name that is absolute, or no name")
	}
	var parts []string
	for part := range strings.SplitSeq(said, "/") {
		switch part {
		case "", ".":
		case "..":
			return "", flaw("leads out of the directory")
		default:
			parts = append(parts, part)
		}
	}
	parts = parts[min(len(parts), int(s.Strip)):]
	if len(parts) == 0 || len(s.Include) > 0 && !matches(s.Include, parts) || matches(s.Exclude, parts) {
		return "", nil
	}
	return strings.Join(parts, "/"), nil
}

// matches tells whether one of some patterns is for a path: one with a slash for the whole of it or of a directory on its way, one
// without for any of its names.
func matches(patterns, parts []string) bool {
	for _, pattern := range patterns {
		whole := ""
		for _, part := range parts {
			whole = path.Join(whole, part)
			try := part
			if strings.Contains(pattern, "/") {
				try = whole
			}
			if ok, _ := path.Match(strings.Trim(pattern, "/"), try); ok {
				return true
			}
		}
	}
	return false
}

// list reads an archive to its end and returns what is wanted of it, directories before what is in them. An entry that no archive
// should have is an error: then nothing is taken. most is how many bytes there may be in all.
func (a *archive) list(ctx context.Context, s *selection, most int64) ([]*entry, error) {
	entries := map[string]*entry{}
	ordinal, total, deepest := 0, int64(0), ""
	err := a.read(ctx, func(m member, content io.Reader) error {
		e := &entry{member: m, ordinal: ordinal}
		ordinal++
		if strings.Count(m.name, "/") > strings.Count(deepest, "/") || deepest == "" {
			deepest = m.name
		}
		name, err := s.name(m.name)
		if err != nil || name == "" {
			return wrongEntry(m.name, err)
		}
		e.name = name
		if total += m.size; total > most || len(entries) >= mostEntries {
			return fmt.Errorf(tooMuch+"the file system (%d bytes), or more than %d entries", most, mostEntries)
		}
		if err := e.check(s); err != nil {
			return wrongEntry(m.name, err)
		}
		if e.kind == disk.Regular && e.link == "" {
			digest := sha256.New()
			if n, err := io.Copy(digest, content); err != nil || n != m.size {
				return wrongEntry(m.name, fmt.Errorf("cannot be read: %w", cmpErr(err, errDamaged)))
			}
			digest.Sum(e.digest[:0])
		}
		if was := entries[name]; was != nil && was.kind != e.kind {
			return wrongEntry(m.name, flaw("is there twice, as different things"))
		}
		entries[name] = e
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, flaw(err.Error())
	case len(entries) == 0 && s.Strip > 0 && deepest != "":
		return nil, action.Problem("Correct strip, and include and exclude if they are set, which are for what strip leaves.",
			"cannot unpack: with strip = %d nothing of the archive is left, whose deepest name is %.200q", int(s.Strip), deepest)
	}
	return arrange(entries)
}

// arrange puts entries in order, with the directories that no entry says, and refuses those that contradict each other.
func arrange(entries map[string]*entry) ([]*entry, error) {
	byName := func(a, b *entry) int { return strings.Compare(a.name, b.name) }
	out := slices.SortedFunc(maps.Values(entries), byName) // the first one that is wrong is named, every time
	for _, e := range out {
		for dir := path.Dir(e.name); dir != "."; dir = path.Dir(dir) {
			if entries[dir] == nil {
				entries[dir] = &entry{member: member{name: dir, kind: disk.Directory}, ordinal: -1}
				out = append(out, entries[dir])
			}
			if entries[dir].kind != disk.Directory {
				return nil, wrongEntry(e.name, flaw("lies behind "+dir+", which is no directory"))
			}
		}
		for steps := 0; e.kind == disk.Regular && e.link != ""; steps++ {
			of := entries[cmp.Or(e.hard, e).link]
			if e.hard = of; of == nil || of.kind != disk.Regular || steps > 100 {
				return nil, wrongEntry(e.name, flaw("is one more name of an entry that is not there: "+e.link))
			}
			if of.link == "" {
				e.perm = of.perm
				break
			}
		}
	}
	slices.SortFunc(out, byName)
	return out, nil
}

// wrongEntry names the entry that an error is about.
func wrongEntry(name string, err error) error {
	if err == nil {
		return nil
	}
	return flaw(fmt.Sprintf(ofEntry+"%.200q %v", name, err))
}

// ofEntry begins what is wrong with one entry only.
const ofEntry = "its entry "

// check refuses entries that are dangerous: whoever made the archive may not be who unpacks it.
func (e *entry) check(s *selection) error {
	switch {
	case e.kind != disk.Regular && e.kind != disk.Directory && e.kind != disk.Link:
		return flaw("is neither a file, a directory nor a link")
	case e.perm&0o7000 != 0 && e.kind == disk.Regular:
		return flaw("is setuid, setgid or sticky")
	case e.kind == disk.Link && !inside(path.Dir(e.name), e.link):
		return flaw("is a link that leads out of the directory, or may do so: " + e.link)
	case e.kind == disk.Regular && e.link != "":
		var err error
		if e.link, err = s.name(e.link); err != nil || e.link == "" {
			return flaw("is one more name of an entry that is not there")
		}
	}
	e.perm &= 0o777
	return nil
}

// inside tells whether a link in a directory surely stays below the destination: by steps up, then by names. Steps up behind a name
// may start from somewhere else, for it may be another link.
func inside(dir, link string) bool {
	depth := 0
	if dir != "." {
		depth = strings.Count(dir, "/") + 1
	}
	down := false
	for part := range strings.SplitSeq(link, "/") {
		switch {
		case part == "." || part == "" && link[0] != '/':
		case part == ".." && !down && depth > 0:
			depth--
		case part == ".." || part == "":
			return false
		default:
			down = true
		}
	}
	return link != ""
}
