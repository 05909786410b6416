package relay_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
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
