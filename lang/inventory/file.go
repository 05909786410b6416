package inventory

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/plain"
	"runner/lang/diag"
	"runner/lang/source"
)

// File is a text that an inventory is read from. It is used by one goroutine at a time.
type File struct {
	Name    string // as it is shown
	Text    string
	Private bool // it was encrypted: no line of it is shown, and no value is quoted

	bytes []byte // the text once more, as diagnostics take it; filled when there is one
	lines []int  // offsets at which lines start; filled when the first place is asked for
	last  struct {
		start, end int
		rng        hcl.Range
	} // what Range gave last: the hosts of one pattern ask for the same
}

// maxColumn bounds how far into a line places are told apart.
const maxColumn = 1000

// Place is a stretch of a file. The zero value is nowhere.
type Place struct {
	File       *File
	Start, End int // offsets in bytes
}

// At is the place of a stretch of the file.
func (f *File) At(start, end int) Place { return Place{File: f, Start: start, End: end} }

// Offset is that of a line and a column in characters, both from 1.
func (f *File) Offset(line, column int) int {
	f.index()
	if line < 1 || line > len(f.lines) {
		return len(f.Text)
	}
	offset := f.lines[line-1]
	column = min(column, maxColumn)
	for ; column > 1 && offset < len(f.Text); column-- {
		_, size := utf8.DecodeRuneInString(f.Text[offset:])
		offset += size
	}
	return offset
}

func (f *File) index() {
	if f.lines != nil {
		return
	}
	f.lines = append(make([]int, 0, 1+strings.Count(f.Text, "\n")), 0)
	for i := range len(f.Text) {
		if f.Text[i] == '\n' {
			f.lines = append(f.lines, i+1)
		}
	}
}

func (f *File) pos(offset int) hcl.Pos {
	f.index()
	offset = min(max(offset, 0), len(f.Text))
	line := sort.SearchInts(f.lines, offset+1) // one more than the last that starts at or before the offset
	return hcl.Pos{Line: line, Column: 1 + utf8.RuneCountInString(f.Text[f.lines[line-1]:offset]), Byte: offset}
}

// Range is the place as diagnostics give it.
func (p Place) Range() hcl.Range {
	if p.File == nil {
		return hcl.Range{}
	}
	last := &p.File.last
	if last.rng.Filename == "" || last.start != p.Start || last.end != p.End {
		last.start, last.end = p.Start, p.End
		last.rng = hcl.Range{Filename: p.File.Name, Start: p.File.pos(p.Start), End: p.File.pos(p.End)}
	}
	return last.rng
}

// Errorf makes an error about the place. It brings its source lines, unless they may hold a password.
func (p Place) Errorf(code diag.Code, summary, format string, args ...any) *hcl.Diagnostic {
	d := diag.Errorf(code, p.Range(), summary, format, args...)
	if p.File == nil {
		return d
	}
	return diag.With(d, func(e *diag.Extra) {
		if p.File.bytes == nil {
			p.File.bytes = []byte(p.File.Text)
		}
		e.Source = p.File.bytes
		e.HideSource = p.File.Private || p.secretive()
	})
}

// Warningf is Errorf for a warning.
func (p Place) Warningf(code diag.Code, summary, format string, args ...any) *hcl.Diagnostic {
	d := p.Errorf(code, summary, format, args...)
	d.Severity = hcl.DiagWarning
	return d
}

// secretive says whether a line of the place looks as if it held a password.
func (p Place) secretive() bool {
	from := strings.LastIndexByte(p.File.Text[:min(p.Start, len(p.File.Text))], '\n') + 1
	to := len(p.File.Text)
	if n := strings.IndexByte(p.File.Text[min(p.End, to):], '\n'); n >= 0 {
		to = min(p.End, to) + n
	}
	lines := strings.ToLower(p.File.Text[from:to])
	return strings.Contains(lines, "pass") || strings.Contains(lines, "secret") || strings.Contains(lines, "token")
}

// Reader reads files within the limits of one inventory.
type Reader struct {
	From source.Files

	files, bytes int
}

// Read reads a regular file. An error about the file as a whole has no range: it names the file.
func (r *Reader) Read(path string) (*File, *hcl.Diagnostic) {
	f, err := r.From.Open(path)
	if err != nil {
		return nil, Unreadable(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, Unreadable(path, err)
	}
	if info.IsDir() {
		return nil, Unreadable(path, syscall.EISDIR)
	}
	if !info.Mode().IsRegular() {
		return nil, diag.Errorf(diag.Unreadable, hcl.Range{}, "Inventory cannot be read", "%s is not a regular file.", path)
	}
	if info.Size() > MaxFile {
		return nil, tooLarge(path)
	}
	var text strings.Builder
	text.Grow(int(info.Size()))
	if _, err := io.Copy(&text, io.LimitReader(f, MaxFile+1)); err != nil { // it may have grown, or be one of /proc
		return nil, Unreadable(path, err)
	}
	r.files++
	r.bytes += text.Len()
	switch {
	case text.Len() > MaxFile:
		return nil, tooLarge(path)
	case r.files > MaxFiles:
		return nil, diag.Errorf(diag.TooLarge, hcl.Range{}, "Inventory too large", "The inventory has more than %d files.", MaxFiles)
	case r.bytes > MaxBytes:
		return nil, diag.Errorf(diag.TooLarge, hcl.Range{}, "Inventory too large", "The files of the inventory are larger than %d MiB together.", MaxBytes>>20)
	}
	return &File{Name: path, Text: text.String()}, nil
}

func tooLarge(path string) *hcl.Diagnostic {
	return diag.Errorf(diag.TooLarge, hcl.Range{}, "Inventory too large", "%s is larger than %d MiB. Split it into several files.", path, MaxFile>>20)
}

// Unreadable says why a file or directory of an inventory cannot be read.
func Unreadable(path string, err error) *hcl.Diagnostic {
	text := diag.Capital(plain.File(path, err)) + "."
	if errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(path) {
		text += " Relative paths start at the directory of the file that names them."
	}
	return diag.Errorf(diag.Unreadable, hcl.Range{}, "Inventory cannot be read", "%s", text)
}
