package system

import (
	"context"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/action/files"
	"runner/agent/wire"
)

// Sysctl is the action of that name.
type Sysctl struct {
	Name  string `cbor:"name"`
	Value string `cbor:"value"`
	Now   *bool  `cbor:"now"`
	Path  string `cbor:"path"`
	State string `cbor:"state"`
}

// Parts are the value that the kernel has, and the line for the next start.
func (s *Sysctl) Parts(context.Context, *action.Env) ([]action.Action, error) {
	if s.Path == "" {
		s.Path = "/etc/sysctl.d/99-runner.conf"
	}
	file := &files.Rewrite{Make: s.edit}
	file.Path = s.Path
	if s.State == "absent" || s.Now != nil && !*s.Now {
		return []action.Action{file}, nil
	}
	return []action.Action{&kernelValue{name: s.Name, want: s.Value}, file}, nil
}

// Describe gives the results.
func (s *Sysctl) Describe(out *action.Outcome) {
	values := map[string]any{"name": s.Name, "value": nil}
	if s.State != "absent" {
		values["value"] = s.Value
	}
	out.Values = values
}

// edit sets or removes the lines of the name in a file as sysctl.d(5) describes it.
func (s *Sysctl) edit(old []byte) ([]byte, error) {
	if old == nil && s.State == "absent" {
		return nil, nil
	}
	out, done := "", s.State == "absent"
	for _, text := range strings.SplitAfter(string(old), "\n") {
		name, value, _ := strings.Cut(strings.TrimLeft(text, "- \t"), "=")
		mine := procPath(strings.TrimSpace(name)) == procPath(s.Name)
		if mine && !done && !sameValue(value, s.Value) {
			text = s.Name + " = " + s.Value
		}
		if text != "" && (!mine || !done) {
			out += strings.TrimSuffix(text, "\n") + "\n"
		}
		done = done || mine
	}
	if !done {
		out += s.Name + " = " + s.Value + "\n"
	}
	if out == "" {
		return nil, nil
	}
	return []byte(out), nil
}

// sameValue compares two values as the kernel reads them: numbers are apart by any space.
func sameValue(a, b string) bool {
	return strings.Join(strings.Fields(a), " ") == strings.Join(strings.Fields(b), " ")
}

// procPath is where the kernel shows a parameter. As for sysctl(8), the first separator says which of "." and "/" is one.
func procPath(name string) string {
	if at := strings.IndexAny(name, "./"); at >= 0 && name[at] == '.' {
		name = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(name, "/", "\x00"), ".", "/"), "\x00", ".")
	}
	return "/proc/sys/" + name
}

// kernelValue is the value that a parameter has now.
type kernelValue struct{ name, want, was string }

// Look compares it.
func (k *kernelValue) Look(_ context.Context, env *action.Env) (action.Outcome, error) {
	path := procPath(k.name)
	data, err := os.ReadFile(path)
	k.was = strings.TrimSpace(string(data))
	change := action.Change(wire.VerbUpdate, map[string]any{"name": k.name, "value": k.was}, map[string]any{"name": k.name, "value": k.want})
	if err != nil {
		change.Before = nil
	} else if sameValue(k.was, k.want) {
		return action.None(nil), nil
	}
	switch {
	case env.View.Disturbed():
		return change, nil
	case os.IsNotExist(err):
		return action.Outcome{}, action.Problem("Load the module that has it with a task before this one, or set now = false.", "cannot set %s: this kernel has no such parameter", k.name)
	case err != nil && !os.IsPermission(err):
		return action.Outcome{}, action.Cannot("read", path, err)
	}
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS); err != nil {
		return action.Outcome{}, k.cannot(err)
	}
	return change, nil
}

func (k *kernelValue) cannot(err error) error {
	hint := ""
	switch {
	case err == unix.EROFS: //nolint:errorlint // it comes from the system call
		hint = "A container sees the parameters of its machine and cannot set them: set it there, or set now = false."
	case os.IsPermission(err):
		hint = "Run the task as a user who may do this, for example with run_as = \"root\"."
	}
	return action.Problem(hint, "cannot set %s: %v", k.name, err)
}

// Act sets it, and looks what the kernel has made of it.
func (k *kernelValue) Act(_ context.Context, _ *action.Env, found action.Outcome) (action.Outcome, error) {
	err := k.set(k.want)
	if err != nil {
		return found, k.cannot(err)
	}
	data, err := os.ReadFile(procPath(k.name))
	if now := strings.TrimSpace(string(data)); err == nil && !sameValue(now, k.want) {
		_ = k.set(k.was) // what went wrong is reported
		return found, action.Problem("Give the value as the kernel shows it.", "cannot set %s: the kernel makes %q of the value", k.name, now)
	}
	return found, nil
}

func (k *kernelValue) set(value string) error {
	f, err := os.OpenFile(procPath(k.name), os.O_WRONLY, 0)
	if err != nil {
		return unwrapped(err)
	}
	defer f.Close()
	_, err = f.WriteString(value + "\n")
	return unwrapped(err)
}

func unwrapped(err error) error {
	if failed, ok := err.(*os.PathError); ok { //nolint:errorlint // what package os gives
		return failed.Err
	}
	return err
}

// Undo sets the value that was.
func (k *kernelValue) Undo(context.Context, *action.Env) {
	_ = k.set(k.was) // what went wrong before is reported
}
