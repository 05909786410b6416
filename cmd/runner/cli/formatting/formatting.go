// Package formatting rewrites the files of sites in the canonical format, which lang/format knows: whole or not at all, and
// with the owner and mode that they had. Package cli, its neighbour, says how the command ends.
package formatting

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/plain"
	"runner/cmd/runner/cli/style"
	"runner/lang/diag"
	"runner/lang/format"
	"runner/lang/guard"
	"runner/lang/source"
	"runner/lang/syntax"
)

// Formatter is one `runner fmt`.
type Formatter struct {
	In          io.Reader
	Out         io.Writer // gets the names of files that change, and what else is asked for
	Color       bool      // of Out
	Check, Diff bool
	Complain    func(map[string]*hcl.File, hcl.Diagnostics) error // shows what is wrong with files, by their names

	files   map[string]*hcl.File // that errors are about
	failed  bool                 // something is wrong and was said
	changes bool                 // something is not in the canonical format
}

// Run formats what is to be found at the paths. It says whether that went well and, under Check, found nothing to change;
// the error is only ever the cause of ctx.
func (f *Formatter) Run(ctx context.Context, paths []string) (good bool, err error) {
	f.files = map[string]*hcl.File{}
	for _, path := range paths {
		if path == "-" {
			f.stdin()
			continue
		}
		for _, file := range f.expand(path) {
			if ctx.Err() != nil {
				return false, context.Cause(ctx)
			}
			f.file(file)
		}
	}
	return !f.failed && (!f.changes || !f.Check), nil
}

// expand returns the files that a path stands for.
func (f *Formatter) expand(path string) []string {
	info, err := os.Stat(path)
	if err != nil {
		f.complain(path, "%s", plain.File(path, err))
		return nil
	}
	if !info.IsDir() {
		if !strings.HasSuffix(path, ".hcl") {
			f.complain(path, "only files whose names end in .hcl are formatted")
			return nil
		}
		return []string{path}
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		f.complain(path, "%s", plain.File(path, err))
		return nil
	}
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".hcl") && !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	return files
}

func (f *Formatter) file(name string) {
	src, diags := syntax.Read(source.Disk{}, name)
	if diags.HasErrors() {
		f.diagnose(diags)
		return
	}
	out, ok := f.format(name, src)
	if !ok || bytes.Equal(out, src) {
		return
	}
	f.changes = true
	f.print(name + "\n")
	f.diff(name, src, out)
	if f.Check {
		return
	}
	if err := replace(name, out); err != nil {
		f.complain(name, "%s", err)
	}
}

func (f *Formatter) stdin() {
	const name = "standard input"
	src, err := io.ReadAll(io.LimitReader(f.In, guard.MaxSize+1))
	if err != nil {
		f.complain(name, "cannot read it: %s", err)
		return
	}
	if len(src) > guard.MaxSize {
		f.complain(name, "it is longer than %d bytes", guard.MaxSize)
		return
	}
	out, ok := f.format(name, src)
	if !ok {
		return
	}
	f.changes = !bytes.Equal(out, src)
	switch {
	case f.Diff:
		f.diff(name, src, out)
	case !f.Check:
		f.print(string(out))
	}
}

func (f *Formatter) format(name string, src []byte) ([]byte, bool) {
	f.files[name] = &hcl.File{Bytes: src}
	out, diags := format.Format(src, name)
	f.diagnose(diags)
	return out, !diags.HasErrors()
}

func (f *Formatter) diff(name string, before, after []byte) {
	if f.Diff && !bytes.Equal(before, after) {
		f.print(style.Style{Color: f.Color}.Diff(format.Diff(name, before, after), "", 0))
	}
}

func (f *Formatter) print(text string) {
	if _, err := io.WriteString(f.Out, text); err != nil {
		f.failed = true
	}
}

func (f *Formatter) complain(path, message string, args ...any) {
	f.diagnose(hcl.Diagnostics{diag.Errorf(diag.Unreadable, hcl.Range{Filename: path}, "File cannot be formatted", "%s.", diag.Capital(fmt.Sprintf(message, args...)))})
}

func (f *Formatter) diagnose(diags hcl.Diagnostics) {
	f.failed = f.failed || diags.HasErrors()
	if err := f.Complain(f.files, diags); err != nil {
		f.failed = true
	}
}

// replace puts a file in the place of another, whole or not at all. A link stays one: what it leads to is replaced.
func replace(name string, content []byte) (err error) {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("cannot follow it: %w", plain.Cause(err))
	}
	info, err := os.Stat(target)
	if err != nil {
		return fmt.Errorf("cannot look at it: %w", plain.Cause(err))
	}
	draft, err := os.CreateTemp(filepath.Dir(target), ".runner-fmt-*")
	if err != nil {
		return fmt.Errorf("cannot write a new file beside it: %w", plain.Cause(err))
	}
	defer func() {
		if err != nil {
			draft.Close()
			os.Remove(draft.Name()) //nolint:errcheck // the first error is the one to tell
		}
	}()
	if _, err := draft.Write(content); err != nil {
		return fmt.Errorf("cannot write it: %w", plain.Cause(err))
	}
	if was, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := draft.Chown(int(was.Uid), int(was.Gid)); err != nil {
			return fmt.Errorf("cannot keep its owner: %w", plain.Cause(err))
		}
	}
	if err := draft.Chmod(info.Mode()); err != nil { // behind the owner, which clears some bits
		return fmt.Errorf("cannot set its mode: %w", plain.Cause(err))
	}
	if err := draft.Close(); err != nil {
		return fmt.Errorf("cannot write it: %w", plain.Cause(err))
	}
	if err := os.Rename(draft.Name(), target); err != nil {
		return fmt.Errorf("cannot replace it: %w", plain.Cause(err))
	}
	return nil
}
