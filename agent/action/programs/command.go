// Package programs holds the actions that run a program of the site's: command, shell, script and reboot, and those of the user's own. agent/process starts it and
// ends it with its tree.
package programs

import (
	"bytes"
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"syscall"

	"runner/agent/action"
	"runner/agent/process"
	"runner/agent/wire"
)

// Command is the action of that name.
type Command struct {
	Argv []string `cbor:"argv"`
	running
}

// Shell is the action of that name.
type Shell struct {
	Script      string      `cbor:"script"`
	Interpreter interpreter `cbor:"interpreter"`
	running
}

// running are the arguments that command and shell have in common.
type running struct {
	Chdir       string      `cbor:"chdir"`
	Stdin       action.Data `cbor:"stdin"`
	StdinSize   int64       `cbor:"stdin_size"` // of one that comes as the call's input
	Creates     string      `cbor:"creates"`
	Removes     string      `cbor:"removes"`
	Changes     *bool       `cbor:"changes"`
	OKExitCodes []float64   `cbor:"ok_exit_codes"`
}

// interpreter is a program, or a program with its arguments.
type interpreter []string

// UnmarshalCBOR takes a string and a list of strings.
func (i *interpreter) UnmarshalCBOR(encoded []byte) error {
	var v any
	if err := wire.Unmarshal(encoded, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		*i = nil
		return nil
	case string:
		*i = interpreter{v}
		return nil
	}
	return wire.Unmarshal(encoded, (*[]string)(i))
}

// program is what runs: one that is on the target, or comes with the task.
type program interface {
	name() string // in messages
	shown() map[string]any
	// runnable finds what would keep it from being started, as far as files can tell.
	runnable(env *action.Env, dir string) error
	start(ctx context.Context, env *action.Env, c process.Command) (process.Exit, error)
}

// there is a program on the target, with its arguments, and what it reads as a script.
type there process.Command

func (c there) name() string { return c.Argv[0] }

func (c there) shown() map[string]any {
	if c.Script != nil {
		return map[string]any{"script": string(c.Script), "interpreter": action.Plain(c.Argv)}
	}
	return map[string]any{"argv": action.Plain(c.Argv)}
}

func (c there) runnable(env *action.Env, dir string) error {
	if !env.View.Program(c.Argv[0], dir, env.Environ) {
		return notStarted(&process.StartError{Program: c.Argv[0], Err: errNoProgram})
	}
	return nil
}

func (c there) start(ctx context.Context, env *action.Env, with process.Command) (process.Exit, error) {
	with.Argv, with.Script = c.Argv, c.Script
	return env.Processes.Run(ctx, with)
}

// Look finds out whether the program has something to do. One that changes nothing runs here.
func (c *Command) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	return c.look(ctx, env, there{Argv: c.Argv})
}

// Act runs the program.
func (c *Command) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	return c.run(ctx, env, there{Argv: c.Argv}, found)
}

// Look finds out whether the program has something to do. One that changes nothing runs here.
func (s *Shell) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	return s.look(ctx, env, s.program())
}

// Act runs the program.
func (s *Shell) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	return s.run(ctx, env, s.program(), found)
}

func (s *Shell) program() there {
	argv := []string(s.Interpreter)
	if len(argv) > 1 && argv[len(argv)-1] == "-c" { // the script is a file, not an argument
		argv = argv[:len(argv)-1]
	}
	if len(argv) == 0 {
		argv = []string{"/bin/sh"}
	}
	return there{Argv: argv, Script: []byte(s.Script)}
}

// look decides whether the program is to run. One that changes nothing runs here.
func (r *running) look(ctx context.Context, env *action.Env, p program) (action.Outcome, error) {
	spared, err := r.spared(env)
	if err != nil {
		return action.Outcome{}, err
	}
	if spared != "" {
		return action.None(results(nil, spared)), nil
	}
	reads := r.Changes != nil && !*r.Changes && !env.IsUnknown("changes")
	verb := wire.VerbRun
	if reads {
		verb = wire.VerbRead
	}
	out := action.Change(verb, nil, r.describe(env, p), env.Unknown...)
	preview := env.Mode == wire.ModeLook
	switch {
	case reads && (!preview || len(env.Unknown) == 0 && !env.Unsettled):
		return r.run(ctx, env, p, out)
	case preview && len(env.Unknown) == 0:
		if err := r.runnable(env, p); err != nil {
			return action.Outcome{}, err
		}
	}
	if preview && reads && len(env.Unknown) == 0 { // it runs when it is known what it would find
		out.Change.Unknown = append(out.Change.Unknown, "result")
	}
	if preview && !reads {
		env.View.Disturb()
		if r.Creates != "" {
			env.View.Expect(r.within(r.Creates))
		}
	}
	return out, nil
}

// spared says why the program has nothing to do, or "".
func (r *running) spared(env *action.Env) (string, error) {
	for _, given := range []struct {
		name, pattern string
		spares        bool
	}{{"creates", r.Creates, true}, {"removes", r.Removes, false}} {
		if given.pattern == "" || env.IsUnknown("chdir") {
			continue
		}
		found, ok, err := env.View.Match(r.within(given.pattern))
		switch {
		case err != nil:
			return "", action.Cannot("find out whether there is", r.within(given.pattern), err)
		case ok && given.spares:
			return found + " exists", nil
		case !ok && !given.spares:
			return "nothing matches " + found, nil
		}
	}
	return "", nil
}

// within makes a pattern absolute.
func (r *running) within(pattern string) string {
	if strings.HasPrefix(pattern, "/") {
		return pattern
	}
	return path.Join(r.Chdir, pattern)
}

// runnable finds what would keep the program from being started, as far as files can tell.
func (r *running) runnable(env *action.Env, p program) error {
	dir := r.dir(env)
	if r.Chdir != "" && !env.View.Directory(dir) {
		return notStarted(&process.StartError{Program: p.name(), Dir: dir, Err: errNotThere})
	}
	return p.runnable(env, dir)
}

var (
	errNotThere  = errors.New("no such directory")
	errNoProgram = errors.New("no such program")
)

func (r *running) dir(env *action.Env) string {
	if r.Chdir != "" {
		return r.Chdir
	}
	return env.Dir
}

// run runs the program. The outcome has what it printed also when it failed.
func (r *running) run(ctx context.Context, env *action.Env, p program, out action.Outcome) (action.Outcome, error) {
	c := process.Command{Dir: r.dir(env), Env: env.Environ}
	switch {
	case r.StdinSize > 0:
		c.Stdin = env.Input()
	case r.Stdin != nil:
		c.Stdin = bytes.NewReader(r.Stdin)
	}
	c.Stdout, c.Stderr = env.Watched(wire.StreamOutput), env.Watched(wire.StreamError)
	exit, err := p.start(ctx, env, c)
	if err != nil {
		return action.Outcome{}, notStarted(err)
	}
	out.Values = results(&exit, "")
	return out, r.judge(p.name(), exit)
}

// judge turns an end that is not ok into an error.
func (r *running) judge(program string, exit process.Exit) error {
	if exit.Reason == process.ReasonExit && r.ok(exit.Status) {
		return nil
	}
	p := action.Ended(program, exit)
	p.Quote = wire.Quote(lastWords(exit))
	return p
}

func (r *running) ok(status int) bool {
	if r.OKExitCodes == nil {
		return status == 0
	}
	return slices.Contains(r.OKExitCodes, float64(status))
}

// lastWords are what tells most likely what went wrong.
func lastWords(exit process.Exit) []byte {
	if len(bytes.TrimSpace(exit.Stderr)) > 0 {
		return exit.Stderr
	}
	return exit.Stdout
}

func notStarted(err error) error {
	start, is := errors.AsType[*process.StartError](err)
	hint := ""
	switch {
	case !is: // in words of its own
		return err
	case is && errors.Is(err, syscall.E2BIG):
		return action.Problem("Give data as stdin, which can be of any size.", "cannot start %s: its arguments are larger than the target takes (Linux: 128 KiB for one)", start.Program)
	case start.Dir != "":
		hint = "Make the directory with a task before this one, or name another one."
	default:
		hint = "Give its whole path, or install it with a task before this one."
	}
	return action.Problem(hint, "%v", err)
}

// describe is what is shown of a program that would run.
func (r *running) describe(env *action.Env, p program) map[string]any {
	out := p.shown()
	if r.Chdir != "" {
		out["chdir"] = r.Chdir
	}
	for _, name := range env.Unknown {
		delete(out, name)
	}
	return out
}

// results are the results of the task. Without an exit the program did not run.
func results(exit *process.Exit, spared string) map[string]any {
	out := map[string]any{"stdout": nil, "stderr": nil, "truncated": nil, "exit_code": nil, "signal": nil, "spared": nil}
	if exit == nil {
		out["spared"] = spared
		return out
	}
	out["stdout"], out["stderr"], out["truncated"] = line(exit.Stdout), line(exit.Stderr), exit.Truncated
	if exit.Signal == "" {
		out["exit_code"] = exit.Status
	} else {
		out["signal"] = exit.Signal
	}
	return out
}

// line is output without its final line break.
func line(output []byte) string {
	return strings.TrimSuffix(strings.TrimSuffix(string(output), "\n"), "\r")
}
