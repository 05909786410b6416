package record

import (
	"slices"
	"time"

	"runner/executor/event"
)

// Progress is what a run, and those that it went on with, have done: what is not to be done again.
type Progress struct {
	ended map[place]event.TaskEnd
	began map[string][]string // hosts → what they are known by
	due   map[place][]string  // host and job → handlers
}

// place is an address on a host.
type place struct{ host, address string }

// Progress reads how far a run has come.
func (s *Store) Progress(r *Summary) (*Progress, error) {
	chain := []*Summary{r}
	for chain[0].Start.Resumes != "" {
		before, err := s.Find(chain[0].Start.Resumes)
		if err != nil {
			return nil, err
		}
		chain = slices.Insert(chain, 0, before)
	}
	p := NewProgress()
	for _, run := range chain {
		err := s.Events(run, func(e event.Event, _ time.Time) error {
			p.Add(e)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

// NewProgress returns that of a run in which nothing has happened yet.
func NewProgress() *Progress {
	return &Progress{ended: map[place]event.TaskEnd{}, due: map[place][]string{}, began: map[string][]string{}}
}

// Add notes what happened next.
func (p *Progress) Add(e event.Event) {
	switch e := e.(type) {
	case event.TaskEnd:
		p.add(e)
	case event.EarlyFailure: // its rescue has begun, and goes on
		p.ended[place{e.Host, e.Address}] = e.TaskEnd
	case event.Identity:
		p.began[e.Host] = e.Known
	case event.Through:
		at := place{e.Host, e.Job}
		p.due[at] = slices.DeleteFunc(p.due[at], func(h string) bool { return h == e.Handler })
	}
}

func (p *Progress) add(end event.TaskEnd) {
	at := place{end.Host, end.Job}
	for _, handler := range end.Notified {
		if !slices.Contains(p.due[at], handler) {
			p.due[at] = append(p.due[at], handler)
		}
	}
	well := end.Status == event.OK || end.Status == event.Changed || end.Status == event.Skipped && end.Reason == ""
	if (well || end.Status == event.Failed && end.Handled) && end.Handler == "" { // a handler may be due again
		p.ended[place{end.Host, end.Address}] = end
	}
}

// Ended returns how a task, or an element of its for_each, ended on a host, if that is not to be done again.
func (p *Progress) Ended(host, address string) (event.TaskEnd, bool) {
	end, ok := p.ended[place{host, address}]
	return end, ok
}

// Known returns what a host was known by when it was reached last, in words; nil if it was not.
func (p *Progress) Known(host string) []string { return p.began[host] }

// Due returns the addresses of a job's handlers that were notified on a host and have not run well since.
func (p *Progress) Due(host, job string) []string { return p.due[place{host, job}] }
