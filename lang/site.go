// Package lang reads sites: files to a checked configuration whose static parts are evaluated and whose tasks are not,
// and later each task for one host, with what a run has learned by then. Read load.go first. Its own packages are
// lang/syntax (files to blocks, behind lang/guard), lang/config (what is declared), lang/refs (what expressions refer
// to), lang/variable and lang/value, lang/inventory (hosts from elsewhere), lang/function, lang/diag and lang/format; package
// planner plans what it returns. It opens no connection and knows no action and no transport but by the schemas that it is given.
package lang

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/inventory"
	"runner/lang/program"
	"runner/lang/source"
)

// Catalog is what sites may use: the actions and transports by name.
type Catalog struct {
	Actions    map[string]schema.Block
	Transports map[string]schema.Block
}

// Options are what a site is loaded with beside its files.
type Options struct {
	Catalog Catalog
	Version string       // the runner's own, for required_version
	Environ []string     // NAME=VALUE; RUNNER_VAR_* are variables, all of it is what env() reads
	Files   source.Files // nil: the disk
	Dir     string       // where relative names start, absolute; "": the working directory
	// Program runs the program of an inventory, in a directory; nil stands for running it.
	Program func(argv []string, dir string, timeout time.Duration) (*inventory.File, *hcl.Diagnostic)
	// Describe has an action of the user's own say what it is; nil stands for running it. The error is a *program.Error.
	Describe   func(c program.Command) ([]byte, error)
	AllActions bool       // asks all actions of the user's own, also those that no task uses
	Remember   bool       // keeps what Site.Memory returns
	Memory     *Memory    // loads the site as it was loaded before, with the files that it was loaded from
	Vars       []VarInput // --var and --var-file: of each kind later ones win, and --var wins over --var-file
}

// VarInput is one --var or --var-file.
type VarInput struct {
	Name, Value string // of --var
	File        string // of --var-file
}

// Site is a checked configuration: blocks are expanded, static expressions are evaluated, tasks are not.
type Site struct {
	Path     string // what it was read from, a file or a directory, absolute
	Dir      string // of its files, absolute
	Settings Settings
	Hosts    []*Host // in source order; host.localhost only where it is used
	Jobs     []*Job  // in source order
	Outputs  []*Output

	scope *scope // what expressions can see
	mask  *mask
}

// Localhost is host.localhost, which always exists.
func (s *Site) Localhost() *Host {
	g := s.scope.groups[config.Localhost]
	if g == nil { // nothing of the site uses it
		g = localhost()
	}
	return g.hosts[0]
}

// Settings are the runner block's.
type Settings struct {
	Parallelism    int           // 0: not set
	ConnectTimeout time.Duration // 0: not set
	TaskTimeout    time.Duration // 0: not set
}

// Host is one host, expanded from its block.
type Host struct {
	Name    string // web, web["a"], web[0]
	Address string
	Hops    []*Hop // outermost first: those of via, of chain, its own
	Labels  map[string]string
	Vars    any // plain; what is sensitive in it is replaced
	Range   hcl.Range

	parts hostParts // without facts
}

// Hop is one step of a chain.
type Hop struct {
	Transport string
	Options   map[string]any // plain values; an ssh hop has its address
	Secrets   []string       // names of the options that are sensitive
	Range     hcl.Range
}

// Job is an ordered list of work on some hosts.
type Job struct {
	Name          string
	Hosts         []*Host
	DependsOn     []string // names of jobs: declared, or read by an expression
	Lockstep      bool
	Rollout       Rollout
	Preconditions []*Task // see Site.Require
	Tasks         []*Task // those of roles and tries in their places
	Handlers      []*Task
	Tries         []Try
	Range         hcl.Range
}

// Rollout says in which portions a job goes over its hosts. The zero value is all at once, and no failure allowed.
type Rollout struct {
	Batches     []Portion // the last one is repeated
	MaxFailures Portion
	Pause       time.Duration
}

// Portion is a number of hosts, or a part of all.
type Portion struct {
	Count   int
	Percent float64 // 0: Count is meant
}

// Of returns how many of some hosts it is: a part is rounded down.
func (p Portion) Of(hosts int) int {
	if p.Percent > 0 {
		return int(p.Percent * float64(hosts) / 100)
	}
	return p.Count
}

// Try is a part of a job: Tasks[From:Rescue] is tried, Tasks[Rescue:Always] is its rescue, Tasks[Always:To] runs always.
type Try struct {
	Parent                   int // index in Job.Tries; -1: none
	From, Rescue, Always, To int
	Rescues                  bool // it has a rescue, which may be empty
}

// Task is a task or a handler, not evaluated yet.
type Task struct {
	Address   string // job.web.task.file.conf, job.web.role.nginx.handler.reload
	Action    string
	Name      string
	Tags      []string // its own and its job's
	Notify    []string // addresses of all handlers that it can notify
	OnFailure string   // stop, continue, abort
	Once      bool     // run_once
	Needs     []string // addresses of the tasks whose results it reads, in this job or another
	SelfFacts bool     // reads self.facts
	Facts     []string // names of the other hosts whose facts it reads
	Range     hcl.Range

	job  *Job
	body *taskBody
}

// Output is what a run prints at its end.
type Output struct {
	Name      string
	Sensitive bool
	Needs     []string // addresses of the tasks whose results it reads
	Facts     []*Host  // hosts whose facts it reads
	Range     hcl.Range

	block *config.Output
	fixed *fixed
}

// State is what a run has learned so far. Values are plain: string, float64, int64, bool, []any, map[string]any, nil. A
// state that has a method RunID() string gives run.id as well.
type State interface {
	// Facts returns a host's facts, or false while they are not known.
	Facts(host string) (map[string]any, bool)
	// Results returns what a task gave on a host, by for_each key (a string, or an int for lists; nil without
	// for_each), or false while it is not known. Results without elements that are not keyed say that the host never
	// reached the task.
	Results(address, host string) (Results, bool)
}

// Results are a task's results on one host.
type Results struct {
	Keyed    bool // the task has for_each
	Elements []Result
}

// Result is one result. A value that is not known yet (while planning) is listed in Unknown.
type Result struct {
	Key                      any
	Changed, Failed, Skipped bool
	Seconds                  float64
	Values                   map[string]any // what the action documents
	Sensitive                bool           // all of Values is
	Hidden                   []string       // what of Values is sensitive
	Unknown                  bool           // Values will only be given by the run
	UnknownChanged           bool           // Changed too
}

// Failure is why a rescue runs. A state that can tell has a method Failure(job string, try int, host string) (Failure,
// bool).
type Failure struct {
	Result
	Address   string // of the task, with ["key"] under for_each
	Error     string
	Sensitive bool // the error is
}

// Instance is a task evaluated for a host, one for each element of its for_each.
type Instance struct {
	Address     string // with ["key"] under for_each
	Key         any    // nil, string or int
	Keyed       bool
	Skip        bool // when is false
	Args        map[string]any
	Unknown     []string          // arguments, "when" or "for_each", that only the run will give
	Sources     map[string]string // argument of type source or tree → absolute path on the controller
	Destination string            // of the argument of that type: an absolute path on the controller
	Trees       map[string]bool   // which of them are trees
	Patterns    []string          // arguments that are regular expressions
	Secrets     []string          // names of the arguments that are sensitive; "environment" if that is
	Hidden      Hidden            // what is not shown because of them, or because the task says so
	Environment map[string]string // the job's and the task's
	Notify      []string          // addresses of handlers, in source order; Task.Notify has all that could be
	Timeout     time.Duration     // 0: not set
	Lane        string            // "": the default lane
	Retry       Retry
	Barrier     *Barrier // a condition around the task cannot be evaluated
}

// Barrier is the when of a job, a role or a try that cannot be evaluated: none of the tasks in it can run.
type Barrier struct {
	Try int // the innermost one that the whole block stands in, an index in Job.Tries; -1: none
}

// Retry says how often a task that fails is tried. The zero value is once.
type Retry struct {
	Attempts int // the first among them
	Delay    time.Duration
	Backoff  float64 // what the delay is multiplied by before each further attempt
}

// Verdict is what a task's own conditions make of a result. What is not known is neither.
type Verdict struct {
	Changed, Failed, Again                      bool // Again: until does not hold; without one, it failed
	UnknownChanged, UnknownFailed, UnknownAgain bool
}
