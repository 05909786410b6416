package ssh

import (
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	xssh "golang.org/x/crypto/ssh"

	"runner/cmd/testbed/bed"
)

// generate makes a key pair with OpenSSH's own tool.
func generate(t *testing.T, path string, args ...string) string {
	t.Helper()
	bed.Need(t, "ssh-keygen")
	run(t, "ssh-keygen", append([]string{"-q", "-f", path}, args...)...)
	return path
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// authorize adds keys to those that may log in.
func (s *site) authorize(t *testing.T, keys ...string) {
	t.Helper()
	text := ""
	for _, key := range keys {
		text += readText(t, key+".pub")
	}
	s.Authorize(s.account, text)
}

// agent starts a real ssh-agent that holds keys, and returns its socket.
func agentWith(t *testing.T, keys ...string) string {
	t.Helper()
	bed.Need(t, "ssh-agent", "ssh-add")
	socket := filepath.Join(t.TempDir(), "agent")
	cmd := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	add := func(keys ...string) error {
		cmd := exec.Command("ssh-add", append([]string{"-q"}, keys...)...)
		cmd.Env = []string{"SSH_AUTH_SOCK=" + socket}
		return cmd.Run()
	}
	eventually(t, "the ssh-agent", func() bool {
		cmd := exec.Command("ssh-add", "-l")
		cmd.Env = []string{"SSH_AUTH_SOCK=" + socket}
		_ = cmd.Run()
		return cmd.ProcessState.ExitCode() != 2
	})
	if len(keys) > 0 {
		if err := add(keys...); err != nil {
			t.Fatal(err)
		}
	}
	return socket
}

// G8: keys of all types and formats, with and without a passphrase.
func TestG8Keys(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	for _, c := range []struct {
		name, passphrase string
		args             []string
	}{
		{"ed25519", "", []string{"-t", "ed25519"}},
		{"ecdsa", "", []string{"-t", "ecdsa", "-b", "521"}},
		{"rsa", "", []string{"-t", "rsa", "-b", "2048"}},
		{"rsa-pem", "", []string{"-t", "rsa", "-b", "2048", "-m", "PEM"}},
		{"protected", "open sesame", []string{"-t", "ed25519", "-a", "4"}},
		{"rsa-protected", "open sesame", []string{"-t", "rsa", "-b", "2048", "-a", "4"}},
		{"pem-protected", "open sesame", []string{"-t", "rsa", "-b", "2048", "-m", "PEM"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			key := generate(t, filepath.Join(dir, c.name), append(c.args, "-N", c.passphrase)...)
			s.authorize(t, key)
			dial(t, s.options("keys", []any{key}, "passphrase", c.passphrase))
			if c.passphrase == "" {
				return
			}
			e := fails(t, s.options("keys", []any{key}), KindAuth)
			if !strings.Contains(e.Message, "passphrase") || !strings.Contains(e.Message, key) {
				t.Errorf("the error does not name the passphrase: %s", e.String())
			}
			e = fails(t, s.options("keys", []any{key}, "passphrase", "wrong guess"), KindAuth)
			if !strings.Contains(e.Message, "passphrase") || strings.Contains(e.String(), "wrong guess") {
				t.Errorf("the error does not name the passphrase, or shows it: %s", e.String())
			}
			// It is no error when another key does.
			other := generate(t, filepath.Join(dir, c.name+"-other"), "-t", "ed25519", "-N", "")
			s.authorize(t, other)
			dial(t, s.options("keys", []any{key, other}))
		})
	}
}

// A Dialer reads a key once, and opens one that is protected once, for all its hops and also at the same time.
func TestDialerKeepsKeys(t *testing.T) {
	s := newSite(t)
	key := generate(t, filepath.Join(t.TempDir(), "key"), "-t", "rsa", "-b", "2048", "-a", "4", "-N", "open sesame")
	s.authorize(t, key)
	d := NewDialer(CurrentEnvironment())
	o := s.options("keys", []any{key}, "passphrase", "open sesame")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			client, err := d.Dial(t.Context(), o, nil)
			if err != nil {
				t.Error(explained(err))
				return
			}
			_ = client.Close()
		})
	}
	all.Wait()
	run(t, "rm", key, key+".pub")
	client, err := d.Dial(t.Context(), o, nil)
	if err != nil {
		t.Fatal(explained(err))
	}
	_ = client.Close()
	fails(t, o, KindAuth)
}

// G8: without keys in the options, those that OpenSSH looks for below $HOME are used.
func TestG8DefaultKeys(t *testing.T) {
	s := newSite(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	writeFile(t, filepath.Join(home, ".ssh", "id_ecdsa"), "no key at all")
	key := generate(t, filepath.Join(home, ".ssh", "id_ed25519"), "-t", "ed25519", "-N", "")
	s.authorize(t, key)
	dial(t, s.options("keys", nil))
	dial(t, s.options("keys", []any{"~/.ssh/id_ed25519"}))
	e := fails(t, s.options("keys", []any{}), KindAuth)
	if !strings.Contains(e.Hint, "keys") {
		t.Error(e)
	}
	e = fails(t, s.options("keys", []any{"~/.ssh/missing"}), KindAuth)
	if !strings.Contains(e.Message, filepath.Join(home, ".ssh", "missing")+" does not exist") {
		t.Error(e)
	}
}

// G8: the ssh-agent, found by $SSH_AUTH_SOCK or by the option, alone and together with files.
func TestG8Agent(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	key := generate(t, filepath.Join(dir, "key"), "-t", "ed25519", "-N", "")
	rsa := generate(t, filepath.Join(dir, "rsa"), "-t", "rsa", "-b", "2048", "-N", "")
	socket := agentWith(t, key, rsa)
	s.authorize(t, rsa)
	dial(t, s.options("keys", nil, "agent", socket))
	fails(t, s.options("keys", nil), KindAuth)
	t.Setenv("SSH_AUTH_SOCK", socket)
	dial(t, s.options("keys", nil))
	fails(t, s.options("keys", nil, "agent", false), KindAuth)
	// A public key stands for the private one in the agent, also where nothing else may be offered.
	run(t, "rm", rsa)
	for _, name := range []string{rsa, rsa + ".pub"} {
		dial(t, s.options("keys", []any{name}, "identities_only", true))
	}
	fails(t, s.options("keys", []any{key}, "identities_only", true), KindAuth)
	e := fails(t, s.options("keys", nil, "agent", filepath.Join(dir, "none")), KindAuth)
	if !strings.Contains(e.Message, "ssh-agent") {
		t.Error(e)
	}
}

// G8: more keys in the agent than the server has patience for. The one that is named comes first; where none is named,
// the error says what to do.
func TestG8TooManyKeys(t *testing.T) {
	s := newSite(t, "MaxAuthTries 6")
	dir := t.TempDir()
	var keys []string
	for name := range strings.FieldsSeq("a b c d e f g h") {
		keys = append(keys, generate(t, filepath.Join(dir, name), "-t", "ed25519", "-N", ""))
	}
	socket := agentWith(t, keys...)
	last := keys[len(keys)-1]
	s.authorize(t, last)
	e := fails(t, s.options("keys", nil, "agent", socket), KindAuth)
	if !strings.Contains(e.Hint, "identities_only") || !strings.Contains(e.Message, "6 keys") {
		t.Errorf("the error does not help: %s", e.String())
	}
	dial(t, s.options("keys", []any{last}, "agent", socket))
	dial(t, s.options("keys", []any{last}, "agent", socket, "identities_only", true))
	// With a password, not all keys are tried before it.
	dial(t, s.options("keys", nil, "agent", socket, "password", s.account.Password))
}

// G8: user certificates, beside their key, named, for a key in the agent, and ones that do not hold.
func TestG8Certificates(t *testing.T) {
	dir := t.TempDir()
	authority := generate(t, filepath.Join(dir, "authority"), "-t", "ed25519", "-N", "")
	s := newSite(t, "TrustedUserCAKeys "+authority+".pub")
	s.Authorize(s.account, "")
	sign := func(name string, args ...string) string {
		key := generate(t, filepath.Join(dir, name), "-t", "rsa", "-b", "2048", "-N", "")
		run(t, "ssh-keygen", append(append([]string{"-q", "-s", authority, "-I", name, "-n", s.account.Name}, args...), key+".pub")...)
		return key
	}
	beside := sign("beside")
	dial(t, s.options("keys", []any{beside}))
	named := sign("named")
	cert := filepath.Join(dir, "elsewhere")
	run(t, "mv", named+"-cert.pub", cert)
	fails(t, s.options("keys", []any{named}), KindAuth)
	dial(t, s.options("keys", []any{named}, "certificates", []any{cert}))
	held := sign("held")
	socket := agentWith(t, held) // ssh-add takes the certificate along
	run(t, "rm", held+"-cert.pub")
	dial(t, s.options("keys", nil, "agent", socket))
	dial(t, s.options("keys", []any{held}, "identities_only", true, "agent", socket))
	run(t, "rm", held)
	dial(t, s.options("keys", []any{held}, "identities_only", true, "agent", socket))
	expired := sign("expired", "-V", "-2h:-1h")
	e := fails(t, s.options("keys", []any{expired}), KindAuth)
	if !strings.Contains(e.Message, "expired at") {
		t.Error(e)
	}
}

// G7: the password is given to a server that asks for it, once, and to none that does not ask.
func TestG7Password(t *testing.T) {
	for _, method := range []string{methodPassword, methodInteractive} {
		t.Run(method, func(t *testing.T) {
			yes := map[bool]string{true: "yes", false: "no"}
			s := newSite(t, "PasswordAuthentication "+yes[method == methodPassword],
				"KbdInteractiveAuthentication "+yes[method == methodInteractive])
			dial(t, s.options("keys", nil, "password", s.account.Password))
			e := fails(t, s.options("keys", nil, "password", "wrong guess"), KindPassword)
			if !strings.Contains(e.Message, "password") || strings.Contains(e.String(), "wrong guess") {
				t.Error(e)
			}
			tried := func() int { return strings.Count(s.server.Log(), "Failed "+method) }
			eventually(t, "the failure in the log", func() bool { return tried() > 0 })
			if n := tried(); n != 1 {
				t.Errorf("the password was tried %d times", n)
			}
			fails(t, s.options("keys", nil), KindAuth)
		})
	}
}

// G6: whoever knows that a password is wrong is asked at the last moment, and no server sees it then.
func TestG6PasswordWithheld(t *testing.T) {
	for _, method := range []string{methodPassword, methodInteractive} {
		t.Run(method, func(t *testing.T) {
			yes := map[bool]string{true: "yes", false: "no"}
			s := newSite(t, "PasswordAuthentication "+yes[method == methodPassword],
				"KbdInteractiveAuthentication "+yes[method == methodInteractive])
			var asked []string
			wrong := errors.New("refused elsewhere")
			may := func(password string) error {
				asked = append(asked, password)
				return wrong
			}
			options := s.options("keys", nil, "password", "wrong guess")
			_, err := NewDialer(CurrentEnvironment()).Asking(may).Dial(t.Context(), options, nil)
			var e *Error
			if !errors.As(err, &e) || e.Kind != KindPassword || !errors.Is(err, wrong) {
				t.Errorf("it failed with %v", err)
			}
			if len(asked) != 1 || asked[0] != "wrong guess" {
				t.Errorf("asked for %q", asked)
			}
			dial(t, s.options("keys", nil, "password", s.account.Password)) // the log is complete up to here
			eventually(t, "the login in the log", func() bool { return strings.Contains(s.server.Log(), "Accepted "+method) })
			if strings.Contains(s.server.Log(), "Failed "+method) {
				t.Error("the password was given")
			}
		})
	}
}

// G7: only a password would help, and there is none.
func TestG7NoPassword(t *testing.T) {
	s := newSite(t, "PubkeyAuthentication no")
	e := fails(t, s.options(), KindNoPassword)
	if !strings.Contains(e.Message, "the server offers password") || !strings.Contains(e.Hint, "password") {
		t.Error(e)
	}
}

// G8: servers that want two proofs.
func TestG8TwoFactors(t *testing.T) {
	dir := t.TempDir()
	second := generate(t, filepath.Join(dir, "second"), "-t", "ed25519", "-N", "")
	s := newSite(t, "AuthenticationMethods publickey,password")
	dial(t, s.options("password", s.account.Password))
	e := fails(t, s.options(), KindNoPassword)
	if !strings.Contains(e.Message, "after accepting publickey") {
		t.Error(e)
	}
	fails(t, s.options("password", "wrong guess"), KindPassword)
	both := s.another("AuthenticationMethods publickey,publickey")
	s.authorize(t, s.Key(), second)
	dial(t, both.options("keys", []any{s.Key(), second}))
	fails(t, both.options(), KindAuth)
}

// G7, G5: what a server may ask, and what it gets.
func TestG7Questions(t *testing.T) {
	for _, c := range []struct {
		name  string
		ask   func(xssh.KeyboardInteractiveChallenge) error
		kind  Kind // "": success
		given int  // how often the password was given
	}{
		{"a password", func(ask xssh.KeyboardInteractiveChallenge) error {
			_, err := ask("", "", []string{"Password: "}, []bool{false})
			return err
		}, "", 1},
		{"a password, between messages", func(ask xssh.KeyboardInteractiveChallenge) error {
			_, _ = ask("", "Welcome. Your password is next.", nil, nil)
			_, _ = ask("", "", []string{"Пароль: "}, []bool{false})
			_, err := ask("", "Thank you", nil, nil)
			return err
		}, "", 1},
		{"a name", func(ask xssh.KeyboardInteractiveChallenge) error {
			_, err := ask("", "", []string{"Your password, in clear: "}, []bool{true})
			return err
		}, KindAuth, 0},
		{"two at once", func(ask xssh.KeyboardInteractiveChallenge) error {
			_, err := ask("", "", []string{"Password: ", "Token: "}, []bool{false, false})
			return err
		}, KindAuth, 0},
		{"one after the other", func(ask xssh.KeyboardInteractiveChallenge) error {
			_, _ = ask("", "", []string{"Password: "}, []bool{false})
			_, err := ask("", "", []string{"Token: "}, []bool{false})
			return err
		}, KindPassword, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := 0
			server := fakeSSH(t, &xssh.ServerConfig{
				KeyboardInteractiveCallback: func(_ xssh.ConnMetadata, ask xssh.KeyboardInteractiveChallenge) (*xssh.Permissions, error) {
					counted := func(name, instruction string, questions []string, echoes []bool) ([]string, error) {
						answers, err := ask(name, instruction, questions, echoes)
						for _, a := range answers {
							if a == "secret word" {
								given++
							}
						}
						return answers, err
					}
					return nil, c.ask(counted)
				},
			})
			server["password"] = "secret word"
			if c.kind == "" {
				dial(t, server)
			} else {
				e := fails(t, server, c.kind)
				if strings.Contains(e.String(), "secret word") || c.kind == KindAuth && e.Quote == "" {
					t.Error(e)
				}
			}
			if given != c.given {
				t.Errorf("the password was given %d times", given)
			}
		})
	}
}

// G7: keys go first, so a server that takes one never sees the password.
func TestG7PasswordOnlyIfNeeded(t *testing.T) {
	key := generate(t, filepath.Join(t.TempDir(), "key"), "-t", "ed25519", "-N", "")
	seen := false
	server := fakeSSH(t, &xssh.ServerConfig{
		PublicKeyCallback: func(xssh.ConnMetadata, xssh.PublicKey) (*xssh.Permissions, error) { return nil, nil },
		PasswordCallback: func(xssh.ConnMetadata, []byte) (*xssh.Permissions, error) {
			seen = true
			return nil, nil
		},
	})
	server["password"], server["keys"] = "secret word", []any{key}
	dial(t, server)
	if seen {
		t.Error("the password was sent although a key did")
	}
}

// G7: a connection that breaks while keys are tried says nothing about the password.
func TestG7BrokenIsNotRefused(t *testing.T) {
	key := generate(t, filepath.Join(t.TempDir(), "key"), "-t", "ed25519", "-N", "")
	for _, linger := range []int{-1, 0} { // closed, reset
		config := &xssh.ServerConfig{PasswordCallback: func(xssh.ConnMetadata, []byte) (*xssh.Permissions, error) { return nil, nil }}
		config.AddHostKey(newSigner(t))
		server := fakeServer(t, func(conn net.Conn) {
			config := *config
			config.PublicKeyCallback = func(xssh.ConnMetadata, xssh.PublicKey) (*xssh.Permissions, error) {
				_ = conn.(*net.TCPConn).SetLinger(linger)
				_ = conn.Close()
				return nil, nil
			}
			_, _, _, _ = xssh.NewServerConn(conn, &config)
		})
		server["password"], server["keys"] = "secret word", []any{key, key + "-other"}
		if e := fails(t, server, KindAuth); !strings.Contains(e.Message, "closed by the server") {
			t.Error(e)
		}
	}
}

// G10: an account that has expired is let in by its key and then turned away; the server's words are quoted.
func TestG10ExpiredAccount(t *testing.T) {
	s := newSite(t)
	run(t, "usermod", "--expiredate", "1970-01-02", s.account.Name)
	e := fails(t, s.options(), KindAccount)
	if !strings.Contains(e.Quote, "expired") {
		t.Errorf("the server is not quoted: %s", e.String())
	}
	fails(t, s.options("keys", nil, "password", s.account.Password), KindPassword)
}

// G10: an account whose shell lets nobody in tells so where its first output is read.
func TestG10NoLoginShell(t *testing.T) {
	s := newSite(t)
	run(t, "usermod", "--shell", "/usr/sbin/nologin", s.account.Name)
	client := dial(t, s.options())
	session, err := client.Start(t.Context(), "true")
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 200)
	n, _ := session.Read(out)
	if exit := session.Wait(t.Context()); exit.Status != 1 || !strings.Contains(string(out[:n]), "not available") {
		t.Errorf("got %q, %s", out[:n], exit)
	}
}
