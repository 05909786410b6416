package plan

// State is what a run has learned so far. Values are plain: string, float64, int64, bool, []any, map[string]any, nil.
type State interface {
	// RunID is the run's id, "" while planning.
	RunID() string
	// Facts returns a host's facts by its name, or false while they are not known.
	Facts(host string) (map[string]any, bool)
	// Results returns what a task gave on a host, or false while it is not known.
	Results(address, host string) (Results, bool)
	// Failure returns the result that the rescue of a try, an index in Job.Tries, works on at a host, or false while there
	// is none.
	Failure(job string, try int, host string) (Failure, bool)
}

// Failure is why a rescue runs.
type Failure struct {
	Result
	Address   string // of the task, with ["key"] under for_each
	Error     string
	Sensitive bool // the error is
}

// Results are a task's results on one host, one for each element of its for_each.
type Results struct {
	Keyed    bool // the task has for_each
	Elements []Result
}

// Result is one result.
type Result struct {
	Key                      any // nil, string or int
	Changed, Failed, Skipped bool
	Seconds                  float64
	Values                   map[string]any // what the action documents
	Sensitive                bool           // all of Values is
	Hidden                   []string       // what of Values is sensitive
	Unknown                  bool           // planning: Values will only be given by the run
	UnknownChanged           bool           // planning: Changed too
}
