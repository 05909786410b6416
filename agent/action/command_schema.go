package action

import (
	"math"
	"path"
	"strings"

	"runner/agent/schema"
)

func commandSchema() schema.Block {
	return schema.Block{
		Name: "command",
		Doc: "Runs a program with its arguments. No shell is involved: nothing in argv is expanded. The program is looked for in the PATH of the " +
			"task's environment.",
		Arguments: append([]schema.Attribute{
			{Name: "argv", Type: schema.Strings, Required: true, Doc: "The program and its arguments."},
		}, processArguments()...),
		Results: processResults(),
		Example: `task "command" "migrate" {
  argv    = ["/bin/sh", "-c", "echo migrated > \"$1\"", "sh", "/tmp/runner-example-migrated"]
  creates = "/tmp/runner-example-migrated"
}`,
		Check: func(m map[string]any) error {
			k := known(m)
			return first(k.argv("argv"), k.process())
		},
	}
}

func shellSchema() schema.Block {
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
		Example: `task "shell" "stamp" {
  script      = <<-EOT
    set -eu
    date > /tmp/runner-example-stamp
  EOT
  interpreter = ["/bin/sh", "-e"]
  creates     = "/tmp/runner-example-stamp"
}`,
		Check: func(m map[string]any) error {
			k := known(m)
			return first(k.script(), k.interpreter(), k.process())
		},
	}
}

// processArguments are what command and shell have in common.
func processArguments() []schema.Attribute {
	return []schema.Attribute{
		{Name: "chdir", Type: schema.Path, Doc: "The directory to run in. Unless set: the user's home, on the local machine the site's directory."},
		{Name: "stdin", Type: schema.String, Doc: "What the program reads from its standard input, which is empty unless set."},
		{Name: "creates", Type: schema.String, Doc: "A path or a pattern (`*`, `?`, `[a-z]`); where something matches, the task has nothing to do. " +
			"A link counts, wherever it points. It is absolute, or relative to `chdir`."},
		{Name: "removes", Type: schema.String, Doc: "A path or a pattern; where nothing matches, the task has nothing to do."},
		{Name: "changes", Type: schema.Bool, Doc: "`false` promises that it changes nothing: the task is never `changed`, and `plan` runs it, unless " +
			"an earlier task of the host would change or run something. `true` unless set."},
		{Name: "ok_exit_codes", Type: schema.Numbers, Doc: "The exit codes that are no failure, `[0]` unless set."},
	}
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

func (k known) process() error {
	if err := first(k.path("chdir"), k.pattern("creates"), k.pattern("removes")); err != nil {
		return err
	}
	codes, _ := k["ok_exit_codes"].([]any)
	if k.has("ok_exit_codes") && len(codes) == 0 {
		return wrong("ok_exit_codes", "ok_exit_codes must list at least one exit code.")
	}
	for _, v := range codes {
		code, ok := number(v)
		if !ok || code != math.Trunc(code) || code < 0 || code > 255 {
			return wrong("ok_exit_codes", "An exit code is a whole number from 0 to 255, %v is not.", v)
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

// pattern checks creates and removes.
func (k known) pattern(name string) error {
	if !k.has(name) {
		return nil
	}
	p := k.text(name)
	switch {
	case p == "":
		return wrong(name, "%s must not be empty.", name)
	case strings.ContainsRune(p, 0):
		return wrong(name, "%s must not contain a NUL byte.", name)
	case !strings.HasPrefix(p, "/") && !k.has("chdir"):
		return wrong(name, "%s must be absolute, or relative to chdir, which is not set.", name)
	}
	return badPattern(name, p)
}

func (k known) script() error {
	if k.has("script") && strings.TrimSpace(k.text("script")) == "" {
		return wrong("script", "The script is empty.")
	}
	return nil
}

func (k known) interpreter() error {
	switch v := k["interpreter"].(type) {
	case nil:
		return nil
	case string:
		if strings.ContainsAny(v, " \t\n") {
			return wrong("interpreter", "An interpreter with arguments is written as a list, such as [\"/bin/bash\", \"-eu\"].")
		}
		return known{"interpreter": []any{v}}.argv("interpreter")
	case []any:
		return k.argv("interpreter")
	}
	return wrong("interpreter", "interpreter must be a string or a list of strings.")
}

// badPattern reports a pattern that filepath.Match would not take.
func badPattern(name, pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return wrong(name, "%q is no pattern: a bracket or a backslash in it is not completed.", pattern)
	}
	return nil
}
