package lang

import (
	"errors"
	"math"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

func rawSchema() schema.Block {
	return schema.Block{
		Name: "raw",
		Doc: "Runs a command line where the chain ends, without an agent there: for a switch, a machine without a writable place, or one that is to be mended before an agent can run. " +
			"Tasks of other actions on the same host use the agent as ever; a host on which nothing else runs gets none, and its facts cannot be read. " +
			"Behind an ssh hop the line goes over the ssh connection itself, as `ssh host LINE` sends it. Behind another hop the program of that hop runs it, started by the agent of the hop before. " +
			"It takes no lane; within one run no other task of the same connection runs meanwhile. `environment` does not reach it, and on an interrupt or after its `timeout` " +
			"it is left rather than ended where nobody can end it. What it changes is for the site to say: it is a change unless `changes` is false, and then `plan` runs it, " +
			"unless an earlier task of the host would change or run something.",
		Arguments: []schema.Attribute{
			{Name: "command", Type: schema.String, Free: true, Doc: "A line for the login shell, or whatever takes its place, as it is. Behind hops other than ssh: for `/bin/sh`."},
			{Name: "argv", Type: schema.Strings, Free: true, Doc: "A program and its arguments instead. Behind an ssh hop each is quoted for the login shell; behind others no shell is involved."},
			{Name: "stdin", Type: schema.String, Free: true, Doc: "What it reads from its standard input; empty unless set."},
			{Name: "changes", Type: schema.Bool, Doc: "`false` promises that it changes nothing. `true` unless set."},
			{Name: "ok_exit_codes", Type: schema.Numbers, Doc: "The exit codes that are no failure, `[0]` unless set."},
		},
		Results: []schema.Attribute{
			{Name: "stdout", Type: schema.String, Doc: "Standard output without its final line break; of long output the first and the last 512 KiB."},
			{Name: "stderr", Type: schema.String, Doc: "Standard error, likewise."},
			{Name: "truncated", Type: schema.Bool, Doc: "Whether something of `stdout` or `stderr` was left out."},
			{Name: "exit_code", Type: schema.Number, Doc: "The exit code; null where a signal ended it."},
			{Name: "signal", Type: schema.String, Doc: "The name of the signal that ended it, such as `SIGKILL`, or null."},
		},
		Example: `task "raw" "vlans" {
  command = "show vlan brief"
  changes = false
}

task "raw" "python" {
  command       = "test -e /usr/bin/python3 || opkg install python3"
  ok_exit_codes = [0, 2]
}

task "raw" "load" {
  argv  = ["/usr/sbin/nft", "-f", "-"]
  stdin = "flush ruleset\n"
}`,
		Check: checkRaw,
	}
}

func checkRaw(known map[string]any) error {
	g := given.Args(known)
	all := []error{g.Argv("argv")}
	switch {
	case g.Has("command") && g.Has("argv"):
		all = append(all, given.Wrong("argv", "command and argv exclude each other."))
	case !g.Has("command") && !g.Has("argv"):
		all = append(all, given.Wrong("", "Say what to run: a command, or argv."))
	}
	if line, ok := g.Text("command"); ok && (strings.TrimSpace(line) == "" || strings.ContainsRune(line, 0)) {
		all = append(all, given.Wrong("command", "command must be a line that says something, without a NUL character."))
	}
	if codes, ok := known["ok_exit_codes"].([]any); ok {
		if len(codes) == 0 {
			all = append(all, given.Wrong("ok_exit_codes", "ok_exit_codes must list at least one exit code."))
		}
		for _, v := range codes {
			if n, ok := v.(float64); ok && (n < 0 || n > math.MaxUint8 || n != math.Trunc(n)) {
				all = append(all, given.Wrong("ok_exit_codes", "ok_exit_codes must be whole numbers from 0 to 255."))
				break
			}
		}
	}
	return errors.Join(all...)
}
