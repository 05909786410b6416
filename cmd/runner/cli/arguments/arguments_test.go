package arguments

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"runner/lang"
)

// parse does with a command line what cli does, without cobra.
func parse[T any](t *testing.T, bind func(*pflag.FlagSet) func([]string) (T, error), args ...string) (T, error) {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	finish := bind(fs)
	if err := fs.Parse(args); err != nil {
		var zero T
		return zero, FlagError(fs, err)
	}
	return finish(fs.Args())
}

func TestPlan(t *testing.T) {
	got, err := parse(t, BindPlan, "--var", "a=1", "--var-file", "x.hcl", "--var=b=x=y", "site", "--limit", "web*,!web[a]",
		"--limit", "tier=db", "--tags", "one,two", "--skip-tags=three", "--target", `job.web.task.file.conf["k"]`,
		"--parallelism", "7", "--ask-password", "sudo", "--offline", "--detailed-exitcode", "--diff=short", "-v", "--log-level", "debug")
	if err != nil {
		t.Fatal(err)
	}
	want := Plan{
		Site: Site{
			Path: "site",
			Vars: []lang.VarInput{{Name: "a", Value: "1"}, {File: "x.hcl"}, {Name: "b", Value: "x=y"}},
			Selection: Selection{
				Limit: []string{"web*,!web[a]", "tier=db"}, Tags: []string{"one,two"}, SkipTags: []string{"three"},
				Targets: []string{`job.web.task.file.conf["k"]`},
			},
			Parallelism: 7, AskPasswords: []string{"sudo"},
		},
		Output:  Output{Verbose: true, LogLevel: LevelDebug},
		Offline: true, DetailedExitCode: true, Diff: DiffShort, Format: PlanText,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDefaults(t *testing.T) {
	got, err := parse(t, BindPlan)
	if err != nil {
		t.Fatal(err)
	}
	want := Plan{Site: Site{Path: "."}, Output: Output{LogLevel: LevelWarn}, Diff: DiffShort, Format: PlanText}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestExec(t *testing.T) {
	got, err := parse(t, BindExec, "web*", "--site", "s.hcl", "--json", "--", "ls", "-la", "--", "--json=false")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Patterns, []string{"web*"}) || got.Path != "s.hcl" || !got.JSON ||
		!reflect.DeepEqual(got.Argv, []string{"ls", "-la", "--", "--json=false"}) {
		t.Errorf("got %+v", got)
	}
}

func TestGraph(t *testing.T) {
	got, err := parse(t, BindGraph, "--format", "svg", "-v", "--limit", "a", "site")
	if err != nil || got.Format != GraphSVG || !got.Verbose || got.Path != "site" || !reflect.DeepEqual(got.Selection.Limit, []string{"a"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := parse(t, BindGraph); err != nil || got.Format != GraphText {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestErrors(t *testing.T) {
	plan := func(args ...string) error { _, err := parse(t, BindPlan, args...); return err }
	exec := func(args ...string) error { _, err := parse(t, BindExec, args...); return err }
	fmt := func(args ...string) error { _, err := parse(t, BindFmt, args...); return err }
	for _, c := range []struct {
		err           error
		message, hint string
	}{
		{plan("--offlin"), "unknown flag --offlin", "Did you mean --offline?"},
		{plan("--zzzzzzzz"), "unknown flag --zzzzzzzz", ""},
		{plan("--varfile=x"), "unknown flag --varfile", "Did you mean --var-file?"},
		{plan("--var_file=x"), "unknown flag --var_file", "Did you mean --var-file?"},
		{plan("--extra-vars", "a=1"), "unknown flag --extra-vars", "Did you mean --var?"},
		{plan("-x"), "unknown flag -x", ""},
		{plan("-e", "a=1"), "unknown flag -e", "Did you mean --var?"},
		{plan("-var", "a=1"), "unknown flag -a", "Long flags begin with two dashes: --var."},
		{plan("-target=x"), "unknown flag -t", "Long flags begin with two dashes: --target."},
		{plan("-targt=x"), "unknown flag -t", "Did you mean --target?"},
		{plan("--diff", "ful"), "the value of --diff is not valid", "It takes full, short or none. Did you mean \"full\"?"},
		{plan("--parallelism", "0"), "the value of --parallelism is not valid", "It takes a whole number from 1."},
		{plan("--offline=perhaps"), "the value of --offline is not valid", "It takes true or false, or no value at all."},
		{plan("--var", "q"), "the value of --var is not valid", "The first --var has no equals sign: write --var NAME=VALUE."},
		{plan("--var-file=x", "--var=a=b", "--var", "=q"), "the value of --var is not valid", "The second --var has no name in front of the equals sign: write --var NAME=VALUE."},
		{plan("--var=a=", "--var=b=", "--var=c=", "--var=d"), "the value of --var is not valid", "The 4th --var has no equals sign: write --var NAME=VALUE."},
		{plan("--var-file", ""), "the value of --var-file is not valid", "It takes the path of a file."},
		{plan("--log-file"), "--log-file needs a value: --log-file FILE", ""},
		{plan("--=x"), `"--=x" is not a flag`, ""},
		{plan("a", "b"), "2 paths are given: a, b", "A site is one file or one directory."},
		{exec(), "no host pattern is given", "Name hosts, such as: runner exec 'web[*]' -- uptime"},
		{exec("--", "ls"), "no host pattern is given", "Name hosts, such as: runner exec 'web[*]' -- uptime"},
		{exec("a", "ls"), "no -- is given", "Put -- between the hosts and the command, such as: runner exec 'web[*]' -- uptime"},
		{exec("a", "--"), "no command is given", "Name a program behind --, such as: runner exec 'web[*]' -- uptime"},
		{exec("a", "b", "--", "ls"), "2 host patterns are given", "Join several patterns with commas."},
		{fmt("-", "a"), "- stands beside other paths", "Format standard input in a call of its own."},
	} {
		var e *Error
		if !errors.As(c.err, &e) {
			t.Errorf("%q: got %v", c.message, c.err)
			continue
		}
		if e.Message != c.message || e.Hint != c.hint {
			t.Errorf("got  %q, %q\nwant %q, %q", e.Message, e.Hint, c.message, c.hint)
		}
	}
}

// A misplaced secret is not repeated (G36).
func TestG36VarErrorHidesValue(t *testing.T) {
	_, err := parse(t, BindPlan, "--var", "hunter2")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestWordsOfMessages(t *testing.T) {
	for n, want := range map[int]string{1: "first", 3: "third", 4: "4th", 11: "11th", 12: "12th", 20: "20th", 21: "21st", 22: "22nd", 33: "33rd", 111: "111th", 113: "113th"} {
		if got := ordinal(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for want, words := range map[string][]string{"": nil, "a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := alternatives(words); got != want {
			t.Errorf("%v: %q", words, got)
		}
	}
}
