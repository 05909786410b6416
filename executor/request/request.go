// Package request makes HTTP requests over connections that somebody else opens: an agent far away, which speaks no HTTP
// and resolves the names. Its neighbour is package executor, whose tasks ask for them; it knows no hosts and no tasks.
package request

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"runner/agent/wire"
)

const (
	// MaxBody is how many bytes of a body are kept.
	MaxBody = 1 << 20
	// mostHops is how often one is sent on to another address.
	mostHops = 10
)

// Request is what is asked.
type Request struct {
	Method   string
	URL      string
	Headers  map[string]string
	Body     string
	User     string // of basic authentication, with Password; "": none
	Password string
	Token    string // of bearer authentication; "": none
	CA       string // certificates in PEM that are trusted instead of this machine's own; "": those
	Insecure bool   // anybody's certificate is trusted
	Follow   bool   // go where one is sent on to
}

// Reply is an answer.
type Reply struct {
	Status    int
	Text      string            // "503 Service Unavailable"
	URL       string            // that was asked last
	Headers   map[string]string // by name in lower case; several of one name joined by ", "
	Body      string            // the first MaxBody bytes
	Truncated bool              // there is more
	Trips     int               // how often an answer was waited for, on all connections together
}

// DialFunc makes a connection, as net.Dialer's DialContext does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Do makes the request and reads the answer. Its errors are a *wire.Problem, or what dial fails with.
func (r *Request) Do(ctx context.Context, dial DialFunc) (Reply, error) {
	var trips atomic.Int32
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			trips.Add(1)
			return &counted{Conn: conn, trips: &trips}, nil
		},
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: r.Insecure}, //nolint:gosec // only where the site says so
	}
	defer transport.CloseIdleConnections()
	if r.CA != "" {
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM([]byte(r.CA)) {
			return Reply{}, &wire.Problem{Code: wire.CodeArguments, Message: "ca holds no certificate in PEM"}
		}
	}
	client := http.Client{Transport: transport, CheckRedirect: func(next *http.Request, before []*http.Request) error {
		if !r.Follow {
			return http.ErrUseLastResponse
		}
		return Redirect(next, before)
	}}
	asked, err := r.make(ctx)
	if err != nil {
		return Reply{}, err
	}
	answer, err := client.Do(asked)
	if err != nil {
		return Reply{}, r.explain(ctx, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, MaxBody+1))
	if err != nil {
		return Reply{}, r.explain(ctx, err)
	}
	out := Reply{Status: answer.StatusCode, Text: answer.Status, URL: answer.Request.URL.Redacted(), Headers: map[string]string{}, Truncated: len(body) > MaxBody}
	for name, values := range answer.Header {
		out.Headers[strings.ToLower(name)] = text(strings.Join(values, ", "))
	}
	out.Body, out.Trips = text(string(body[:min(len(body), MaxBody)])), int(trips.Load())
	return out, nil
}

// Redirect is an http.Client's CheckRedirect. Another server, and one that is asked without encryption, is not told what may be secret:
// of the headers it gets those that say what is wanted and what the body is.
func Redirect(next *http.Request, before []*http.Request) error {
	if len(before) > mostHops {
		return &wire.Problem{Code: wire.CodeAction, Message: fmt.Sprintf("it was sent on more than %d times", mostHops)}
	}
	for _, b := range before { // what was left out once stays out
		if b.URL.Scheme == next.URL.Scheme && b.URL.Host == next.URL.Host || b.URL.Scheme == "http" && next.URL.Scheme == "https" && b.URL.Hostname() == next.URL.Hostname() {
			continue
		}
		for name := range next.Header {
			if !strings.HasPrefix(name, "Accept") && !strings.HasPrefix(name, "Content-") && name != "User-Agent" {
				next.Header.Del(name)
			}
		}
	}
	return nil
}

func (r *Request) make(ctx context.Context) (*http.Request, error) {
	out, err := http.NewRequestWithContext(ctx, r.Method, r.URL, strings.NewReader(r.Body))
	if err != nil {
		return nil, &wire.Problem{Code: wire.CodeArguments, Message: err.Error()}
	}
	out.Header.Set("User-Agent", "runner")
	for name, value := range r.Headers {
		if strings.EqualFold(name, "host") {
			out.Host = value
		}
		out.Header.Set(name, value)
	}
	switch {
	case r.User != "":
		out.SetBasicAuth(r.User, r.Password)
	case r.Token != "":
		out.Header.Set("Authorization", "Bearer "+r.Token)
	}
	return out, nil
}

// text is what is text of bytes from anywhere.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// explain says why there is no answer.
func (r *Request) explain(ctx context.Context, err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	if ctx.Err() != nil {
		problem := &wire.Problem{Code: wire.CodeCancelled, Message: r.title() + " was ended before it was answered"}
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			problem.Code, problem.Message = wire.CodeTimeout, r.title()+" was not answered in time"
		}
		return problem
	}
	if own, ok := errors.AsType[interface {
		error
		Unwrap() error
	}](err); ok && errors.As(own, new(*wire.Problem)) {
		return err // of the hop that leads there
	}
	problem := &wire.Problem{Code: wire.CodeAction, Message: fmt.Sprintf("%s failed: %v", r.title(), err)}
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	switch already, ok := errors.AsType[*wire.Problem](err); {
	case ok:
		problem.Message, problem.Hint = fmt.Sprintf("%s failed: %s", r.title(), already.Message), already.Hint
		if already.Code == wire.CodeStart && problem.Hint == "" {
			problem.Hint = "Does a server listen there? It is the host that connects, not the controller."
		}
	case errors.As(err, &authority):
		problem.Hint = "Give the certificate of the authority that has signed it with ca."
	case errors.As(err, &name):
		problem.Hint = "Ask by a name that the certificate has, or for another address."
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		problem.Message = r.title() + " failed: the connection was closed before the answer was complete"
	}
	return problem
}

// title names the request for people.
func (r *Request) title() string { return r.Method + " " + r.URL }

// counted counts how often an answer was waited for.
type counted struct {
	net.Conn
	trips *atomic.Int32
	asked atomic.Bool
}

func (c *counted) Write(p []byte) (int, error) {
	c.asked.Store(true)
	return c.Conn.Write(p) //nolint:wrapcheck // it stands for the connection
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.asked.Swap(false) {
		c.trips.Add(1)
	}
	return n, err //nolint:wrapcheck // likewise
}
