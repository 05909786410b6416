package record

import (
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
