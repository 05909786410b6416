package files

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/process"
	"runner/agent/wire"
)

// validate lets the task's program look at the new content, before anybody else can see it: as a file of the same name,
// owner and mode in a directory of our own. It is a copy, and not a name for the file that will go live, so that
// nothing remains beside that one if we are killed meanwhile.
func (f *File) validate(ctx context.Context, env *action.Env, content io.ReadSeeker, will disk.Stat) error {
	if len(f.Validate) == 0 && f.Verify == nil {
		return nil
	}
	dir, err := privateDirectory()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is in a directory for temporary files
	name := filepath.Join(dir, filepath.Base(f.Path))
	if err := copyOut(content, name, will); err != nil {
		return err
	}
	if f.Verify != nil {
		return f.Verify(ctx, env, name)
	}
	argv := make([]string, len(f.Validate))
	for i, arg := range f.Validate {
		argv[i] = strings.ReplaceAll(arg, "%s", name)
	}
	exit, err := env.Processes.Run(ctx, process.Command{Argv: argv, Dir: env.Dir, Env: env.Environ})
	if err != nil {
		return action.Problem("", "cannot validate %s: %v", f.Path, err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if exit.Reason == process.ReasonExit && exit.Status == 0 {
		return nil
	}
	printed := bytes.TrimSpace(append(append(exit.Stdout, '\n'), exit.Stderr...))
	ended := fmt.Sprintf("with status %d", exit.Status)
	if exit.Signal != "" {
		ended = "by " + exit.Signal
	}
	p := action.Problem("The file that was there is untouched.", "cannot write %s: its new content is not valid: %s ended %s", f.Path, argv[0], ended)
	p.Quote = wire.Quote(bytes.ReplaceAll(printed, []byte(name), []byte(f.Path)))
	return p
}

// Judge lets Verify look, in a preview, at the content that would be written, where that came with the call.
func (f *File) Judge(ctx context.Context, env *action.Env) error {
	if !f.rewrite || f.Content == nil || f.content.Unknown {
		return nil
	}
	mine := disk.Stat{UID: disk.Me(), GID: disk.MyGroup(), Perm: 0o600}
	if err := f.validate(ctx, env, bytes.NewReader(f.Content), mine); err != nil {
		return action.Cannot("write", f.Path, err)
	}
	return nil
}

// privateDirectory makes a directory that only this user can enter, in memory where that can be had.
func privateDirectory() (string, error) {
	var first error
	for _, base := range []string{"/dev/shm", os.TempDir(), "/var/tmp"} {
		dir, err := os.MkdirTemp(base, ".runner-validate-")
		if err == nil {
			return dir, nil
		}
		if first == nil || base == os.TempDir() {
			first = err
		}
	}
	return "", first
}

func copyOut(content io.ReadSeeker, name string, will disk.Stat) error {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer to.Close()
	if _, err := io.Copy(to, content); err != nil {
		return err
	}
	if err := to.Chown(int(will.UID), int(will.GID)); err != nil {
		return err
	}
	return unix.Fchmod(int(to.Fd()), will.Perm)
}
