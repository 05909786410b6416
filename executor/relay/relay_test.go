package relay_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runner/executor/relay"
	"runner/planner/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Closing it ends a request that nobody answers, whoever waits for that. G24.
func TestClosedBeforeAnswer(t *testing.T) {
	asked, given := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-given
	}))
	defer server.Close()
	defer close(given)
	in := relay.Open(&plan.Request{URL: server.URL})
	read := make(chan error, 1)
	go func() {
		_, err := in.Read(make([]byte, 1))
		read <- err
	}()
	<-asked
	began := time.Now()
	_ = in.Close()
	if err := <-read; err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
}

// What is for one server is not told to another one that it names.
func TestSentOn(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.Header {
			_, _ = io.WriteString(w, name+"="+strings.Join(values, ",")+"\n")
		}
	}))
	defer other.Close()
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "hunter2" || r.Header.Get("X-Key") != "hunter3" {
			t.Errorf("%v", r.Header)
		}
		http.Redirect(w, r, other.URL, http.StatusFound)
	}))
	defer first.Close()
	in := relay.Open(&plan.Request{URL: first.URL, Username: "me", Password: "hunter2", Headers: map[string]string{"X-Key": "hunter3", "Accept": "text/plain"}})
	defer in.Close()
	got, err := io.ReadAll(in)
	if err != nil || strings.Contains(string(got), "X-Key") || strings.Contains(string(got), "Authorization") || !strings.Contains(string(got), "Accept=text/plain") {
		t.Errorf("%v\n%s", err, got)
	}
}

// What comes is what the server has, as it has it; nothing is asked before somebody reads, and another answer than that is an error.
func TestAnswers(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "as it is")
		case "/host":
			_, _ = io.WriteString(w, r.Method+" "+r.Host)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "a part")
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "a page that says so")
		}
	}))
	defer server.Close()
	for path, c := range map[string]struct{ want, err string }{
		"/packed": {want: "as it is"},
		"/host":   {want: "GET example.net"},
		"/cut":    {want: "a part", err: "unexpected EOF"},
		"/none":   {err: server.URL + `/none": the server answers 404 Not Found`},
	} {
		asked.Store(0)
		in := relay.Open(&plan.Request{URL: server.URL + path, Headers: map[string]string{"Host": "example.net"}})
		if asked.Load() > 0 {
			t.Errorf("%s: it is asked before anybody reads", path)
		}
		got, err := io.ReadAll(in)
		if string(got) != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v", path, got, err)
		}
		for range 2 {
			if err := in.Close(); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		if asked.Load() != 1 {
			t.Errorf("%s: it is asked %d times", path, asked.Load())
		}
	}
	for _, url := range []string{"http://127.0.0.1:1/", "http://[", "gopher://127.0.0.1/"} {
		in := relay.Open(&plan.Request{URL: url})
		if _, err := io.ReadAll(in); err == nil {
			t.Errorf("%s answers", url)
		}
		_ = in.Close()
	}
	never := relay.Open(&plan.Request{URL: server.URL})
	asked.Store(0)
	if err := never.Close(); err != nil || asked.Load() > 0 {
		t.Errorf("closed unread, it is asked %d times, %v", asked.Load(), err)
	}
}
