package ssh

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Logins that a server turns away become fewer until it turns nobody away, and more again; all of them are made in the end.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const logins, room = 500, 10
		g := new(gate)
		inside, most, turned, done := 0, 0, 0, make(chan struct{}, logins)
		lock := make(chan struct{}, 1)
		for range logins {
			go func() {
				for {
					if err := g.enter(t.Context()); err != nil {
						t.Error(err)
					}
					began := time.Now()
					lock <- struct{}{}
					inside++
					most = max(most, inside)
					var err error
					if inside > room {
						err = &Error{Kind: KindBusy}
						turned++
					}
					<-lock
					time.Sleep(10 * time.Millisecond)
					lock <- struct{}{}
					inside--
					<-lock
					g.leave(began, err)
					if err == nil {
						done <- struct{}{}
						return
					}
					time.Sleep(100 * time.Millisecond)
				}
			}()
		}
		for range logins {
			<-done
		}
		if most != logins {
			t.Errorf("at first %d came at once, want all %d", most, logins)
		}
		if turned > 3*logins || g.inside != 0 || len(g.waiting) != 0 {
			t.Errorf("%d were turned away for %d logins; %d are inside, %d wait", turned, logins, g.inside, len(g.waiting))
		}
		if g.most > 2*room {
			t.Errorf("at the end %.1f go at once, and there is room for %d", g.most, room)
		}
	})
}

// Who gives up does not take a turn from others.
func TestGateGivesUp(t *testing.T) {
	g := &gate{most: 1}
	if err := g.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if err := g.enter(ctx); !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
	g.leave(time.Now(), nil)
	if err := g.enter(t.Context()); err != nil || g.inside != 1 {
		t.Errorf("%v, %d inside", err, g.inside)
	}
}
