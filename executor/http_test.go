package executor_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"runner/agent/wire"
	"runner/executor"
	"runner/executor/event"
	"runner/planner/plan"
)

// asks adds a request.
func (b *bench) asks(job *plan.Job, name string, args map[string]any) {
	task := b.aside(job, "http", name, func(plan.State) plan.Instance { return plan.Instance{Args: args} })
	task.Results = []string{"status", "url", "headers", "body", "truncated"}
}

// counting is a server that counts what it is asked.
func counting(t *testing.T, answer http.HandlerFunc) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// A request is made in its place: what comes after waits for the answer, and a status that is not expected fails.
func TestRequests(t *testing.T) {
	url, asked := counting(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/503" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = fmt.Fprint(w, r.Method)
	})
	for _, c := range []struct {
		name  string
		args  map[string]any
		end   string
		error string
	}{
		{"get", map[string]any{"url": url}, "ok", ""},
		{"post", map[string]any{"url": url, "method": "POST", "headers": map[string]any{"X": "y"}}, "changed", ""},
		{"promised", map[string]any{"url": url, "method": "POST", "changes": false}, "ok", ""},
		{"change", map[string]any{"url": url, "changes": true}, "changed", ""},
		{"unexpected", map[string]any{"url": url + "/503"}, "failed", "GET " + url + "/503 was answered with 503 Service Unavailable, and a status from 200 to 299 is expected"},
		{"expected", map[string]any{"url": url + "/503", "status": []any{int64(200), int64(503)}}, "ok", ""},
		{"another", map[string]any{"url": url, "status": []any{float64(201), float64(204)}}, "failed", "GET " + url + " was answered with 200 OK, and 201 or 204 is expected"},
		{"refused", map[string]any{"url": "http://127.0.0.1:1/"}, "failed", "connection refused"},
		{"no name", map[string]any{"url": "http://no-such-name.invalid/"}, "failed", "no-such-name.invalid"},
	} {
		b := newBench("a")
		job := b.job("j")
		b.sh(job, "one", "true")
		b.asks(job, "ask", c.args)
		b.sh(job, "two", "true")
		before := asked.Load()
		s := b.apply(t, t.Context())
		two := "changed"
		if c.end == "failed" {
			two = "cancelled"
		}
		same(t, b.sink.ends(), []string{"one changed", "ask " + c.end, "two " + two})
		for _, e := range b.sink.events {
			if end, ok := e.(event.TaskEnd); ok && short(end.Address) == "ask" && (!strings.Contains(end.Error, c.error) || end.Target == nil || time.Time(end.Started).IsZero()) {
				t.Errorf("%s: %+v", c.name, end)
			}
		}
		if c.error == "" && (asked.Load() != before+1 || s.Trips != 5) { // hello, one, connect, request, two
			t.Errorf("%s: asked %d times, %d round trips", c.name, asked.Load()-before, s.Trips)
		}
		for _, e := range b.sink.events {
			if end, ok := e.(event.TaskEnd); ok && c.name == "refused" && short(end.Address) == "ask" && !strings.Contains(end.Failure.Hint, "Does a server listen") {
				t.Errorf("%s: %+v", c.name, end.Failure)
			}
		}
		if got := b.sink.result("ask"); c.end != "failed" && (got["body"] == "" || got["status"] == nil) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A request is tried again until its own condition holds.
func TestRequestAgain(t *testing.T) {
	n := 0
	url, asked := counting(t, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	b := newBench("a")
	job := b.job("j")
	b.aside(job, "http", "ask", func(plan.State) plan.Instance {
		return plan.Instance{Args: map[string]any{"url": url}, Retry: plan.Retry{Attempts: 5, Delay: time.Millisecond}}
	})
	b.sh(job, "two", "true")
	b.apply(t, t.Context())
	same(t, b.sink.ends(), []string{"ask ok", "two changed"})
	if asked.Load() != 3 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// A preview asks only what was promised to change nothing, and not behind a change; what would be asked is shown.
func TestRequestsPreviewed(t *testing.T) {
	url, asked := counting(t, func(http.ResponseWriter, *http.Request) {})
	b := newBench("a")
	b.run.Mode = wire.ModeLook
	job := b.job("j")
	b.asks(job, "get", map[string]any{"url": url})
	b.asks(job, "promised", map[string]any{"url": url, "changes": false})
	b.asks(job, "post", map[string]any{"url": url, "method": "POST"})
	b.asks(job, "behind", map[string]any{"url": url, "changes": false})
	b.sh(job, "two", "true")
	b.apply(t, t.Context())
	same(t, b.sink.planned(), []string{"get read", "promised read", "post run", "behind read", "two run"})
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
	for _, e := range b.sink.events {
		if p, ok := e.(event.PlannedChange); ok && (short(p.Address) == "behind") != (p.Reason == "task.command.post runs before") {
			t.Errorf("%+v", p)
		}
	}
}

// A plan says what its requests cost.
func TestRequestsCounted(t *testing.T) {
	url, _ := counting(t, func(http.ResponseWriter, *http.Request) {})
	b := newBench("a")
	job := b.job("j")
	b.sh(job, "one", "true")
	b.asks(job, "first", map[string]any{"url": url})
	b.asks(job, "second", map[string]any{"url": url})
	b.sh(job, "two", "true")
	if s := b.apply(t, t.Context()); s.Trips != b.RoundTrips(b.Pipelines()) {
		t.Errorf("%d round trips, and the plan says %d", s.Trips, b.RoundTrips(b.Pipelines()))
	}
}

// With https, the certificate is what the site says; a timeout and an interrupt end a request.
func TestRequestsEnd(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
	}))
	server.StartTLS()
	defer server.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	for _, c := range []struct {
		name, path string
		args       map[string]any
		timeout    time.Duration
		end        string
		reason     string
	}{
		{name: "trusted", args: map[string]any{"ca": ca}, end: "ok"},
		{name: "insecure", args: map[string]any{"insecure": true}, end: "ok"},
		{name: "not trusted", args: map[string]any{}, end: "failed", reason: "action"},
		{name: "late", path: "/slow", args: map[string]any{"ca": ca}, timeout: 200 * time.Millisecond, end: "failed", reason: "timeout"},
		{name: "interrupted", path: "/slow", args: map[string]any{"ca": ca}, end: "cancelled", reason: "cancelled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench("a")
			job := b.job("j")
			c.args["url"] = server.URL + c.path
			b.aside(job, "http", "ask", func(plan.State) plan.Instance { return plan.Instance{Args: c.args, Timeout: c.timeout} })
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			b.sink.seen = func(e event.Event) {
				if _, ok := e.(event.TaskStart); ok && c.reason == "cancelled" {
					cancel(executor.ErrInterrupted)
				}
			}
			began := time.Now()
			b.apply(t, ctx)
			same(t, b.sink.ends(), []string{"ask " + c.end})
			for _, e := range b.sink.events {
				if end, ok := e.(event.TaskEnd); ok && end.Reason != c.reason {
					t.Errorf("%+v", end)
				}
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}
