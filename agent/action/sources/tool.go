// Package sources are the actions that bring to a target what is published elsewhere: git, download and extract. They use
// the target's own programs where these are the only ones that know how (git, curl, wget, xz), read archives themselves,
// and look at everything that comes as at what a stranger has made. Their neighbours are agent/action/files, whose file
// download is, and agent/process, which runs the programs.
package sources

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"runner/agent/action"
	"runner/agent/process"
	"runner/agent/wire"
)

// toolError is a program that failed, or could not be started.
type toolError struct {
	exit    process.Exit
	program string // that could not be started; "" if it ran
	*wire.Problem
}

// Unwrap gives what crosses the wire.
func (e *toolError) Unwrap() error { return e.Problem }

func (e *toolError) says(words string) bool { return bytes.Contains(e.exit.Stderr, []byte(words)) }

// run runs a program of the target to its end and returns what it printed, without the last line break. What it failed
// with is a *toolError that calls it what; what ended the call from outside stays what it is.
func run(ctx context.Context, env *action.Env, what string, c process.Command) (string, error) {
	exit, err := env.Processes.Run(ctx, c)
	switch {
	case err != nil:
		return "", &toolError{exit, c.Argv[0], action.Problem("Install it with a task before this one.", "%v", err)}
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case exit.Reason == process.ReasonExit && exit.Status == 0:
		return strings.TrimRight(string(exit.Stdout), "\r\n"), nil
	}
	p := action.Problem("", "%s ended with status %d", what, exit.Status)
	if exit.Signal != "" {
		p.Message = what + " was ended by " + exit.Signal
	}
	p.Quote = wire.Quote(exit.Stderr)
	return "", &toolError{exit, "", p}
}

// doubt says what a program failed with, in a preview, where an earlier task may settle that: "" where it will not. A program that is
// not there it would have to bring.
func doubt(env *action.Env, err error) string {
	failed, is := errors.AsType[*toolError](err)
	if !is || env.Mode != wire.ModeLook || !env.Unsettled && !env.View.Disturbed() || failed.program != "" && !env.View.Program(failed.program, env.Dir, env.Environ) {
		return ""
	}
	why := failed.Message
	if first, _, _ := strings.Cut(strings.TrimSpace(failed.Quote), "\n"); first != "" {
		why += ": " + first
	}
	return why + "; a task that runs before may change that"
}

// remedy adds what can be done about a failure, as far as the program's last words tell.
func (e *toolError) remedy() error {
	for known := range strings.SplitSeq(remedies, "\n") {
		says, hint, _ := strings.Cut(known, ": ")
		if e.Hint == "" && e.says(says) {
			e.Hint = hint
		}
	}
	return e
}

const remedies = `redirections exceeded: Give the URL that it leads to, or install curl, which tells another server no password.
Host key verification failed: Put the host's key into known_hosts on the target, or set host_key = "accept-new".
Permission denied (: Give a private key that may read the repository as key, or put one where the target's ssh finds it.
could not read Username: The repository wants a name and a password; use ssh with a key, or a credential helper on the target.
does not appear to be a git repository: There is no repository at this url, or this user may not read it.
epository not found: There is no repository at this url, or one that wants a name and a password.
' not found: There is no repository at this url, or one that wants a name and a password.
Could not resolve host: Correct the name in url, or the target's name servers.
dubious ownership: It belongs to somebody else, and git does not do what another user's repository may tell it: let the task run as its owner with run_as, reach it over ssh, or add it to safe.directory in the git configuration of the user that the task runs as.
.lock': File exists: Another git works there: run again when it has ended. If none does, one was killed: remove that file.
overwritten by checkout: Move these files away, or set force = true to lose them.
transport 'file' not allowed: Allow it with protocol.file.allow in the target's git configuration.`
