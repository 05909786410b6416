// Package plan is what a plan consists of, as plain data: no expressions, no connections, no behaviour. The planner
// makes it, the executor walks it, the command line shows it.
package plan

import "time"

// Plan is everything a run needs, but for the values that only the run will give.
type Plan struct {
	Site        string       // the site's directory, absolute
	Connections []Connection // parents before children
	Hosts       []Host
	Jobs        []Job    // dependencies before dependants
	Needs       []string // addresses of the tasks whose results the run's outputs read
	Facts       []int    // indices in Hosts whose facts they read
	Parallelism int      // hosts worked on at once
}

// Connection is one hop, opened at most once and shared by all that need it.
type Connection struct {
	Parent    int // index in Plan.Connections; -1: the controller
	Transport string
	Title     string         // for people: "ssh deploy@127.0.1.1"
	User      string         // for people; "" where the hop names none
	Options   map[string]any // checked; secrets among them
	Secrets   []string       // the texts among them that are sensitive: no error shows them
	Timeout   time.Duration  // until the hop's hello
	Target    bool           // tasks run at its end, and it does not only lead to others
	Transit   bool           // only tunnelled through to reach another ssh hop: no agent is started here
	Place     Place
}

// Host is something that tasks run on.
type Host struct {
	Name       string
	Connection int // index in Plan.Connections: the last hop of its chain; -1: no selected task needs it
}

// Job is an ordered list of work on some hosts.
type Job struct {
	Name          string
	After         []int  // indices in Plan.Jobs that must have ended well
	Hosts         []int  // indices in Plan.Hosts
	Preconditions []Task // what must hold on a host before its first task; of each only what it needs counts
	Tasks         []Task // in source order, those of roles and tries in their places
	Handlers      []Task // in the order in which they are declared, those of roles among them
	Tries         []Try  // in source order, outer ones before those inside
	Lockstep      bool   // no host starts a task before all of its batch have ended the one before
	Rollout       Rollout
	Place         Place
}

// Rollout says in which portions a job goes over its hosts. The zero value is all at once, and no failure allowed.
type Rollout struct {
	Batches     []int         // sizes, in hosts; the last one is repeated until all are done
	MaxFailures int           // hosts of the job that may fail, or be lost, before no further batch starts and the job has failed
	Pause       time.Duration // between batches
}

// Try is a part of a job whose failures are caught. Its parts follow each other in Job.Tasks: Tasks[From:Rescue] is what
// is tried, Tasks[Rescue:Always] runs on a host where that failed, Tasks[Always:To] runs in any case.
type Try struct {
	Parent                   int // index in Job.Tries of the one around it; -1: none
	From, Rescue, Always, To int
	Rescues                  bool // it has a rescue, which may be empty: a failure ends there
}

// Task is one task or handler of a job, before it is evaluated for a host.
type Task struct {
	Address     string // job.web.task.file.conf
	Action      string
	Own         string // the action is one of the user's own: "exact" or "runs", how it is previewed; "": it comes with runner
	Name        string
	Needs       []string    // addresses of the tasks whose results it reads; the pipeline is cut before it
	Facts       []int       // indices in Plan.Hosts whose facts it reads, beside its own host's
	SelfFacts   bool        // reads its own host's facts
	Connections map[int]int // host → connection, where on, run_as or hops lead elsewhere than the host's chain
	Notify      []string    // addresses of all handlers that it can notify
	Results     []string    // names of what its action documents as results
	Uncut       bool        // what runs of it may be at a point where it must not be cut
	Keyed       bool        // has for_each
	Elements    int         // of its for_each, where the site alone says how many; else 0
	Once        bool        // run_once: on the first host of the batch that is still in the run
	ChangedWhen bool        // whether it changed something is the evaluator's to judge
	Verdict     bool        // whether it failed, or must be tried again, is the evaluator's to judge (failed_when, until)
	OnFailure   OnFailure
	Selected    bool // not left out by --tags, --skip-tags or --target
	Place       Place
}

// Aside says whether the task is the controller's to do, in its place and without a call: no connection leads to where it
// runs, and what comes after need not be told of it.
func (t *Task) Aside() bool { return t.Action == "assert" || t.Action == "fail" || t.Action == "print" }

// Deferred says whether nothing waits for what the task reads: it is evaluated when that has come.
func (t *Task) Deferred() bool { return t.Action == "print" && !t.Verdict && !t.Once }

// OnFailure says what a failed task means for its host.
type OnFailure string

// What a failed task can mean.
const (
	Stop     OnFailure = "stop"
	Continue OnFailure = "continue"
	Abort    OnFailure = "abort"
)

// Instance is a task evaluated for a host, one for each element of its for_each.
type Instance struct {
	Address     string // with ["key"] under for_each
	Key         any    // nil, string or int
	Keyed       bool   // the task has for_each
	Skip        bool   // when is false
	Args        map[string]any
	Unknown     []string          // arguments, "when" or "for_each", that only the run will give
	Content     *Content          // what is too large for Args
	Own         *Own              // what an action of the user's own is run with, which is made of Args; nil: it is none
	Sources     map[string]string // arguments that name a file, whose bytes stand in Args or Content
	Destination string            // the path on the controller that the target's are written to; "": none
	Trees       map[string]bool   // those of them that name a whole tree, whose description does
	Patterns    map[string]string // regular expressions, whose programs stand in Args
	Secrets     []string          // names of the arguments that are sensitive; "environment" if that is
	Hidden      Hidden            // what is not shown because of them, or because the task says so
	Environment map[string]string
	Timeout     time.Duration // 0: none
	Notify      []string      // addresses of handlers
	Lane        string        // "": the target's default lane
	Retry       Retry
	Refusal     string // of a precondition that does not hold: why
}

// Hidden is what of a task is not shown: All, or what can hold a sensitive argument, or tell of it.
type Hidden struct {
	All     bool
	Change  []string // attributes of what the change is about
	Results []string
	Diff    bool
	Quote   bool // what programs have printed, where errors quote it
	Errors  bool // what errors say
}

// State says whether what is hidden could tell that something is not as it was.
func (h Hidden) State() bool { return h.All || h.Diff || len(h.Change) > 0 }

// Failures says whether nothing is shown of what went wrong.
func (h Hidden) Failures() bool { return h.All || h.Errors }

// Output says whether what programs print is not shown.
func (h Hidden) Output() bool { return h.All || h.Errors || h.Quote }

// Own is an executable that is sent to a target and run there, and what it reads: Head, "look" or "act", and Tail.
type Own struct {
	Head, Tail []byte
	SHA256     string // of the executable, hexadecimal
	Size       int64  // of it, in bytes
	Data       []byte // the executable, if it is small; else it goes when it is asked for
	File       string // it, on the controller
}

// Answer is what an action of the user's own has answered, taken apart. Values are plain.
type Answer struct {
	Verb          string // create, update, remove, run or none
	Before, After map[string]any
	Diff          string
	Result        map[string]any // nil: only acting will tell
	Error, Hint   string         // why it could not do what it was asked for
}

// Retry says how often a task that fails is tried. The zero value is once.
type Retry struct {
	Attempts int           // the first among them
	Delay    time.Duration // before the second attempt
	Backoff  float64       // what the delay is multiplied by before each further one
}

// Verdict is what a task's own conditions make of a result. Where the result is not known, neither is it. While there are
// attempts left, a result that is Failed or Again is followed by another one.
type Verdict struct {
	Changed, Failed, Again                      bool // Again: the condition to stop trying does not hold; without one, it failed
	UnknownChanged, UnknownFailed, UnknownAgain bool
}

// Content is bytes that go to a target when it asks for them: Data, or the file's when File is set, or what a server gives when Request
// is. Of a tree, which File names, Data goes first, if there is any, and then what is asked for of Files.
type Content struct {
	Argument string // that it is the value of; "": of none
	File     string
	Data     []byte
	Request  *Request
	Size     int64  // bytes; 0: not known
	Files    []File // of a tree; nil: it is none
}

// File is a file of a tree on the controller. It has the number that is its place.
type File struct {
	Name string
	Size int64 // bytes
}

// Request is what the controller asks of a server for a target that cannot.
type Request struct {
	URL                string
	Headers            map[string]string
	Username, Password string
}

// Output is a value that a run prints at its end.
type Output struct {
	Name      string
	Value     any
	Sensitive bool
}

// Pipeline is a run of a job's tasks on one host that are sent without waiting in between.
type Pipeline struct {
	Job, Host int    // indices in Plan.Jobs and Plan.Hosts
	From, To  int    // Tasks[From:To] of the job
	Cut       string // why it does not continue the one before; "" for the first
	Wait      bool   // it needs facts that come with a connection behind the first hop
}

// Place is where something was declared.
type Place struct {
	File      string
	Line      int // from 1
	Column    int // from 1, in characters
	EndLine   int
	EndColumn int
	Byte      int
	EndByte   int
	Used      string // of a task in a role: where the role is used, in a sentence
}

// Explain adds to what is said about something in a role where the role is used.
func (p Place) Explain(text string) string {
	if p.Used == "" {
		return text
	}
	return text + "\n\n" + p.Used
}
