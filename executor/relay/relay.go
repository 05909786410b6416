// Package relay makes the requests of targets that have no program to make them with, so that what a server gives can be
// sent to them. Its neighbour is executor, which hands it on as a call's input. It knows nothing of hosts and calls.
package relay

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"runner/planner/plan"
)

const (
	connecting = 30 * time.Second // at most, until a connection stands
	answering  = 60 * time.Second // until the server has begun to answer
)

// Open makes a request and returns what the server gives. Closing it wakes a Read, and ends the connection.
func Open(r *plan.Request) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(context.Background())
	b, err := open(ctx, r)
	if err != nil {
		cancel()
		return nil, err
	}
	return &body{b, cancel}, nil
}

func open(ctx context.Context, r *plan.Request) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return nil, err
	}
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	if r.Username != "" {
		request.SetBasicAuth(r.Username, r.Password)
	}
	// What comes is what the server has: as with curl, nothing is unpacked on the way.
	client := http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, DisableCompression: true, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: connecting, ResponseHeaderTimeout: answering,
	}}
	response, err := client.Do(request) //nolint:bodyclose // its reader does
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("%s answers %s", r.URL, response.Status)
	}
	return response.Body, nil
}

type body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close ends the request.
func (b *body) Close() error {
	b.cancel()
	return b.ReadCloser.Close()
}
