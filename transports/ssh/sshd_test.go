package ssh

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"runner/transports"
)

// sshd is a real OpenSSH server, started for one test.
type sshd struct {
	host string
	port int
	dir  string // holds its keys, its configuration, its log and the tests' own key
	key  string // path of a private key that root can log in with
}

// startSSHD starts a server on an address of its own, with further lines of configuration before its defaults.
func startSSHD(t *testing.T, host string, lines ...string) *sshd {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to run sshd")
	}
	program, err := exec.LookPath("sshd")
	if err != nil {
		t.Skip("needs sshd")
	}
	// The directory is the distribution's own; some only make it when the service starts.
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	s := &sshd{host: host, dir: t.TempDir()}
	s.key = filepath.Join(s.dir, "id")
	writeKey(t, s.key, "")
	writeKey(t, filepath.Join(s.dir, "host_ed25519"), "")
	writeFile(t, filepath.Join(s.dir, "authorized_keys"), readText(t, s.key+".pub"))
	s.port = freePort(t, host)
	config := strings.Join(lines, "\n") + fmt.Sprintf(`
ListenAddress %s
HostKey %s/host_ed25519
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
AuthorizedKeysFile %s/authorized_keys
LogLevel VERBOSE
`, net.JoinHostPort(host, strconv.Itoa(s.port)), s.dir, s.dir)
	writeFile(t, filepath.Join(s.dir, "sshd_config"), config)
	s.start(t, program)
	return s
}

func (s *sshd) start(t *testing.T, program string) {
	t.Helper()
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-D", "-e", "-f", filepath.Join(s.dir, "sshd_config"))
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Its sessions are in process groups of their own and end with their connections.
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			t.Logf("sshd said:\n%s", s.log(t))
		}
	})
	eventually(t, "sshd to listen", func() bool { return strings.Contains(s.log(t), "Server listening on") })
}

func (s *sshd) log(t *testing.T) string {
	t.Helper()
	return readText(t, filepath.Join(s.dir, "log"))
}

// options lead to the server as root, with its key known.
func (s *sshd) options(t *testing.T) transports.Options {
	t.Helper()
	known := filepath.Join(t.TempDir(), "known_hosts")
	writeFile(t, known, s.knownLine(t))
	return transports.Options{
		"address": s.host, "port": float64(s.port), "user": "root",
		"keys": []any{s.key}, "agent": false, "known_hosts": known,
		"connect_timeout": "20s",
	}
}

func (s *sshd) knownLine(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("[%s]:%d %s", s.host, s.port, readText(t, filepath.Join(s.dir, "host_ed25519.pub")))
}

func freePort(t *testing.T, host string) int {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// writeKey makes a key pair and returns its public half.
func writeKey(t *testing.T, path, passphrase string) xssh.PublicKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = xssh.MarshalPrivateKey(private, filepath.Base(path))
	} else {
		block, err = xssh.MarshalPrivateKeyWithPassphrase(private, filepath.Base(path), []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(pem.EncodeToMemory(block)))
	public, err := xssh.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path+".pub", string(xssh.MarshalAuthorizedKey(public)))
	return public
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
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

// dial opens a connection and closes it at the end of the test.
func dial(t *testing.T, options transports.Options) *Client {
	t.Helper()
	client, err := Dial(context.Background(), options, nil)
	if err != nil {
		t.Fatalf("cannot dial: %v", explained(err))
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// explained shows all of an error.
func explained(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return fmt.Sprintf("[%s] %s | %s | %q", e.Kind, e.Message, e.Hint, e.Quote)
	}
	return fmt.Sprint(err)
}

// wantKind fails unless the error is of a kind, and returns it.
func wantKind(t *testing.T, err error, kind Kind) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("got %s, want an error of kind %s", explained(err), kind)
	}
	return e
}
