package record

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"runner/executor/event"
)

// The states of a run beside those that it ends with.
const (
	Running event.RunStatus = "running"
	Killed  event.RunStatus = "killed" // it has ended, and its record does not say how
)

// Summary is what is known of a run as a whole.
type Summary struct {
	ID     string
	Began  time.Time
	Ended  time.Time // zero: it has not said
	Status event.RunStatus
	Start  Start
	End    event.RunEnd // zero values: it has not said
	Counts event.Counts // of the host that was asked for, or of all

	n int64
}

// List returns the runs that have reached, or tried to reach, a host ("": all runs), the newest first, and at most so many
// (0: all).
func (s *Store) List(host string, most int) ([]Summary, error) {
	if most == 0 {
		most = -1
	}
	rows, err := s.db.Query(`
		select n, id, began, ended, status, start, finish from runs
		where ?1 = '' or n in (select run from events where host = ?1)
		order by began desc, n desc limit ?2`, host, most)
	if err != nil {
		return nil, fmt.Errorf("cannot read the records: %w", err)
	}
	out, err := s.summaries(rows)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if host == "" && !out[i].Ended.IsZero() {
			continue
		}
		if err := s.count(&out[i], host); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Store) summaries(rows *sql.Rows) ([]Summary, error) {
	defer rows.Close() //nolint:errcheck // Err says it
	var out []Summary
	for rows.Next() {
		var r Summary
		var began int64
		var ended sql.NullInt64
		var status string
		var start, finish []byte
		if err := rows.Scan(&r.n, &r.ID, &began, &ended, &status, &start, &finish); err != nil {
			return nil, fmt.Errorf("cannot read the records: %w", err)
		}
		if err := cbor.Unmarshal(start, &r.Start); err != nil {
			return nil, fmt.Errorf("cannot read the record of run %s: %w", r.ID, err)
		}
		r.Began, r.Status = time.Unix(0, began), event.RunStatus(status)
		if ended.Valid {
			r.Ended = time.Unix(0, ended.Int64)
			e, _, err := event.Decode(finish)
			if err != nil {
				return nil, fmt.Errorf("cannot read the record of run %s: %w", r.ID, err)
			}
			r.End, _ = e.(event.RunEnd)
			r.Counts = r.End.Counts
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the records: %w", err)
	}
	for i := range out {
		switch r := &out[i]; {
		case !r.Ended.IsZero():
		case s.isHeld(r.ID):
			r.Status = Running
		default:
			r.Status = Killed
		}
	}
	return out, nil
}

// count counts how tasks ended in a run, on a host or on all.
func (s *Store) count(r *Summary, host string) error {
	r.Counts = event.Counts{}
	return s.eventsOf(r, host, func(e event.Event, _ time.Time) error {
		if end, ok := e.(event.TaskEnd); ok {
			r.Counts.Add(end.Status)
		}
		return nil
	})
}

// UnknownError tells that there is no run of that name.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string { return fmt.Sprintf("there is no record of a run %q", e.Name) }

// AmbiguousError tells that several runs have a name.
type AmbiguousError struct {
	Name string
	IDs  []string // the newest first
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q may be any of %d runs: %s", e.Name, len(e.IDs), strings.Join(e.IDs, ", "))
}

// Find returns the run with an id, or the only one whose id begins or ends like that. The error is an *UnknownError or an
// *AmbiguousError where that is why.
func (s *Store) Find(name string) (*Summary, error) {
	rows, err := s.db.Query(`
		select n, id, began, ended, status, start, finish from runs
		where substr(id, 1, length(?1)) = ?1 or substr(id, -length(?1)) = ?1
		order by began desc, n desc limit 10`, name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the records: %w", err)
	}
	found, err := s.summaries(rows)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(found, func(r Summary) bool { return r.ID == name })
	switch {
	case len(found) == 0 || name == "":
		return nil, &UnknownError{Name: name}
	case len(found) == 1:
		at = 0
	case at < 0:
		ambiguous := &AmbiguousError{Name: name}
		for _, r := range found {
			ambiguous.IDs = append(ambiguous.IDs, r.ID)
		}
		return nil, ambiguous
	}
	r := &found[at]
	if err := s.db.QueryRow("select source from runs where n = ?", r.n).Scan(&r.Start.Source); err != nil {
		return nil, fmt.Errorf("cannot read the record of run %s: %w", r.ID, err)
	}
	return r, nil
}

// Successor returns the id of the run that has gone on with a run; "" if none has.
func (s *Store) Successor(r *Summary) (string, error) {
	var id string
	err := s.db.QueryRow("select id from runs where resumes = ?", r.ID).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("cannot read the records: %w", err)
	}
	return id, nil
}

// Events calls do with what a run has told, in order. What was sent and never came back ends as unknown at the end of a run
// that was killed, or whose record could not be written to its end.
func (s *Store) Events(r *Summary, do func(event.Event, time.Time) error) error {
	return s.eventsOf(r, "", do)
}

// eventsOf is Events for what is about a host; "" is everything.
func (s *Store) eventsOf(r *Summary, host string, do func(event.Event, time.Time) error) error {
	type call struct{ host, address string }
	open := map[call]int64{}          // → when it was sent, as a number
	early := map[call]event.TaskEnd{} // failures of which it was not known yet whether they are handled
	var last time.Time
	for from, most := int64(-1), 1000; ; {
		lots, err := s.lot(r, host, from, most)
		if err != nil {
			return err
		}
		for _, l := range lots {
			from = l.seq
			e, at, err := event.Decode(l.body)
			if err != nil {
				return fmt.Errorf("cannot read the record of run %s: %w", r.ID, err)
			}
			last = at
			switch e := e.(type) {
			case event.Sent:
				open[call{e.Host, e.Address}] = l.seq
				if e.Withdrawn {
					delete(open, call{e.Host, e.Address})
				}
				continue
			case event.EarlyFailure:
				early[call{e.Host, e.Address}] = e.TaskEnd
				delete(open, call{e.Host, e.Address})
			case event.TaskEnd:
				delete(open, call{e.Host, e.Address})
				delete(early, call{e.Host, e.Address})
			}
			if err := do(e, at); err != nil {
				return err
			}
		}
		if len(lots) < most {
			break
		}
	}
	if r.Status != Killed {
		return nil
	}
	for _, end := range early {
		if err := do(end, last); err != nil {
			return err
		}
	}
	for _, c := range slices.SortedFunc(maps.Keys(open), func(a, b call) int { return cmp.Compare(open[a], open[b]) }) {
		if err := do(event.TaskEnd{
			Job: jobOf(c.address), Address: c.address, Host: c.host, Status: event.Unknown, Reason: "lost",
			Error: "the record of the run ends before it says how this ended",
		}, last); err != nil {
			return err
		}
	}
	return nil
}

// jobOf is the name of the job that an address is of.
func jobOf(address string) string {
	_, rest, _ := strings.Cut(address, ".")
	name, _, _ := strings.Cut(rest, ".")
	return name
}

type row struct {
	seq  int64
	body []byte
}

// lot reads some events, so that the database is not busy while they are shown.
func (s *Store) lot(r *Summary, host string, from int64, most int) ([]row, error) {
	rows, err := s.db.Query("select seq, body from events where run = ? and seq > ? and (? = '' or host = ?) order by seq limit ?", r.n, from, host, host, most)
	if err != nil {
		return nil, fmt.Errorf("cannot read the record of run %s: %w", r.ID, err)
	}
	defer rows.Close() //nolint:errcheck // Err says it
	var out []row
	for rows.Next() {
		var l row
		if err := rows.Scan(&l.seq, &l.body); err != nil {
			return nil, fmt.Errorf("cannot read the record of run %s: %w", r.ID, err)
		}
		out = append(out, l)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the record of run %s: %w", r.ID, err)
	}
	return out, nil
}
