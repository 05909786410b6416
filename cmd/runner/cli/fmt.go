package cli

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
	"github.com/spf13/cobra"

	"runner/agent/plain"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/views"
	"runner/lang/diag"
	"runner/lang/format"
	"runner/lang/guard"
	"runner/lang/source"
	"runner/lang/syntax"
)

func (p *Program) fmtCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "fmt [PATH…]",
		Short: "Rewrite files in the canonical format",
		Long: "Rewrites *.hcl files in place and prints the names of those that change. A directory stands for the files in it, without\n" +
			"those in directories below; - reads standard input and writes standard output.",
		Example: "  runner fmt\n  runner fmt --check --diff site.hcl",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"hcl"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	return command(c, arguments.BindFmt, func(ctx context.Context, a arguments.Fmt) error {
		f := formatter{program: p, arguments: a, files: map[string]*hcl.File{}}
		return f.run(ctx).asError()
	})
}

// formatter is one `runner fmt`.
type formatter struct {
	program   *Program
	arguments arguments.Fmt
	files     map[string]*hcl.File // that errors are about
	failed    bool                 // something is wrong and was said
	changes   bool                 // something is not in the canonical format
}

func (f *formatter) run(ctx context.Context) exitCode {
	for _, path := range f.arguments.Paths {
		if path == "-" {
			f.stdin()
			continue
		}
		for _, file := range f.expand(path) {
			if ctx.Err() != nil {
				return exitInterrupted
			}
			f.file(file)
		}
	}
	if f.failed || f.changes && f.arguments.Check {
		return exitWrong
	}
	return exitDone
}

// expand returns the files that a path stands for.
func (f *formatter) expand(path string) []string {
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

func (f *formatter) file(name string) {
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
	if f.arguments.Check {
		return
	}
	if err := replace(name, out); err != nil {
		f.complain(name, "%s", err)
	}
}

func (f *formatter) stdin() {
	const name = "standard input"
	src, err := io.ReadAll(io.LimitReader(f.program.In, guard.MaxSize+1))
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
	case f.arguments.Diff:
		f.diff(name, src, out)
	case !f.arguments.Check:
		f.print(string(out))
	}
}

func (f *formatter) format(name string, src []byte) ([]byte, bool) {
	f.files[name] = &hcl.File{Bytes: src}
	out, diags := format.Format(src, name)
	f.diagnose(diags)
	return out, !diags.HasErrors()
}

func (f *formatter) diff(name string, before, after []byte) {
	if f.arguments.Diff && !bytes.Equal(before, after) {
		f.print(views.Diff(format.Diff(name, before, after), f.program.colors(f.program.Out, f.arguments.NoColor)))
	}
}

func (f *formatter) print(text string) {
	if _, err := f.program.Out.WriteString(text); err != nil {
		f.failed = true
	}
}

func (f *formatter) complain(path, message string, args ...any) {
	f.diagnose(hcl.Diagnostics{diag.Errorf(diag.Unreadable, hcl.Range{Filename: path}, "File cannot be formatted", "%s.", diag.Capital(fmt.Sprintf(message, args...)))})
}

func (f *formatter) diagnose(diags hcl.Diagnostics) {
	f.failed = f.failed || diags.HasErrors()
	printer := f.program.printer(f.files, f.arguments.NoColor)
	if err := printer.Print(f.program.Err, diags); err != nil {
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
