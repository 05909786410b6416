package ssh

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	xssh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"runner/transports"
)

// stall reads whatever comes, so that only the missing answer holds the client up, until the client is gone.
func stall(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// trickle sends one byte at a time, without end.
func trickle(text string) func(net.Conn) {
	return func(conn net.Conn) {
		for i := 0; ; i = (i + 1) % len(text) {
			if _, err := conn.Write([]byte{text[i]}); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// stalledServers are servers that stop in one phase each, and what the error says of that.
func stalledServers(t *testing.T) map[string]func(net.Conn) {
	t.Helper()
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	config := &xssh.ServerConfig{
		PublicKeyCallback: func(xssh.ConnMetadata, xssh.PublicKey) (*xssh.Permissions, error) {
			<-hold
			return nil, errors.New("no")
		},
	}
	config.AddHostKey(newSigner(t))
	version := func(then func(net.Conn)) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = io.WriteString(conn, "SSH-2.0-stalled\r\n")
			then(conn)
		}
	}
	return map[string]func(net.Conn){
		"nothing: waiting for the server's version":                  stall,
		"a version without an end: waiting for the server's version": trickle("S"),
		"lines before the version: waiting for the server's version": trickle("hello\n"),
		"no key exchange: exchanging keys":                           version(stall),
		"a key exchange that trickles: exchanging keys":              version(trickle("\x00\x00\x01\x00")),
		"a key that is neither taken nor refused: authenticating":    func(conn net.Conn) { _, _, _, _ = xssh.NewServerConn(conn, config) },
		"a banner without an end: authenticating": func(conn net.Conn) {
			endless := *config
			endless.PreAuthConnCallback = func(c xssh.ServerPreAuthConn) {
				for c.SendAuthBanner("wait\n") == nil {
					time.Sleep(10 * time.Millisecond)
				}
			}
			_, _, _, _ = xssh.NewServerConn(conn, &endless)
		},
	}
}

// G14, G17: connect_timeout covers every phase, also when bytes trickle, and the error names the phase. A caller that
// gives up is heard at once.
func TestStalledServer(t *testing.T) {
	key := generate(t, filepath.Join(t.TempDir(), "key"), "-t", "ed25519", "-N", "")
	for name, serve := range stalledServers(t) {
		what, where, _ := strings.Cut(name, ": ")
		t.Run(what, func(t *testing.T) {
			server := fakeServer(t, serve)
			server["keys"], server["connect_timeout"] = []any{key}, "600ms"
			began := time.Now()
			e := fails(t, server, KindTimeout)
			if !strings.Contains(e.Message, where) || !strings.Contains(e.Message, "600ms") {
				t.Error(e)
			}
			if took := time.Since(began); took < 600*time.Millisecond || took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			server["connect_timeout"] = "20s"
			time.AfterFunc(200*time.Millisecond, func() { cancel(errors.New("changed my mind")) })
			began = time.Now()
			_, err := Dial(ctx, server, nil)
			e = wantKind(t, err, KindCancelled)
			if !strings.Contains(e.Message, where) || time.Since(began) > 5*time.Second {
				t.Errorf("after %s: %s", time.Since(began), e.String())
			}
		})
	}
	t.Run("no connection", func(t *testing.T) {
		o := transports.Options{"address": "192.0.2.1", "user": "x", "connect_timeout": "200ms"}
		_, err := Dial(t.Context(), o, func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if e := wantKind(t, err, KindTimeout); !strings.Contains(e.Message, "connecting") {
			t.Error(e)
		}
	})
}

// An ssh-agent that never answers, as one does that asks its owner who is not there, is covered too, and named.
func TestStalledAgent(t *testing.T) {
	held := agent.NewKeyring()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	for name, serve := range map[string]func(net.Conn){
		"list": stall,
		"sign": func(conn net.Conn) { _ = agent.ServeAgent(slowAgent{held, hold}, conn) },
	} {
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "agent")
			listener, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					go serve(conn)
				}
			}()
			server := fakeSSH(t, &xssh.ServerConfig{
				PublicKeyCallback: func(xssh.ConnMetadata, xssh.PublicKey) (*xssh.Permissions, error) { return nil, nil },
			})
			server["agent"], server["connect_timeout"] = socket, "500ms"
			e := fails(t, server, KindTimeout)
			if !strings.Contains(e.Message, "ssh-agent") {
				t.Error(e)
			}
		})
	}
}

// slowAgent never signs.
type slowAgent struct {
	agent.Agent
	hold chan struct{}
}

func (s slowAgent) Sign(xssh.PublicKey, []byte) (*xssh.Signature, error) {
	<-s.hold
	return nil, errors.New("no")
}

// What does not answer, is not there, or speaks something else has a name.
func TestUnreachable(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	options := func(address string, port float64) transports.Options {
		return transports.Options{"address": address, "port": port, "user": "x", "connect_timeout": "1s"}
	}
	if e := fails(t, options("127.0.0.1", 1), KindRefused); !strings.Contains(e.Message, "127.0.0.1:1 refuses") {
		t.Error(e)
	}
	if e := fails(t, options("no-such-host.invalid", 22), KindName); !strings.Contains(e.Message, "no-such-host.invalid") {
		t.Error(e)
	}
	web := fakeServer(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
	})
	if e := fails(t, web, KindProtocol); !strings.Contains(e.Quote, "HTTP/1.1 400") {
		t.Error(e)
	}
	endless := fakeServer(t, func(conn net.Conn) {
		for block := bytes.Repeat([]byte("yes\n"), 16<<10); ; {
			if _, err := conn.Write(block); err != nil {
				return
			}
		}
	})
	endless["connect_timeout"] = "20s"
	fails(t, endless, KindProtocol)
	busy := fakeServer(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "Exceeded MaxStartups\r\n") })
	began := time.Now()
	e := fails(t, busy, KindBusy)
	if !strings.Contains(e.Quote, "Exceeded MaxStartups") || !strings.Contains(e.Hint, "MaxStartups") {
		t.Error(e)
	}
	if took := time.Since(began); took < 900*time.Millisecond || took > 6*time.Second {
		t.Errorf("gave up after %s", took)
	}
}

// G5: whatever a server says before its version or before the login, in whatever amount, is neither taken for anything
// else nor kept.
func TestG5Banners(t *testing.T) {
	config := &xssh.ServerConfig{
		NoClientAuth: true,
		BannerCallback: func(xssh.ConnMetadata) string {
			return strings.Repeat("password: \x00\x1b[2J", 10_000)
		},
	}
	config.AddHostKey(newSigner(t))
	for name, noise := range map[string]string{
		"megabyte of lines":         strings.Repeat("Welcome. Your password:\r\n", 1<<20/25),
		"megabyte in a line":        strings.Repeat("x", 1<<20) + "\n",
		"zeros":                     strings.Repeat("\x00", 10_000) + "\n",
		"a version in a line":       "xSSH-2.0-not\r\n SSH-2.0-not\n",
		"line as long as a version": strings.Repeat("y", maxVersion) + "\nSSH" + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			server := fakeServer(t, func(conn net.Conn) {
				_, _ = io.WriteString(conn, noise)
				c, channels, requests, err := xssh.NewServerConn(conn, config)
				if err != nil {
					return
				}
				go xssh.DiscardRequests(requests)
				for range channels {
				}
				_ = c.Wait()
			})
			server["connect_timeout"], server["password"] = "10s", "secret word"
			client := dial(t, server)
			banner := client.Banner()
			if len(banner) > 2*maxKept || !strings.HasPrefix(banner, noise[:10]) || !strings.Contains(banner, "password: \x00") {
				t.Errorf("kept %d bytes", len(banner))
			}
		})
	}
}

// G5: a real server with the largest banner that it can send, and with one that its own processes choke on.
func TestG5RealBanner(t *testing.T) {
	file := filepath.Join(t.TempDir(), "banner")
	s := newSite(t, "Banner "+file)
	writeFile(t, file, strings.Repeat("Your password: ", 262_000/15))
	if out := output(t, dial(t, s.options()), "echo here"); out != "here\n" {
		t.Errorf("got %q", out)
	}
	writeFile(t, file, strings.Repeat("Your password: ", 1_000_000/15))
	e := fails(t, s.options("password", s.account.Password), KindAuth)
	if !strings.Contains(e.Message, "closed") {
		t.Error(e)
	}
}

// G22: a thousand connections to servers that say nothing cost little memory each.
func TestG22MemoryPerConnection(t *testing.T) {
	const connections = 200
	server := fakeSSH(t, &xssh.ServerConfig{NoClientAuth: true})
	server["connect_timeout"] = "30s"
	before := heap()
	var clients []*Client
	for range connections {
		client, err := Dial(t.Context(), server, nil)
		if err != nil {
			t.Fatal(explained(err))
		}
		clients = append(clients, client)
	}
	// Half of it is the server's, which is in this process too.
	if each := (heap() - before) / connections; each > 256<<10 {
		t.Errorf("a connection costs %d bytes, with its server", each)
	} else {
		t.Logf("a connection costs %d bytes, with its server", each)
	}
	for _, c := range clients {
		_ = c.Close()
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
