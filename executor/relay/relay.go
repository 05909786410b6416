// Package relay makes the requests of targets that have no program to make them with, so that what a server gives can be
// sent to them. Its neighbours are executor, which hands it on as a call's
// input, and executor/request, which makes the requests of tasks. It knows nothing of hosts and calls.
package relay

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"runner/executor/request"
	"runner/planner/plan"
)

const (
	connecting = 30 * time.Second // at most, until a connection stands
	answering  = 60 * time.Second // until the server has begun to answer
)

// Open returns what a server gives to a request, which the first Read makes. Closing it wakes a Read, and ends the connection.
func Open(r *plan.Request) io.ReadCloser {
	ctx, cancel := context.WithCancel(context.Background())
	return &body{cancel: cancel, open: sync.OnceValues(func() (io.ReadCloser, error) { return open(ctx, r) })}
}

func open(ctx context.Context, r *plan.Request) (io.ReadCloser, error) {
	asked, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return nil, err
	}
	for name, value := range r.Headers {
		asked.Header.Set(name, value)
	}
	if host := asked.Header.Get("Host"); host != "" {
		asked.Host = host
	}
	if r.Username != "" {
		asked.SetBasicAuth(r.Username, r.Password)
	}
	// What comes is what the server has: as with curl, nothing is unpacked on the way.
	client := http.Client{CheckRedirect: request.Redirect, Transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: connecting}).DialContext,
		Proxy:       http.ProxyFromEnvironment, DisableKeepAlives: true, DisableCompression: true, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: connecting, ResponseHeaderTimeout: answering,
	}}
	response, err := client.Do(asked) //nolint:bodyclose // its reader does
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, &url.Error{Op: "Get", URL: response.Request.URL.Redacted(), Err: fmt.Errorf("the server answers %s", response.Status)}
	}
	return response.Body, nil
}

type body struct {
	open   func() (io.ReadCloser, error) // once
	cancel context.CancelFunc
}

func (b *body) Read(p []byte) (int, error) {
	in, err := b.open()
	if err != nil {
		return 0, err
	}
	return in.Read(p)
}

// Close can be called twice.
func (b *body) Close() error {
	b.cancel()
	in, err := b.open() // it has been made, or is not any more
	if err != nil {
		return nil //nolint:nilerr // a Read has said it
	}
	return in.Close()
}
