package packages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"runner/agent/action"
	"runner/agent/process"
	"runner/agent/wire"
)

const (
	// between is how long a manager that is at work for somebody else is left alone.
	between = time.Second
	// patience is how long it is waited for where the task has no timeout.
	patience = 10 * time.Minute
)

// environ is the environment of managers: nothing asks anybody, no other daemon is restarted, and what is said is in the
// one language in which it can be read. The rest of the locale stays, for what packages make of it: a database that is
// set up, for example.
func environ(task []string) []string {
	all := ""
	var out []string
	for _, pair := range task {
		switch name, value, _ := strings.Cut(pair, "="); name {
		case "LC_ALL":
			all = value
		case "LANGUAGE", "LC_MESSAGES":
		default:
			out = append(out, pair)
		}
	}
	if all != "" {
		out = append(out, "LANG="+all)
	}
	return append(out, "LC_MESSAGES=C", "DEBIAN_FRONTEND=noninteractive", "APT_LISTCHANGES_FRONTEND=none", "NEEDRESTART_MODE=l", "UCF_FORCE_CONFFOLD=1",
		"ASSUME_ALWAYS_YES=yes")
}

// busy is what managers say when another one is at work.
const busy = "Could not get lock|is locked by another process|Waiting for process with pid|has locked it|is running as pid|can't create transaction lock|" +
	"System management is locked|unable to lock database|Unable to lock database|Cannot get an advisory lock|holding the yum lock|lock is already held"

// run runs a program of a manager to its end, again and again as long as another one is at work. uncut is for what must not
// be ended in the middle.
func run(ctx context.Context, env *action.Env, argv []string, uncut bool) (process.Exit, error) {
	patient, cancel := limited(ctx)
	defer cancel()
	c := process.Command{Argv: argv, Dir: "/", Env: environ(env.Environ), Uncut: uncut}
	if uncut {
		c.Stdout, c.Stderr = env.Watched(wire.StreamOutput), env.Watched(wire.StreamError)
	}
	for {
		exit, err := env.Processes.Run(ctx, c)
		if err != nil {
			return exit, action.Problem("The package manager of this name is not on the target: leave manager out for the one that is.", "%v", err)
		}
		who := line(said(exit), busy)
		if exit.Status == 0 || exit.Reason != process.ReasonExit && (exit.Reason != process.ReasonTimeout || who == "") {
			return exit, ended(argv[0], exit)
		}
		if who == "" || line(said(exit), "Read-only file system|Permission denied") != "" {
			return exit, ended(argv[0], exit)
		}
		timer := time.NewTimer(between)
		select {
		case <-timer.C:
		case <-patient.Done():
			timer.Stop()
			if !errors.Is(context.Cause(patient), context.DeadlineExceeded) {
				return exit, context.Cause(patient)
			}
			return exit, &wire.Problem{
				Code: wire.CodeTimeout, Message: "the package manager is at work for somebody else: " + who, Quote: wire.Quote([]byte(said(exit))),
				Hint: "Wait until that has ended, or give the task a longer timeout.",
			}
		}
	}
}

// limited gives a context an end if it has none.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, patience)
}

// ended is the error of a program that did not end by itself.
func ended(program string, exit process.Exit) error {
	if exit.Reason == process.ReasonExit {
		return nil
	}
	p := action.Ended(program, exit)
	p.Quote = wire.Quote([]byte(said(exit)))
	return p
}

// said is what a program has printed, what went wrong at the end.
func said(exit process.Exit) string { return string(exit.Stdout) + string(exit.Stderr) }

// line returns the first line of a text in which one of some phrases, separated by "|", stands, without what managers put
// before it.
func line(text, phrases string) string {
	for _, l := range split(text, "\n") {
		for _, phrase := range split(phrases, "|") {
			if !strings.Contains(l, phrase) {
				continue
			}
			for _, before := range []string{"E: ", "W: ", "Error: ", "error: ", "ERROR: ", `<message type="error">`} {
				l = strings.TrimPrefix(l, before)
			}
			if l = strings.TrimSuffix(strings.TrimSpace(l), "</message>"); l != "" {
				return strings.ReplaceAll(l, "&apos;", "'")
			}
		}
	}
	return ""
}

const needs = "What it needs has to come from somewhere, too (task \"repository\")."

// failure words what a manager has refused.
func failure(what, program string, exit process.Exit) error {
	for _, known := range [][2]string{
		{"dpkg was interrupted", "Run dpkg --configure -a on the target."},
		{"Read-only file system", "The file system is mounted read-only."},
		{"No space left|not enough free disk space|don't have enough free space|Not enough free space", "Make room on the file system."},
		{
			"Unable to locate package|has no installation candidate|was not found|Unable to find a match|No provider of|target not found|no such package|" +
				"No packages available to install|No package |No match for argument",
			"Check the name and the version; where the package is to come from may be missing (task \"repository\"), or its index too old (refresh).",
		},
		{
			"Could not resolve|Couldn't resolve|Temporary failure|Failed to fetch|Failed to download|Cannot download|failed retrieving|Could not connect|" +
				"Download (curl) error|temporary error",
			"The target does not reach what its packages come from: check its network, proxy and repositories.",
		},
		{
			"Signature verification failed|GPG check FAILED|is not signed|NO_PUBKEY|(PGP signature)|UNTRUSTED signature",
			"Give the target the key of the repository: task \"repository\" with signed_by or gpgkey.",
		},
		{"Depends: |nothing provides|unable to satisfy dependency", needs},
		{`E: |Error: |error: |ERROR: |Problem: |pkg: |type="error"`, ""},
	} {
		if l := line(said(exit), known[0]); l != "" {
			if known[1] == needs && strings.HasPrefix(what, "remove ") {
				known[1] = "The system, or what is installed, needs it."
			}
			return &wire.Problem{Code: wire.CodeAction, Message: "cannot " + what + ": " + l, Hint: known[1], Quote: wire.Quote([]byte(said(exit)))}
		}
	}
	p := action.Problem("", "cannot %s: %s ended with status %d", what, program, exit.Status)
	p.Quote = wire.Quote([]byte(said(exit)))
	return p
}

// refused words what a manager has refused to do. Of a version that there is not it names those that there are.
func (p *Package) refused(ctx context.Context, env *action.Env, exit process.Exit) error {
	for _, w := range p.todo {
		if w.version == "" || w.file != "" || p.m.versions == "" {
			continue
		}
		list, err := run(ctx, env, append(strings.Fields(p.m.versions), "--", w.name), false)
		if err != nil {
			return err
		}
		var there []string
		for _, l := range split(string(list.Stdout), "\n") {
			if fields := strings.Split(l, "|"); len(fields) > 1 && !slices.Contains(there, strings.TrimSpace(fields[1])) {
				there = append(there, strings.TrimSpace(fields[1]))
			}
		}
		if len(there) == 0 || slices.ContainsFunc(there, func(is string) bool { return p.m.fits(w, is) }) {
			continue // it is something else
		}
		const most = 5
		if len(there) > most {
			there = append(there[:most], "…")
		}
		at, _ := p.m.refreshed()
		problem := action.Problem(fmt.Sprintf("Choose one of these, or add the repository that has it. What there is was asked for %v ago: refresh = \"0s\" asks again.", time.Since(at).Round(time.Minute)),
			"cannot %s: there is no version %s of %s, but %s", p.verb(), w.version, w.name, strings.Join(there, ", "))
		problem.Quote = wire.Quote([]byte(said(exit)))
		return problem
	}
	return failure(p.verb(), p.m.program, exit)
}
