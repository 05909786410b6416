package programs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/process"
	"runner/agent/wire"
)

// Own is an action of the user's own: an executable that comes with the call, or with its input. What it is given and what it
// answers is JSON, which the controller writes and reads; here it is looked at no closer than the calls behind this one need.
type Own struct {
	Name    string      `cbor:"name"`
	Runs    bool        `cbor:"runs"` // it does not look
	Head    []byte      `cbor:"head"` // what it reads before its mode
	Tail    []byte      `cbor:"tail"` // and behind it
	Program action.Data `cbor:"program"`
	Size    int64       `cbor:"program_size"`
	SHA256  string      `cbor:"program_sha256"`
}

// Look has the executable look, where it can and where that can be believed.
func (o *Own) Look(ctx context.Context, env *action.Env) (out action.Outcome, err error) {
	out.Change.Verb = wire.VerbRun
	switch {
	case env.Mode != wire.ModeLook:
		return out, nil
	case o.Runs:
	case env.Unsettled || len(env.Unknown) > 0:
		out.Change.Verb, out.Change.Unknown = wire.VerbUpdate, []string{"action"}
	default:
		out, err = o.run(ctx, env, "look")
	}
	if out.Change.Verb != wire.VerbNone {
		env.View.Disturb()
	}
	return out, err
}

// Act has the executable make the change.
func (o *Own) Act(ctx context.Context, env *action.Env, _ action.Outcome) (action.Outcome, error) {
	return o.run(ctx, env, "act")
}

func (o *Own) run(ctx context.Context, env *action.Env, mode string) (out action.Outcome, err error) {
	name := "the action " + o.Name
	path, release, err := o.open(env)
	if err != nil {
		return out, action.Cannot("bring", name, err)
	}
	defer release()
	exit, err := env.Processes.Run(ctx, process.Command{
		Argv: []string{path, mode}, Dir: env.Dir, Env: env.Environ,
		Stdin: bytes.NewReader(slices.Concat(o.Head, []byte(mode), o.Tail)), Stderr: env.Watched(wire.StreamError),
	})
	if err != nil {
		return out, notBrought(name, err)
	}
	out.Values = map[string]any{"stdout": exit.Stdout, "truncated": exit.Truncated}
	out.Change.Verb = wire.VerbRun
	changed, well := skim(exit.Stdout)
	if err = (&running{}).judge(name, exit); err == nil && (exit.Truncated || !well) {
		err = &wire.Problem{Code: wire.CodeAction, Message: name + " failed", Quote: wire.Quote(lastWords(exit))}
	}
	if !changed && err == nil {
		out.Change.Verb = wire.VerbNone
	}
	return out, err
}

// notBrought says why a program that was brought along could not be started.
func notBrought(name string, err error) error {
	hint := ""
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		hint = "A script needs a first line such as #!/bin/sh; a binary has to be built for the target."
	case errors.Is(err, syscall.ENOENT):
		hint = "The interpreter that its first line names has to be there: install it with a task before this one."
	}
	if start, ok := errors.AsType[*process.StartError](err); ok {
		err = start.Err
	}
	return action.Problem(hint, "cannot start %s: %v", name, err)
}

// open makes the executable something that can be started. What comes with the call is run from memory; what comes as its
// input is kept where the agent itself is, so that it comes once.
func (o *Own) open(env *action.Env) (at string, release func(), err error) {
	content := []byte(o.Program)
	if content == nil && env.Cache != "" {
		at = path.Join(env.Cache, "action-"+o.SHA256)
		f := o.kept(at)
		if f == nil && o.keep(env, at) {
			f = o.kept(at)
		}
		if f != nil {
			return process.Opened(f, at), func() { _ = f.Close() }, nil
		}
	}
	if content == nil {
		if content, err = io.ReadAll(env.Input()); err != nil {
			return "", nil, err
		}
	}
	if !o.is(bytes.NewReader(content)) {
		return "", nil, errors.New("what came is not what was planned: it has changed since, or there was no room to keep it")
	}
	return process.Program(content)
}

// kept opens the executable, if it is kept at a path; nil: what is there is not it.
func (o *Own) kept(at string) *os.File {
	f, err := os.Open(at)
	if err != nil {
		return nil
	}
	if !o.is(f) {
		_ = f.Close()
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(at, now, now) // used last
	return f
}

// keep has the input at a path, if there can be a file.
func (o *Own) keep(env *action.Env, at string) bool {
	draft := path.Join(env.Cache, ".new-"+strconv.Itoa(os.Getpid()))
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700) //nolint:gosec // it is executed
	if err != nil {
		return false
	}
	_, err = io.Copy(f, struct{ io.Reader }{env.Input()})
	if err = errors.Join(err, f.Close()); err == nil {
		err = unix.Rename(draft, at)
	}
	if err != nil {
		_ = os.Remove(draft)
	}
	return err == nil
}

// is says whether some content is the executable.
func (o *Own) is(content io.Reader) bool {
	sum := sha256.New()
	_, err := io.Copy(sum, content)
	return err == nil && hex.EncodeToString(sum.Sum(nil)) == o.SHA256
}

// skim finds what an answer says of the call: whether something changed, and whether it went well. Who reads JSON says more.
func skim(answer []byte) (changed, well bool) {
	depth, key, value := 0, "", false
	for i := 0; i < len(answer); i++ {
		switch answer[i] {
		case '"':
			from := i + 1
			for i++; i < len(answer) && answer[i] != '"'; i++ {
				if answer[i] == '\\' {
					i++
				}
			}
			if depth == 1 && !value {
				key = string(answer[from:min(i, len(answer))])
			}
		case ':':
			value = true
			word := bytes.TrimLeft(answer[i+1:], " \t\r\n")
			switch {
			case depth != 1:
			case key == "changed":
				changed = bytes.HasPrefix(word, []byte("true"))
				well = changed || bytes.HasPrefix(word, []byte("false"))
			case key == "error" && !bytes.HasPrefix(word, []byte("null")):
				return changed, false
			}
		case ',':
			value = false
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
	}
	return changed, well && depth == 0
}
