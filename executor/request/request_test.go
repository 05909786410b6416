package request_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runner/agent/wire"
	"runner/executor/request"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func answers(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	body, _ := io.ReadAll(r.Body)
	switch r.URL.Path {
	case "/moved":
		http.Redirect(w, r, "/", http.StatusFound)
	case "/circle":
		http.Redirect(w, r, "/circle", http.StatusFound)
	case "/large":
		_, _ = io.WriteString(w, strings.Repeat("x", request.MaxBody+1))
	case "/slow":
		<-r.Context().Done()
	case "/cut":
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
	case "/bytes":
		_, _ = w.Write([]byte{'a', 0xff, 'b'})
	default:
		w.Header().Add("X-Two", "1")
		w.Header().Add("X-Two", "2")
		_, _ = fmt.Fprintf(w, "%s %s %s %s/%s %s %s %q", r.Method, r.Host, r.Header.Get("Accept"), user, password, r.Header.Get("Authorization"), r.Header.Get("User-Agent"), body)
	}
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// A request says what it is told to, and gives what is answered, in bounds.
func TestRequest(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(answers))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for name, c := range map[string]struct {
		r         request.Request
		status    int
		body, url string
		trips     int
	}{
		"plain":    {r: request.Request{Method: "GET"}, status: 200, body: "GET " + host + "  /  runner \"\"", trips: 2},
		"basic":    {r: request.Request{Method: "POST", User: "u", Password: "p", Body: "b"}, status: 200, body: "POST " + host + "  u/p Basic dTpw runner \"b\"", trips: 2},
		"token":    {r: request.Request{Method: "GET", Token: "t"}, status: 200, body: "GET " + host + "  / Bearer t runner \"\"", trips: 2},
		"headers":  {r: request.Request{Method: "GET", Headers: map[string]string{"Accept": "text/x", "host": "other", "user-agent": "me"}}, status: 200, body: "GET other text/x /  me \"\"", trips: 2},
		"followed": {r: request.Request{Method: "GET", URL: "/moved", Follow: true}, status: 200, body: "GET " + host + "  /  runner \"\"", url: "/", trips: 4},
		"stays":    {r: request.Request{Method: "HEAD", URL: "/moved"}, status: 302, url: "/moved", trips: 2},
		"bytes":    {r: request.Request{Method: "GET", URL: "/bytes"}, status: 200, body: "a\uFFFDb", url: "/bytes", trips: 2},
	} {
		c.r.URL = server.URL + c.r.URL
		got, err := c.r.Do(t.Context(), dial)
		if err != nil || got.Status != c.status || got.Body != c.body || got.Trips != c.trips || got.URL != server.URL+c.url || got.Truncated {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if c.url == "" && got.Headers["x-two"] != "1, 2" {
			t.Errorf("%s: headers %v", name, got.Headers)
		}
	}
	got, err := (&request.Request{Method: "GET", URL: server.URL + "/large"}).Do(t.Context(), dial)
	if err != nil || len(got.Body) != request.MaxBody || !got.Truncated {
		t.Errorf("%d bytes, truncated %v, %v", len(got.Body), got.Truncated, err)
	}
}

// Another server that an answer names is not told what was meant for the first one, also not after the first one has sent it back.
func TestSentOn(t *testing.T) {
	var other *httptest.Server
	secrets := func(r *http.Request) string { return r.Header.Get("Authorization") + r.Header.Get("X-Key") }
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/here" {
			_, _ = io.WriteString(w, "here: "+secrets(r))
			return
		}
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer first.Close()
	other = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/back" {
			http.Redirect(w, r, first.URL+"/here", http.StatusTemporaryRedirect)
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "other: %s%s %s", secrets(r), r.Header.Get("Content-Type"), body)
	}))
	defer other.Close()
	for path, want := range map[string]string{"/": "other: text/x b", "/back": "here: "} {
		r := request.Request{Method: "POST", URL: first.URL + path, Token: "t", Headers: map[string]string{"X-Key": "k", "Content-Type": "text/x"}, Body: "b", Follow: true}
		if got, err := r.Do(t.Context(), dial); err != nil || got.Body != want {
			t.Errorf("%s: %q, %v", path, got.Body, err)
		}
	}
}

// What goes wrong is named, with what to do where that is known.
func TestFailures(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(answers))
	defer server.Close()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(answers))
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	lost := errors.New("the hop is gone")
	for name, c := range map[string]struct {
		r    request.Request
		dial request.DialFunc
		want string // of the message
		hint string
		code wire.Code
	}{
		"refused":          {r: request.Request{URL: "http://" + closed.Addr().String()}, want: "refused"},
		"cut":              {r: request.Request{URL: server.URL + "/cut"}, want: "closed before the answer was complete"},
		"circle":           {r: request.Request{URL: server.URL + "/circle", Follow: true}, want: "more than 10 times"},
		"slow":             {r: request.Request{URL: server.URL + "/slow"}, want: "not answered in time", code: wire.CodeTimeout},
		"no TLS":           {r: request.Request{URL: strings.Replace(server.URL, "http", "https", 1)}, want: "HTTP response to HTTPS client"},
		"authority":        {r: request.Request{URL: secure.URL}, want: "certificate", hint: "with ca"},
		"name":             {r: request.Request{URL: secure.URL, CA: ca}, dial: nil},
		"other name":       {r: request.Request{URL: "https://other.example", CA: ca}, dial: to(secure.Listener.Addr()), want: "certificate", hint: "a name that the certificate has"},
		"no certificate":   {r: request.Request{URL: secure.URL, CA: "x"}, want: "no certificate in PEM", code: wire.CodeArguments},
		"insecure":         {r: request.Request{URL: "https://other.test", Insecure: true}, dial: to(secure.Listener.Addr())},
		"hop":              {r: request.Request{URL: server.URL}, dial: failing(lost), want: "the hop is gone"},
		"agent's own word": {r: request.Request{URL: server.URL}, dial: failing(&wire.Problem{Message: "cannot connect"}), want: "failed: cannot connect"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			c.r.Method = "GET"
			if c.dial == nil {
				c.dial = dial
			}
			_, err := c.r.Do(ctx, c.dial)
			var problem *wire.Problem
			switch {
			case c.want == "" && err == nil:
			case c.want == "" || err == nil || !errors.As(err, &problem) || !strings.Contains(problem.Message, c.want) || !strings.Contains(problem.Hint, c.hint) || c.code != "" && problem.Code != c.code:
				t.Errorf("%v, %+v", err, problem)
			}
		})
	}
}

// to dials the same address, whatever it is asked for.
func to(address net.Addr) request.DialFunc {
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, "tcp", address.String()) }
}

func failing(err error) request.DialFunc {
	return func(context.Context, string, string) (net.Conn, error) { return nil, err }
}
