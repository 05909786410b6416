package programs

import (
	"errors"
	"math"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
	"runner/agent/wire"
)

// CommandSchema describes the action command.
func CommandSchema() schema.Block {
	return schema.Block{
		Name: "command",
		Doc: "Runs a program with its arguments. No shell is involved: nothing in argv is expanded. The program is looked for in the PATH of the " +
			"task's environment.",
		Arguments: append([]schema.Attribute{
			{Name: "argv", Type: schema.Strings, Required: true, Free: true, Doc: "The program and its arguments."},
		}, processArguments()...),
		Results: processResults(),
		Environ: printed(),
		Example: `task "command" "migrate" {
  argv    = ["/bin/sh", "-c", "echo migrated > \"$1\"", "sh", "/tmp/runner-example-migrated"]
  creates = "/tmp/runner-example-migrated"
}

task "command" "clean" {
  argv    = ["rm", "runner-example-lock"]
  chdir   = "/tmp"
  removes = "runner-example-lock"
}

task "command" "search" {
  argv          = ["grep", "-c", "web"]
  stdin         = "web1\nweb2\n"
  changes       = false
  ok_exit_codes = [0, 1]
}`,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			return errors.Join(g.Argv("argv"), checkProcess(g))
		},
	}
}

// ShellSchema describes the action shell.
func ShellSchema() schema.Block {
	return schema.Block{
		Name: "shell",
		Doc: "Runs a script. The script reaches its interpreter as a file that only the task's user can read and that no directory holds; it never " +
			"stands on a command line, and the script's own standard input is free for `stdin`.",
		Arguments: append([]schema.Attribute{
			{Name: "script", Type: schema.String, Required: true, Doc: "The text of the script."},
			{Name: "interpreter", Type: schema.Any, Doc: "The program that reads the script, as a string (`\"/bin/bash\"`) or as a list with its " +
				"arguments (`[\"/bin/bash\", \"-eu\"]`), `/bin/sh` unless set. The script's file is added as the last argument; a `-c` at the end is left out."},
		}, processArguments()...),
		Results: processResults(),
		Environ: printed(),
		Example: `task "shell" "stamp" {
  script      = <<-EOT
    set -eu
    date > /tmp/runner-example-stamp
  EOT
  interpreter = ["/bin/sh", "-e"]
  creates     = "/tmp/runner-example-stamp"
}

task "shell" "count" {
  script        = "grep -c . || exit 3"
  chdir         = "/tmp"
  stdin         = "web1\nweb2\n"
  changes       = false
  ok_exit_codes = [0, 3]
}

task "shell" "clean" {
  script  = "rm /tmp/runner-example-lock*"
  removes = "/tmp/runner-example-lock*"
}`,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			return errors.Join(checkScript(g), checkInterpreter(g), checkProcess(g))
		},
	}
}

// ScriptSchema describes the action script.
func ScriptSchema() schema.Block {
	return schema.Block{
		Name: "script",
		Doc: "Runs a file of the controller on the target: a script by the interpreter that its first line names (`#!/usr/bin/env python3`), or a program that is built for the target. " +
			"It runs from memory, so that nothing of it is left behind and no directory has to allow it; where the system does not run programs from memory, from a private file that is removed at its end. " +
			"By what name it is called (`$0`) is not said.",
		Arguments: append([]schema.Attribute{
			{Name: "source", Type: schema.Source, Required: true, Doc: "The file, of any size; the target holds it in memory while it runs."},
			{Name: "args", Type: schema.Strings, Free: true, Doc: "Its arguments."},
		}, processArguments()...),
		Results: processResults(),
		Environ: printed(),
		Beside:  [2]string{"setup.sh", "#!/bin/sh\nset -eu\nif [ $# -gt 0 ]; then touch /tmp/runner-example-ready; else grep -c .; fi\n"},
		Example: `task "script" "setup" {
  source  = "setup.sh"
  args    = ["--site", "shop"]
  creates = "/tmp/runner-example-ready"
}

task "script" "count" {
  source        = "setup.sh"
  chdir         = "/tmp"
  stdin         = "web1\nweb2\n"
  changes       = false
  ok_exit_codes = [0, 3]
}

task "script" "clean" {
  source  = "setup.sh"
  removes = "/tmp/runner-example-lock*"
}`,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			return errors.Join(checkArgs(g), checkSmallStdin(g), checkProcess(g))
		},
	}
}

// checkArgs checks arguments that follow what the task brings along.
func checkArgs(g given.Args) error {
	if list, ok := g["args"].([]any); ok {
		return given.Args{"args": append([]any{"the script"}, list...)}.Argv("args")
	}
	return nil
}

// checkSmallStdin refuses what would have to come beside a large script, and a task has one input.
func checkSmallStdin(g given.Args) error {
	if s, known := g.Text("stdin"); known && len(s) > wire.MaxInline {
		return given.Wrong("stdin", "The stdin of a script has at most %d bytes, and this one %d. Put it into a file by a task \"file\".", wire.MaxInline, len(s))
	}
	return nil
}

// processArguments are what command and shell have in common.
func processArguments() []schema.Attribute {
	return []schema.Attribute{
		{Name: "chdir", Type: schema.Path, Doc: "The directory to run in. Unless set: the user's home, on the local machine the site's directory."},
		{Name: "stdin", Type: schema.String, Reach: printed(), Doc: "What the program reads from its standard input, of any size; empty unless set."},
		{Name: "creates", Type: schema.String, Doc: "A path or a pattern (`*`, `?`, `[a-z]`); where something matches, the task has nothing to do. " +
			"A link counts, wherever it points. It is absolute, or relative to `chdir`."},
		{Name: "removes", Type: schema.String, Doc: "A path or a pattern; where nothing matches, the task has nothing to do."},
		{Name: "changes", Type: schema.Bool, Doc: "`false` promises that it changes nothing: the task is never `changed`, and `plan` runs it, unless " +
			"an earlier task of the host would change or run something. `true` unless set."},
		{Name: "ok_exit_codes", Type: schema.Numbers, Doc: "The exit codes that are no failure, `[0]` unless set."},
	}
}

// printed is how far reaches what a program is given and can print.
func printed() *schema.Reach {
	return &schema.Reach{Results: []string{"stderr", "stdout"}, Quote: true}
}

func processResults() []schema.Attribute {
	return []schema.Attribute{
		{Name: "stdout", Type: schema.String, Doc: "Standard output without its final line break; of long output the first and the last 512 KiB."},
		{Name: "stderr", Type: schema.String, Doc: "Standard error, likewise."},
		{Name: "truncated", Type: schema.Bool, Doc: "Whether something of `stdout` or `stderr` was left out."},
		{Name: "exit_code", Type: schema.Number, Doc: "The exit code; null when a signal ended the program."},
		{Name: "signal", Type: schema.String, Doc: "The name of the signal that ended the program, such as `SIGKILL`, or null."},
		{Name: "spared", Type: schema.String, Doc: "Why `creates` or `removes` left nothing to do, or null. All other results are null then."},
	}
}

func checkProcess(g given.Args) error {
	return errors.Join(g.Path("chdir"), g.Pattern("creates"), g.Pattern("removes"), exitCodes(g))
}

func exitCodes(g given.Args) error {
	codes, known := g["ok_exit_codes"].([]any)
	if known && len(codes) == 0 {
		return given.Wrong("ok_exit_codes", "ok_exit_codes must list at least one exit code.")
	}
	const highest = 255
	for _, v := range codes {
		code, isNumber := number(v)
		if !isNumber || code != math.Trunc(code) || code < 0 || code > highest {
			return given.Wrong("ok_exit_codes", "ok_exit_codes must be whole numbers from 0 to %d.", highest)
		}
	}
	return nil
}

// number reads a number as the language or the wire carries it.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case int:
		return float64(n), true
	}
	return 0, false
}

// mostScript is the size of a script, in bytes: it goes with its call, and leaves some room there for the environment.
const mostScript = wire.MaxPayload - wire.MaxPayload/4

func checkScript(g given.Args) error {
	s, known := g.Text("script")
	switch {
	case known && strings.TrimSpace(s) == "":
		return given.Wrong("script", "The script is empty.")
	case len(s) > mostScript:
		return given.Wrong("script", "The script has %d bytes; at most %d can be sent with a task. Put it, or the data in it, into a file by a task "+
			"\"file\", or give the data as stdin, which can be of any size.", len(s), mostScript)
	}
	return nil
}

func checkInterpreter(g given.Args) error {
	switch v := g["interpreter"].(type) {
	case nil, schema.Unknown:
		return nil
	case string:
		if strings.ContainsAny(v, " \t\n") {
			return given.Wrong("interpreter", "An interpreter with arguments is written as a list, such as [\"/bin/bash\", \"-eu\"].")
		}
		return given.Args{"interpreter": []any{v}}.Argv("interpreter")
	case []any:
		return g.Argv("interpreter")
	}
	return given.Wrong("interpreter", "interpreter must be a string or a list of strings.")
}
