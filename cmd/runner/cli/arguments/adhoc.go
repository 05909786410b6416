package arguments

import (
	"slices"
	"time"

	"github.com/spf13/pflag"

	"runner/lang/diag"
)

// Exec is what `runner exec` was asked for.
type Exec struct {
	Site
	Output
	LockTimeout time.Duration
	Patterns    []string // of hosts
	Argv        []string
}

// Facts is what `runner facts` was asked for.
type Facts struct {
	Site
	Output
	Patterns []string // of hosts
}

// Shell is what `runner shell` was asked for.
type Shell struct {
	Site
	Output
	Patterns []string // of the host
	Argv     []string // empty: the login shell
}

// Copy is what `runner cp` was asked for.
type Copy struct {
	Site
	Output
	From, To Place
	Owner    bool // keep owners and groups

	LockTimeout time.Duration
}

// Place is where a copy comes from, or goes.
type Place struct {
	Host string // a pattern; "": this machine
	Path string
}

// BindExec is BindPlan for `runner exec`.
func BindExec(fs *pflag.FlagSet) func(args []string) (Exec, error) {
	var out Exec
	bindSitePath(fs, &out.Site)
	bindVariables(fs, &out.Site)
	bindRun(fs, &out.Site)
	bindLock(fs, &out.LockTimeout)
	bindOutput(fs, &out.Output)
	return func(args []string) (Exec, error) {
		dash := fs.ArgsLenAtDash()
		switch {
		case len(args) == 0 || dash == 0:
			return out, errorf("Name hosts, such as: runner exec 'web[*]' -- uptime", "no host pattern is given")
		case dash < 0:
			return out, errorf("Put -- between the hosts and the command, such as: runner exec 'web[*]' -- uptime", "no -- is given")
		case dash > 1:
			return out, errorf("Join several patterns with commas.", "%d host patterns are given", dash)
		case len(args) == dash:
			return out, errorf("Name a program behind --, such as: runner exec 'web[*]' -- uptime", "no command is given")
		case args[dash] == "":
			return out, errorf("Name a program behind --, such as: runner exec 'web[*]' -- uptime", "the name of the program is empty")
		}
		out.Patterns, out.Argv = slices.Clone(args[:dash]), slices.Clone(args[dash:])
		return out, nil
	}
}

// BindFacts is BindPlan for `runner facts`.
func BindFacts(fs *pflag.FlagSet) func(args []string) (Facts, error) {
	var out Facts
	bindSitePath(fs, &out.Site)
	fs.Bool("json", true, "print one JSON object, as it always does")
	bindVariables(fs, &out.Site)
	bindRun(fs, &out.Site)
	bindText(fs, &out.Output)
	return func(args []string) (Facts, error) {
		switch len(args) {
		case 0:
			return out, errorf("Name hosts, such as: runner facts 'web[*]'", "no host pattern is given")
		case 1:
			out.Patterns = slices.Clone(args)
			return out, nil
		}
		return out, errorf("Join several patterns with commas.", "%d host patterns are given", len(args))
	}
}

// BindShell is BindPlan for `runner shell`.
func BindShell(fs *pflag.FlagSet) func(args []string) (Shell, error) {
	var out Shell
	bindSitePath(fs, &out.Site)
	bindVariables(fs, &out.Site)
	bindPasswords(fs, &out.Site)
	bindText(fs, &out.Output)
	return func(args []string) (Shell, error) {
		dash := fs.ArgsLenAtDash()
		hosts := len(args)
		if dash >= 0 {
			hosts = dash
		}
		switch {
		case hosts == 0:
			return out, errorf("Name one, such as: runner shell web", "no host is given")
		case hosts > 1 && dash < 0:
			return out, errorf("Put -- between the host and the command, such as: runner shell web -- top", "%d hosts are given", hosts)
		case hosts > 1:
			return out, errorf("A shell is opened on one host.", "%d hosts are given", hosts)
		case dash >= 0 && len(args) == dash:
			return out, errorf("Name a program behind --, or leave -- out for a shell.", "no command is given")
		case dash >= 0 && args[dash] == "":
			return out, errorf("Name a program behind --, or leave -- out for a shell.", "the name of the program is empty")
		}
		out.Patterns, out.Argv = slices.Clone(args[:hosts]), slices.Clone(args[hosts:])
		return out, nil
	}
}

// BindCopy is BindPlan for `runner cp`.
func BindCopy(fs *pflag.FlagSet) func(args []string) (Copy, error) {
	var out Copy
	fs.BoolVar(&out.Owner, "owner", false, "keep owners and groups, by number, and the setuid and setgid bits; needs root")
	bindLock(fs, &out.LockTimeout)
	bindSitePath(fs, &out.Site)
	bindVariables(fs, &out.Site)
	bindPasswords(fs, &out.Site)
	bindText(fs, &out.Output)
	return func(args []string) (Copy, error) {
		const hint = "Name two, such as: runner cp web:/etc/hosts ."
		if len(args) != 2 {
			return out, errorf(hint, "cp takes a source and a destination, but got %s", diag.Count(len(args), "argument"))
		}
		out.From, out.To = placeOf(args[0]), placeOf(args[1])
		switch {
		case out.From.Host == "" && out.From.Path == "" || out.To.Host == "" && out.To.Path == "":
			return out, errorf(hint, "a path is empty")
		case out.From.Host == "" && out.To.Host == "":
			return out, errorf("On this machine, use cp. A path on a host is written HOST:PATH.", "neither %q nor %q is on a host", args[0], args[1])
		}
		return out, nil
	}
}

// placeOf takes HOST:PATH apart at the first colon that is not within the brackets or quotes of a host's name. What has a
// slash before that is a path on this machine.
func placeOf(arg string) Place {
	brackets, quoted := 0, false
	for i, r := range arg {
		switch {
		case r == '"' && (i == 0 || arg[i-1] != '\\'):
			quoted = !quoted
		case quoted:
		case r == '[':
			brackets++
		case r == ']':
			brackets--
		case brackets > 0:
		case r == '/':
			return Place{Path: arg}
		case r == ':' && i > 0:
			return Place{Host: arg[:i], Path: arg[i+1:]}
		}
	}
	return Place{Path: arg}
}

func bindSitePath(fs *pflag.FlagSet, out *Site) {
	fs.StringVar(&out.Path, "site", ".", "the site: a file or a directory, `PATH`")
}
