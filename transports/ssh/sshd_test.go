package ssh

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"runner/cmd/testbed/bed"
	"runner/transports"
)

// site is a bed with an account and a server, for one test.
type site struct {
	*bed.Bed
	account *bed.Account
	server  *bed.Server
}

// newSite starts a real server with lines of configuration of its own.
func newSite(t *testing.T, config ...string) *site {
	t.Helper()
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("HOME", t.TempDir())
	b := bed.New(t, "linux", "root", "sshd")
	s := &site{Bed: b, account: b.Account(bed.AccountOptions{Shell: "/bin/sh"})}
	s.server = b.SSHD(bed.ServerOptions{Config: config})
	return s
}

// another starts a second server for the same account.
func (s *site) another(config ...string) *site {
	return &site{s.Bed, s.account, s.SSHD(bed.ServerOptions{Config: config})}
}

// options lead to the server with the bed's key; changes are pairs of a name and a value, nil for none.
func (s *site) options(changes ...any) transports.Options {
	o := transports.Options{
		"address": s.server.Address, "port": float64(s.server.Port), "user": s.account.Name,
		"keys": []any{s.Key()}, "known_hosts": s.server.KnownHosts, "connect_timeout": "20s",
	}
	for i := 0; i < len(changes); i += 2 {
		o[changes[i].(string)] = changes[i+1]
		if changes[i+1] == nil {
			delete(o, changes[i].(string))
		}
	}
	return o
}

// dial opens a connection and closes it at the end of the test.
func dial(t *testing.T, options transports.Options) *Client {
	t.Helper()
	client, err := Dial(context.Background(), options, nil)
	if err != nil {
		t.Fatalf("cannot dial: %s", explained(err))
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// output runs a command and returns what it printed.
func output(t *testing.T, client *Client, command string) string {
	t.Helper()
	session, err := client.Start(context.Background(), command)
	if err != nil {
		t.Fatal(explained(err))
	}
	defer func() { _ = session.Close() }()
	out, err := io.ReadAll(session)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// said is what an error says.
type said struct{ Message, Hint, Quote string }

func (s said) String() string { return fmt.Sprintf("%s | %s | %q", s.Message, s.Hint, s.Quote) }

// fails dials in vain and returns what the error says, which must be of a kind and not take long.
func fails(t *testing.T, options transports.Options, kind Kind) said {
	t.Helper()
	began := time.Now()
	client, err := Dial(context.Background(), options, nil)
	if err == nil {
		_ = client.Close()
		t.Fatalf("the login succeeded, want an error of kind %s", kind)
	}
	limit := 15 * time.Second
	if kind == KindAccount {
		limit = 5 * time.Second // G10
	}
	if took := time.Since(began); took > limit {
		t.Errorf("the error took %s", took)
	}
	return wantKind(t, err, kind)
}

// wantKind fails unless the error is of a kind, and returns what it says.
func wantKind(t *testing.T, err error, kind Kind) said {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != kind {
		t.Fatalf("got %s, want an error of kind %s", explained(err), kind)
	}
	if e.Message == "" || e.Problem().Code == "" {
		t.Errorf("the error says too little: %s", explained(err))
	}
	return said{e.Message, e.Hint, e.Quote}
}

// explained shows all of an error.
func explained(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return fmt.Sprintf("[%s] %s | %s | %q", e.Kind, e.Message, e.Hint, e.Quote)
	}
	return fmt.Sprint(err)
}

// fakeServer listens and lets serve deal with each connection; it ends with the test.
func fakeServer(t *testing.T, serve func(net.Conn)) transports.Options {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("HOME", t.TempDir())
	return transports.Options{
		"address": "127.0.0.1", "port": float64(listener.Addr().(*net.TCPAddr).Port), "user": "somebody",
		"host_key": "ignore", "connect_timeout": "1s",
	}
}

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// fakeSSH is a server of the library's, for what a real one cannot be made to do.
func fakeSSH(t *testing.T, config *xssh.ServerConfig) transports.Options {
	t.Helper()
	config.AddHostKey(newSigner(t))
	return fakeServer(t, func(conn net.Conn) {
		server, channels, requests, err := xssh.NewServerConn(conn, config)
		if err != nil {
			return
		}
		go xssh.DiscardRequests(requests)
		for c := range channels {
			_ = c.Reject(xssh.Prohibited, "no")
		}
		_ = server.Wait()
	})
}

func newSigner(t *testing.T) xssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := xssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}
