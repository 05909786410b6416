package system

import (
	"context"
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/action/files"
	"runner/agent/disk"
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
func (s *Sysctl) Parts(_ context.Context, env *action.Env) (parts []action.Part, err error) {
	if s.Path == "" {
		s.Path = "/etc/sysctl.d/99-runner.conf"
	}
	if s.State != "absent" && (s.Now == nil || *s.Now) {
		if parts, err = s.now(env); err != nil {
			return nil, err
		}
	}
	file := files.Edited(s.Path, files.Edit{Change: s.edit, Create: true})
	return append(parts, action.Part{Action: file}), nil
}

// Describe gives the results.
func (s *Sysctl) Describe(out *action.Outcome) {
	values := action.Texts("name", s.Name, "value", s.Value)
	if s.State == "absent" {
		values["value"] = nil
	}
	out.Values = values
}

// edit sets or removes the lines of the name in a file as sysctl.d(5) describes it.
func (s *Sysctl) edit(old []byte) ([]byte, error) {
	line := s.Name + " = " + s.Value
	if s.State == "absent" {
		line = ""
	}
	out := action.KeepLine(old, line, func(text string) (mine, good bool) {
		name, value, _ := strings.Cut(strings.TrimLeft(text, "- \t"), "=")
		return procPath(strings.TrimSpace(name)) == procPath(s.Name), sameValue(value, s.Value)
	})
	if len(out) == 0 {
		out = nil
	}
	return out, nil
}

// now sets the value that the kernel has, unless it is the one that is wanted.
func (s *Sysctl) now(env *action.Env) ([]action.Part, error) {
	path := procPath(s.Name)
	data, err := os.ReadFile(path)
	was := strings.TrimSpace(string(data))
	if err == nil && sameValue(was, s.Value) {
		return nil, nil
	}
	if err == nil || os.IsPermission(err) {
		err = unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS)
	}
	if err != nil && (!env.View.Disturbed() || os.IsPermission(err) && disk.Me() != 0) {
		return nil, s.cannot(err)
	}
	return []action.Part{setting(s.Name, was, s.Value, s.set)}, nil
}

func (s *Sysctl) cannot(err error) error {
	hint := "Give the value as the kernel shows it."
	switch {
	case os.IsNotExist(err):
		hint = "Load the module that has it with a task before this one, or set now = false."
		err = errors.New("this kernel has no such parameter")
	case errors.Is(err, unix.EROFS):
		hint = "A container sees the parameters of its machine and cannot set them: set it there, or set now = false."
	case os.IsPermission(err):
		hint = action.RunAsRoot()
	}
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		err = failed.Err
	}
	return action.Problem(hint, "cannot set %s: %v", s.Name, err)
}

// set sets the value, and looks what the kernel makes of it.
func (s *Sysctl) set(value string) error {
	path := procPath(s.Name)
	err := os.WriteFile(path, []byte(value+"\n"), 0) //nolint:gosec // the name is checked, and the file is there
	if err != nil {
		return s.cannot(err)
	}
	data, err := os.ReadFile(path)
	if now := strings.TrimSpace(string(data)); err == nil && !sameValue(now, value) {
		return s.cannot(errors.New("the kernel makes " + now + " of the value"))
	}
	return nil
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
