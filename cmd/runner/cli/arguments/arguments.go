// Package arguments turns the flags and arguments of each command into a struct. Its functions are pure: they read no
// file, no environment and no terminal. Package cli, its neighbour, calls them and acts on what they return; whether a
// host, a tag or a variable exists is for lang and planner to say.
package arguments

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"runner/executor/record"
	"runner/lang"
)

// Error is a command line that cannot be understood.
type Error struct {
	Message string // lower case, without the command's name
	Hint    string // a full sentence: what to do; may be empty
}

func (e *Error) Error() string { return e.Message }

func errorf(hint, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Hint: hint}
}

// Output is how a command shows what it does.
type Output struct {
	JSON     bool
	NoColor  bool
	Verbose  bool
	LogLevel Level
	LogFile  string // empty: standard error
}

// Level is the least important kind of log line that is written.
type Level string

// The levels.
const (
	LevelError Level = "error"
	LevelWarn  Level = "warn"
	LevelInfo  Level = "info"
	LevelDebug Level = "debug"
)

// Levels lists the levels, the quietest first.
func Levels() []string {
	return []string{string(LevelError), string(LevelWarn), string(LevelInfo), string(LevelDebug)}
}

// Site is what a command needs to load a site and to choose from it.
type Site struct {
	Path         string
	Vars         []lang.VarInput // in the order given
	Selection    Selection
	Parallelism  int      // 0: as the site says
	AskPasswords []string // hops, as TRANSPORT or TRANSPORT:USER
}

// Selection narrows a command to some hosts and tasks. Its fields are those of planner.Selection.
type Selection struct {
	Limit    []string
	Tags     []string
	SkipTags []string
	Targets  []string
}

// Flags are those that were given, as people write them.
func (s Selection) Flags() []string {
	var out []string
	for _, f := range []struct {
		name   string
		values []string
	}{{"--limit", s.Limit}, {"--tags", s.Tags}, {"--skip-tags", s.SkipTags}, {"--target", s.Targets}} {
		for _, v := range f.values {
			out = append(out, f.name+" "+v)
		}
	}
	return out
}

// Diff is how much of the differences of files a plan shows.
type Diff string

// The ways to show differences.
const (
	DiffFull  Diff = "full"
	DiffShort Diff = "short"
	DiffNone  Diff = "none"
)

// Diffs lists the ways to show differences.
func Diffs() []string { return []string{string(DiffFull), string(DiffShort), string(DiffNone)} }

// Plan is what `runner plan` was asked for.
type Plan struct {
	Site
	Output
	Offline          bool
	DetailedExitCode bool
	Diff             Diff
	Out              string   // the plan file; "": none
	SealTo           []string // age recipients
	Format           PlanFormat
}

// PlanFormat is how a plan is written.
type PlanFormat string

// The formats of plans.
const (
	PlanText     PlanFormat = "text"
	PlanMarkdown PlanFormat = "markdown"
)

// PlanFormats lists the formats of plans.
func PlanFormats() []string { return []string{string(PlanText), string(PlanMarkdown)} }

// Apply is what `runner apply` was asked for.
type Apply struct {
	Site
	Output
	AutoApprove         bool
	NoHandlersOnFailure bool
	LockTimeout         time.Duration
	AllowPartial        bool     // of a plan file
	Identities          []string // files of age identities, for a sealed plan file
	Resume              string   // the run to go on with; "": none
}

// Show is what `runner show` was asked for.
type Show struct {
	Output
	Path   string
	Diff   Diff
	Format PlanFormat
}

// History is what `runner history` was asked for.
type History struct {
	Output
	Host       string // "": all
	Last       int    // runs; 0: all
	Prune      bool
	OlderThan  time.Duration
	LargerThan int64 // bytes
}

// Validate is what `runner validate` was asked for.
type Validate struct {
	Site
	Output
}

// Hosts is what `runner hosts` was asked for.
type Hosts struct {
	Site
	Output
}

// Graph is what `runner graph` was asked for.
type Graph struct {
	Site
	Output
	Format GraphFormat
}

// GraphFormat is how a graph is written.
type GraphFormat string

// The formats of graphs.
const (
	GraphText    GraphFormat = "text"
	GraphDOT     GraphFormat = "dot"
	GraphMermaid GraphFormat = "mermaid"
	GraphSVG     GraphFormat = "svg"
)

// GraphFormats lists the formats of graphs.
func GraphFormats() []string {
	return []string{string(GraphText), string(GraphDOT), string(GraphMermaid), string(GraphSVG)}
}

// Console is what `runner console` was asked for.
type Console struct {
	Site
	Output
}

// Fmt is what `runner fmt` was asked for.
type Fmt struct {
	Paths   []string // "-": standard input
	Check   bool
	Diff    bool
	NoColor bool
}

// Version is what `runner version` was asked for.
type Version struct {
	JSON bool
}

// BindPlan defines the flags of `runner plan`. What it returns makes the struct of the arguments that are left once the
// flags are parsed.
func BindPlan(fs *pflag.FlagSet) func(args []string) (Plan, error) {
	var out Plan
	out.Diff = DiffShort
	fs.BoolVar(&out.Offline, "offline", false, "connect to nothing: show chains, pipelines and what is known")
	fs.BoolVar(&out.DetailedExitCode, "detailed-exitcode", false, "exit with 2 when there is something to change")
	bindDiff(fs, &out.Diff)
	out.Format = PlanText
	bindPlanFormat(fs, &out.Format)
	fs.StringVar(&out.Out, "out", "", "save the plan to `FILE`, for runner apply FILE")
	fs.StringArrayVar(&out.SealTo, "seal-to", nil, "seal what is sensitive in the file to an age `RECIPIENT` (age1…, an ssh public key, or a file of them); may be repeated")
	bindSite(fs, &out.Site)
	bindOutput(fs, &out.Output)
	return func(args []string) (Plan, error) {
		switch {
		case out.JSON && out.Format != PlanText:
			return out, errorf("Leave one of them out.", "--json and --format %s are given", out.Format)
		case out.Out == "" && fs.Changed("out"):
			return out, errorf("Name a file.", "--out is empty")
		case out.Out != "" && out.Offline:
			return out, errorf("Leave --offline out: what is saved is what was found on the hosts.", "a plan that was made offline cannot be saved")
		case out.Out == "" && len(out.SealTo) > 0:
			return out, errorf("Name the file with --out FILE.", "--seal-to is given without --out")
		}
		err := sitePath(&out.Site, args)
		return out, err
	}
}

func bindPlanFormat(fs *pflag.FlagSet, out *PlanFormat) {
	fs.Var(newChoice(out, PlanFormats()), "format", "how to write the plan: text, or markdown for a pull request")
}

func bindDiff(fs *pflag.FlagSet, out *Diff) {
	fs.Var(newChoice(out, Diffs()), "diff", "differences of files: full, short (long ones are cut) or none")
}

// BindShow is BindPlan for `runner show`.
func BindShow(fs *pflag.FlagSet) func(args []string) (Show, error) {
	var out Show
	out.Diff, out.Format = DiffShort, PlanText
	bindDiff(fs, &out.Diff)
	bindPlanFormat(fs, &out.Format)
	bindOutput(fs, &out.Output)
	return func(args []string) (Show, error) {
		if out.JSON && out.Format != PlanText {
			return out, errorf("Leave one of them out.", "--json and --format %s are given", out.Format)
		}
		if len(args) != 1 {
			return out, errorf("Name a plan file or a run, such as: runner show site.plan", "show takes one plan file or run, but got %d", len(args))
		}
		out.Path = args[0]
		return out, nil
	}
}

// BindHistory is BindPlan for `runner history`.
func BindHistory(fs *pflag.FlagSet) func(args []string) (History, error) {
	var out History
	limits := record.DefaultLimits()
	var size int64
	fs.StringVar(&out.Host, "host", "", "only runs that have worked on the host `NAME`, with what they did there")
	fs.Var(&countFlag{&out.Last}, "last", "only the last `N` runs")
	fs.BoolVar(&out.Prune, "prune", false, "remove old runs first")
	fs.DurationVar(&out.OlderThan, "older-than", limits.Age, "with --prune: those that ended longer ago than `DURATION`, such as 720h")
	fs.Int64Var(&size, "larger-than", limits.Size>>20, "with --prune: the oldest while all together take more than so many `MIB`")
	fs.BoolVar(&out.JSON, "json", false, "print one JSON object a line")
	bindText(fs, &out.Output)
	return func(args []string) (History, error) {
		switch {
		case len(args) > 0:
			return out, errorf("`runner show RUN` shows one run.", "history takes no arguments, but got %q", args[0])
		case !out.Prune && (fs.Changed("older-than") || fs.Changed("larger-than")):
			return out, errorf("They say what --prune removes.", "--older-than or --larger-than is given without --prune")
		case out.OlderThan < 0 || size < 0 || size > math.MaxInt64>>20:
			return out, errorf("", "such limits make no sense: --older-than %v, --larger-than %d", out.OlderThan, size)
		}
		out.LargerThan = size << 20
		return out, nil
	}
}

// BindApply is BindPlan for `runner apply`.
func BindApply(fs *pflag.FlagSet) func(args []string) (Apply, error) {
	var out Apply
	fs.BoolVar(&out.AutoApprove, "auto-approve", false, "do not ask: look and act in one pass")
	fs.BoolVar(&out.AllowPartial, "allow-partial", false, "of a plan file: leave hosts out that are not as planned, and go on with the others")
	fs.StringArrayVar(&out.Identities, "identity", nil, "a `FILE` of age identities that opens what a plan file has sealed; may be repeated")
	fs.StringVar(&out.Resume, "resume", "", "go on with `RUN`, as runner history names it: what was done is not done again")
	fs.BoolVar(&out.NoHandlersOnFailure, "no-handlers-on-failure", false, "run no handlers on a host where a task has failed")
	bindLock(fs, &out.LockTimeout)
	bindSite(fs, &out.Site)
	bindOutput(fs, &out.Output)
	return func(args []string) (Apply, error) {
		switch {
		case fs.Changed("resume") && out.Resume == "":
			return out, errorf("`runner history` lists the runs.", "--resume is empty")
		case out.Resume != "" && len(args) > 0:
			return out, errorf("The site is that of the run.", "--resume %s is given with a path", out.Resume)
		case out.Resume != "" && len(out.Selection.Flags()) > 0:
			return out, errorf("The run goes on with what it was asked for.", "--resume %s is given with %s", out.Resume, strings.Join(out.Selection.Flags(), ", "))
		}
		err := sitePath(&out.Site, args)
		return out, err
	}
}

// BindValidate is BindPlan for `runner validate`.
func BindValidate(fs *pflag.FlagSet) func(args []string) (Validate, error) {
	var out Validate
	bindVariables(fs, &out.Site)
	bindSelection(fs, &out.Site)
	bindOutput(fs, &out.Output)
	return func(args []string) (Validate, error) {
		err := sitePath(&out.Site, args)
		return out, err
	}
}

// BindHosts is BindPlan for `runner hosts`.
func BindHosts(fs *pflag.FlagSet) func(args []string) (Hosts, error) {
	var out Hosts
	fs.BoolVar(&out.JSON, "json", false, "print one JSON object")
	bindVariables(fs, &out.Site)
	bindSelection(fs, &out.Site)
	bindText(fs, &out.Output)
	return func(args []string) (Hosts, error) {
		err := sitePath(&out.Site, args)
		return out, err
	}
}

// BindGraph is BindPlan for `runner graph`.
func BindGraph(fs *pflag.FlagSet) func(args []string) (Graph, error) {
	var out Graph
	out.Format = GraphText
	fs.Var(newChoice(&out.Format, GraphFormats()), "format", "how to write it: text, dot, mermaid or svg")
	bindVariables(fs, &out.Site)
	bindSelection(fs, &out.Site)
	bindText(fs, &out.Output)
	fs.BoolVarP(&out.Verbose, "verbose", "v", false, "show every connection, however many are alike")
	return func(args []string) (Graph, error) {
		err := sitePath(&out.Site, args)
		return out, err
	}
}

// BindConsole is BindPlan for `runner console`.
func BindConsole(fs *pflag.FlagSet) func(args []string) (Console, error) {
	var out Console
	bindVariables(fs, &out.Site)
	bindText(fs, &out.Output)
	return func(args []string) (Console, error) {
		err := sitePath(&out.Site, args)
		return out, err
	}
}

// BindFmt is BindPlan for `runner fmt`.
func BindFmt(fs *pflag.FlagSet) func(args []string) (Fmt, error) {
	var out Fmt
	fs.BoolVar(&out.Check, "check", false, "write nothing; exit with 1 when a file is not in the canonical format")
	fs.BoolVar(&out.Diff, "diff", false, "print what changes")
	fs.BoolVar(&out.NoColor, "no-color", false, "print no colours (also the environment variable NO_COLOR)")
	return func(args []string) (Fmt, error) {
		out.Paths = slices.Clone(args)
		if len(out.Paths) == 0 {
			out.Paths = []string{"."}
		}
		if slices.Contains(out.Paths, "-") && len(out.Paths) > 1 {
			return out, errorf("Format standard input in a call of its own.", "- stands beside other paths")
		}
		return out, nil
	}
}

// BindVersion is BindPlan for `runner version`.
func BindVersion(fs *pflag.FlagSet) func(args []string) (Version, error) {
	var out Version
	fs.BoolVar(&out.JSON, "json", false, "print one JSON object")
	return func(args []string) (Version, error) {
		if len(args) > 0 {
			return out, errorf("", "version takes no arguments, but got %q", args[0])
		}
		return out, nil
	}
}

func bindOutput(fs *pflag.FlagSet, out *Output) {
	fs.BoolVar(&out.JSON, "json", false, "print events, one JSON object a line")
	bindText(fs, out)
	fs.BoolVarP(&out.Verbose, "verbose", "v", false, "show unchanged tasks and the output of commands too")
}

// bindText is bindOutput for what prints no events.
func bindText(fs *pflag.FlagSet, out *Output) {
	out.LogLevel = LevelWarn
	fs.BoolVar(&out.NoColor, "no-color", false, "print no colours (also the environment variable NO_COLOR)")
	fs.Var(newChoice(&out.LogLevel, Levels()), "log-level", "what to log: error, warn, info or debug")
	fs.StringVar(&out.LogFile, "log-file", "", "log to `FILE` instead of standard error")
}

func bindSite(fs *pflag.FlagSet, out *Site) {
	bindVariables(fs, out)
	bindSelection(fs, out)
	bindRun(fs, out)
}

func bindVariables(fs *pflag.FlagSet, out *Site) {
	fs.Var(&varFlag{&out.Vars}, "var", "set a variable of the site: `NAME=VALUE`; may be repeated")
	fs.Var(&varFileFlag{&out.Vars}, "var-file", "set variables from `FILE`; may be repeated, the later one wins, --var wins over all")
}

func bindSelection(fs *pflag.FlagSet, out *Site) {
	s := &out.Selection
	fs.StringArrayVar(&s.Limit, "limit", nil, "only these hosts: names, globs, label=value, @group, ! to exclude; `PATTERN`s are joined by commas")
	fs.StringArrayVar(&s.Tags, "tags", nil, "only tasks that have one of these `TAGS`, joined by commas")
	fs.StringArrayVar(&s.SkipTags, "skip-tags", nil, "no task that has one of these `TAGS`, joined by commas")
	fs.StringArrayVar(&s.Targets, "target", nil, "only the job or task with this `ADDRESS`, and what it depends on; may be repeated")
}

func bindRun(fs *pflag.FlagSet, out *Site) {
	fs.Var(&countFlag{&out.Parallelism}, "parallelism", "work on at most `N` hosts at once")
	bindPasswords(fs, out)
}

func bindPasswords(fs *pflag.FlagSet, out *Site) {
	fs.StringArrayVar(&out.AskPasswords, "ask-password", nil,
		"ask for the password of each `HOP` that has none: a transport such as sudo, or transport:user; may be repeated")
}

func bindLock(fs *pflag.FlagSet, out *time.Duration) {
	fs.Var(&durationFlag{out}, "lock-timeout", "wait up to `DURATION` for another run that works on the same host, which else counts as unreachable")
}

func sitePath(out *Site, args []string) error {
	switch len(args) {
	case 0:
		out.Path = "."
	case 1:
		out.Path = args[0]
	default:
		return errorf("A site is one file or one directory.", "%d paths are given: %s", len(args), strings.Join(args, ", "))
	}
	return nil
}
