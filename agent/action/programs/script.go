package programs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"runner/agent/action"
	"runner/agent/process"
)

// Script is the action of that name.
type Script struct {
	Content     action.Data `cbor:"content"`
	ContentSize int64       `cbor:"content_size"` // of one that comes as the call's input
	Digest      string      `cbor:"content_sha256"`
	Args        []string    `cbor:"args"`
	running
}

// scriptName is what a script is called in messages: where it lies has no name.
const scriptName = "the script"

// Look finds out whether the script has something to do. One that changes nothing runs here.
func (s *Script) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	return s.look(ctx, env, s)
}

// Act runs the script.
func (s *Script) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	return s.run(ctx, env, s, found)
}

// runnable finds what would keep the script from being started, as far as files can tell. Of a large one nothing is known yet.
func (s *Script) runnable(env *action.Env, dir string) error {
	if s.Content == nil {
		return nil
	}
	interpreter, err := interpreterOf(s.Content)
	if err == nil && interpreter != "" && !env.View.Program(interpreter, dir, env.Environ) {
		err = noInterpreter(interpreter)
	}
	return err
}

// interpreterOf returns the program that a script names in its first line; "" for what is a program itself.
func interpreterOf(content []byte) (string, error) {
	head := content[:min(len(content), 512)]
	if line, ok := bytes.CutPrefix(head, []byte("#!")); ok {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		name, _, _ := strings.Cut(strings.Trim(string(line), " \t"), " ")
		return name, nil
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return "", nil
	}
	return "", action.Problem("Begin it with a line such as #!/bin/sh, or run its text by a task \"shell\".", "%s has no first line that names its interpreter, and is no program", scriptName)
}

func noInterpreter(name string) error {
	hint := "Install it with a task before this one, or name another one in the first line."
	if strings.HasSuffix(name, "\r") {
		hint = "The lines of the script end as on Windows; let them end in a line feed alone."
	}
	return action.Problem(hint, "cannot start %s: its interpreter %q is not there", scriptName, name)
}

// start runs the script from memory, so that nothing of it can be left.
func (s *Script) start(ctx context.Context, env *action.Env, c process.Command) (process.Exit, error) {
	content := []byte(s.Content)
	if s.ContentSize > 0 {
		content = make([]byte, s.ContentSize)
		if _, err := io.ReadFull(env.Input(), content); err != nil {
			return process.Exit{}, fmt.Errorf("cannot get %s: %w", scriptName, err)
		}
	}
	path, release, err := process.Program(content)
	if err != nil {
		return process.Exit{}, action.Problem("", "no place on the target lets %s be stored and run: %v", scriptName, err)
	}
	defer release()
	c.Argv = append([]string{path}, s.Args...)
	exit, err := env.Processes.Run(ctx, c)
	if start, ok := errors.AsType[*process.StartError](err); ok && start.Dir == "" {
		interpreter, wrong := interpreterOf(content)
		switch {
		case wrong != nil:
			return exit, wrong
		case errors.Is(err, syscall.ENOENT) && interpreter != "":
			return exit, noInterpreter(interpreter)
		case errors.Is(err, syscall.ENOEXEC):
			return exit, action.Problem("", "cannot start %s: it is no program for this machine", scriptName)
		}
		start.Program = scriptName
	}
	return exit, err
}

func (s *Script) name() string { return scriptName }

// shown is what is shown of the script; its text lies beside the site.
func (s *Script) shown() map[string]any {
	out := map[string]any{"size": max(int64(len(s.Content)), s.ContentSize)}
	if len(s.Args) > 0 {
		out["args"] = action.Plain(s.Args)
	}
	return out
}
