package record

import (
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"runner/executor/event"
)

// rows counts the events on record.
func rows(t *testing.T, s *Store) (n int) {
	t.Helper()
	if err := s.db.QueryRow("select count(*) from events").Scan(&n); err != nil {
		t.Error(err)
	}
	return n
}

// block emits an event whose telling ends with what it returns.
func block(r *Run) (end func()) {
	blocked := make(chan struct{})
	r.Emit(event.RunStart{Run: "x"}, func(time.Time) { <-blocked })
	return func() { close(blocked) }
}

// TestG24Untold: while nobody can be told anything, what is emitted is committed all the same, also by those that wait for
// room, and nobody waits for more than that before something is sent.
func TestG24Untold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		r := begin(t, s, "a-1", time.Now(), Start{})
		end := block(r)
		told, emitted := 0, 1
		for range 10 {
			r.Emit(event.TaskEnd{Host: "a"}, func(time.Time) { told++ })
			emitted++
			r.Wait()
			if n := rows(t, s); n != emitted {
				t.Errorf("%d events are on record, want %d", n, emitted)
			}
		}
		for range 2 * mostEvents {
			go r.Emit(event.TaskEnd{Host: "a"}, func(time.Time) { told++ })
			emitted++
		}
		synctest.Wait()
		if n := rows(t, s); n != emitted || told != 0 {
			t.Errorf("%d events are on record, want %d; %d were told", n, emitted, told)
		}
		end()
		if err := r.Close(); err != nil || told != emitted-1 {
			t.Errorf("%d events were told, want %d; %v", told, emitted-1, err)
		}
	})
}

// TestRoom: one who emits a lot waits while nobody is told, and goes on after that or when the record is closed.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		r := begin(t, s, "a-1", time.Now(), Start{})
		emitted := 0
		emit := func(most int) {
			for range most {
				r.Emit(event.TaskEnd{Host: "a"}, nil)
				emitted++
			}
		}
		end := block(r)
		go emit(3 * mostEvents)
		synctest.Wait()
		if emitted >= mostEvents || emitted < mostEvents-2 {
			t.Errorf("%d events were emitted while %d may wait", emitted, mostEvents)
		}
		end()
		synctest.Wait()
		if emitted != 3*mostEvents {
			t.Errorf("%d events were emitted, want %d", emitted, 3*mostEvents)
		}
		end = block(r)
		go emit(3 * mostEvents)
		synctest.Wait()
		closed := make(chan struct{})
		go func() {
			_ = r.Close()
			close(closed)
		}()
		synctest.Wait()
		if emitted != 6*mostEvents {
			t.Errorf("%d events were emitted before it was closed, want %d", emitted, 6*mostEvents)
		}
		end()
		<-closed
	})
}

// counted counts how often a lock is taken.
type counted struct {
	sync.Locker
	n int
}

func (l *counted) Lock() {
	l.Locker.Lock()
	l.n++
}

// TestWoken: who waits for room is woken when there is some, and not by what others emit.
func TestWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, open(t), "a-1", time.Now(), Start{})
		woken := &counted{Locker: &r.mu}
		r.room.L = woken
		end := block(r)
		for range mostEvents - 2 {
			r.Emit(event.TaskEnd{Host: "a"}, nil)
		}
		const all = 100
		var emitters sync.WaitGroup
		for range all {
			emitters.Go(func() { r.Emit(event.TaskEnd{Host: "a"}, nil) })
			synctest.Wait()
		}
		if woken.n != 0 {
			t.Errorf("those that wait were woken %d times", woken.n)
		}
		end()
		emitters.Wait()
		if woken.n != all {
			t.Errorf("%d were woken %d times", all, woken.n)
		}
	})
}

// fail lets nothing be written until what it returns is called.
func fail(t *testing.T, s *Store) (end func()) {
	t.Helper()
	do := func(statement string) {
		if _, err := s.db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	do("create trigger fail before insert on events begin select raise(abort, 'there is no room'); end")
	return func() { do("drop trigger fail") }
}

// TestFailing: what cannot be written for a moment is written after that, in order. When it cannot be for long, the record ends
// there: nothing is missing before, and nothing says that the run has ended well.
func TestFailing(t *testing.T) {
	for _, c := range []struct {
		name    string
		late    int // events that cannot be written
		forever bool
		whole   bool
	}{
		{name: "for a moment", late: mostLate, whole: true},
		{name: "for long", late: mostLate + 2},
		{name: "at the end", late: 1, forever: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			r := begin(t, s, "a-1", time.Now(), Start{Command: "apply"})
			emit := func(e event.Event) {
				r.Emit(e, nil)
				r.Wait()
			}
			first := event.TaskEnd{Job: "j", Address: "job.j.task.command.first", Host: "a", Status: event.OK}
			sent := event.Sent{Address: "job.j.task.command.t", Host: "a"}
			emit(first)
			emit(sent)
			end := fail(t, s)
			want := []event.Event{first}
			for i := range c.late {
				e := event.TaskEnd{Job: "j", Address: sent.Address, Host: "a", Status: event.OK, Attempts: i + 1}
				emit(e)
				want = append(want, e)
			}
			if !c.forever {
				end()
			}
			finish := event.RunEnd{Status: event.RunOK}
			emit(finish)
			want = append(want, finish)
			err, status := r.Close(), event.RunOK
			if !c.whole {
				status = Killed
				want = []event.Event{first, event.TaskEnd{
					Job: "j", Address: sent.Address, Host: "a", Status: event.Unknown, Reason: "lost", Error: "the record of the run ends before it says how this ended",
				}}
			}
			is := find(t, s, "a-1")
			if (err == nil) != c.whole || is.Status != status {
				t.Errorf("it is %s: %v", is.Status, err)
			}
			if got := events(t, s, is); !reflect.DeepEqual(got, want) {
				t.Errorf("%d events are on record: %v, want %d: %v", len(got), got, len(want), want)
			}
			if p, err := s.Progress(is); err != nil {
				t.Error(err)
			} else if _, done := p.Ended("a", sent.Address); done != c.whole {
				t.Errorf("that the task is done is known: %v, %v", done, c.whole)
			}
		})
	}
}
