package sudo_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runner/agent/wire"
	"runner/cmd/testbed/bed"
	"runner/transports"
	"runner/transports/conformance"
	"runner/transports/sudo"
)

// G6, G7: sudo with a password, whatever its rules make of asking.
func TestG6Rules(t *testing.T) {
	for _, rules := range []string{
		"use_pty", "!use_pty", "requiretty", "lecture=always", "pwfeedback", "!pwfeedback", "pwfeedback,requiretty,use_pty",
		`passprompt="Password for %%u: "`, "passprompt_override", "!passprompt_override", "timestamp_timeout=0", "timestamp_timeout=10",
		`secure_path="/usr/bin"`, "log_output,use_pty", "!env_reset", "set_home", "closefrom=3", "passwd_timeout=1",
	} {
		t.Run(rules, func(t *testing.T) {
			t.Parallel()
			b := bed.New(t, "linux", "root", "sudo")
			a := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoAsking, "Defaults:%u " + rules}})
			r := conformance.NewRig(t, b, a)
			p := r.Open(sudo.Transport(), transports.Options{"password": a.Password})
			if got := p.Run("/usr/bin/id", "-un"); got != "root" {
				t.Errorf("commands run as %q", got)
			}
			p.Close()
			// Again, with a ticket where the rules give one: then nothing is asked and nothing may be typed (G7).
			p = r.Open(sudo.Transport(), transports.Options{"password": a.Password})
			p.Close()
		})
	}
}

// G6: PAM asks in the user's language, and a module of its own asks in its own words.
func TestG6Languages(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo", "locales")
	a := b.Account(bed.AccountOptions{Sudoers: fussy(), Environ: []string{"LANG=de_DE.UTF-8", "LANGUAGE=de", "LC_MESSAGES=de_DE.UTF-8"}})
	p := conformance.NewRig(t, b, a).Open(sudo.Transport(), transports.Options{"password": a.Password, "preserve_env": []any{"LANG"}})
	if got := p.Run("/usr/bin/printenv", "LANG"); got != "de_DE.UTF-8" {
		t.Errorf("LANG is %q behind the hop, want the parent's", got)
	}
	why := conformance.NewRig(t, b, a).Fails(sudo.Transport(), transports.Options{"password": "falsch"})
	if why.Code != wire.CodePassword {
		t.Errorf("a wrong password gave %+v", why)
	}
}

// G6: a sudo that knows no -p, as the first versions of sudo-rs, is answered when it asks in its own way.
func TestG6WithoutPrompt(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo")
	a := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}})
	program := filepath.Join(b.Dir(), "sudo-rs")
	script := `#!/bin/sh
[ "$1" = -p ] && { echo "sudo: invalid option provided" >&2; exit 1; }
old=$(stty -g < /dev/tty); stty -echo < /dev/tty
printf '[sudo: authenticate] Password: ' > /dev/tty
read -r password < /dev/tty
stty "$old" < /dev/tty; echo > /dev/tty
[ "$password" = "` + a.Password + `" ] && exec sudo -n "$@"
stty -echo < /dev/tty
printf 'sudo: Authentication failed, try again.\n[sudo: authenticate] Password: ' > /dev/tty
read -r password < /dev/tty; echo "$password" > ` + b.Dir() + `/second
exit 1
`
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r := conformance.NewRig(t, b, a)
	p := r.Open(sudo.Transport(), transports.Options{"path": program, "password": a.Password})
	if got := p.Run("/usr/bin/id", "-un"); got != "root" {
		t.Errorf("commands run as %q", got)
	}
	p.Close()
	if why := r.Fails(sudo.Transport(), transports.Options{"path": program, "password": "wrong"}); why.Code != wire.CodePassword {
		t.Errorf("a wrong password gave %+v", why)
	}
	if text, err := os.ReadFile(b.Dir() + "/second"); err == nil && len(text) > 1 {
		t.Errorf("the password was typed twice: %q", text)
	}
}

// attempts counts how often sudo was given a password for an account, by a log that its own rules write.
type attempts struct {
	t    *testing.T
	file string
}

func (c attempts) count(word string) int {
	text, err := os.ReadFile(c.file)
	if err != nil && !os.IsNotExist(err) {
		c.t.Fatal(err)
	}
	return strings.Count(string(text), word)
}

// logged makes an account whose use of sudo is logged to a file of its own.
func logged(t *testing.T, b *bed.Bed, rules ...string) (*bed.Account, attempts) {
	file := filepath.Join(b.Dir(), "sudo.log")
	a := b.Account(bed.AccountOptions{Sudoers: append([]string{fmt.Sprintf("Defaults:%%u logfile=%s", file)}, rules...)})
	return a, attempts{t, file}
}

// G6: a wrong password is tried once and fails soon; the error names the hop and holds no secret.
func TestG6WrongPasswordOnce(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo")
	a, log := logged(t, b, bed.SudoAsking, "Defaults:%u passwd_tries=3")
	// On a busy machine sudo may be killed, three seconds after it was asked to end, before it has written its log.
	for try := 0; try < 3 && log.count("incorrect") == 0; try++ {
		r := conformance.NewRig(t, b, a)
		began := time.Now()
		why := r.Fails(sudo.Transport(), transports.Options{"password": "n0t-the-0ne"})
		if why.Code != wire.CodePassword || !strings.Contains(why.Message, "sudo root") || why.Hint == "" {
			t.Errorf("got %+v, want the code %s, the hop's name and a hint", why, wire.CodePassword)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		if text := fmt.Sprintf("%+v", why); strings.Contains(text, "n0t-the-0ne") {
			t.Errorf("the password is in %q", text)
		}
		r.Close()
	}
	if n := log.count("1 incorrect password attempt"); n != 1 {
		text, _ := os.ReadFile(log.file)
		t.Errorf("sudo counted %d times one attempt:\n%s", n, text)
	}
	if n := log.count("2 incorrect") + log.count("3 incorrect"); n != 0 {
		t.Error("sudo counted more than one attempt")
	}
}

// G7: where sudo asks nothing the password is given to nobody, also when what it starts asks for it in sudo's words.
func TestG7NoPromptNoPassword(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo")
	a, _ := logged(t, b, bed.SudoFree)
	stolen := filepath.Join(b.Dir(), "stolen")
	// Another user's shell that prints the marker, found on sudo's command line, with the terminal's echo off.
	thief := filepath.Join(b.Dir(), "thief")
	script := `#!/bin/bash
if [ -t 3 ] 3</dev/tty; then :; fi
marker=$(tr '\0' '\n' < /proc/$PPID/cmdline | grep -a runner | head -1)
stty -F /dev/tty -echo 2>/dev/null
printf '%s ' "$marker" > /dev/tty
read -t 3 -r line < /dev/tty && echo "$line" > ` + stolen + `
exec /bin/bash "$@"
`
	if err := os.WriteFile(thief, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stolen, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(stolen, 0o666); err != nil {
		t.Fatal(err)
	}
	to := b.Account(bed.AccountOptions{Shell: thief})
	r := conformance.NewRig(t, b, a)
	options := transports.Options{"user": to.Name, "password": a.Password, "login": true}
	peer := r.Begin(sudo.Transport(), options)
	peer.AwaitEither()
	if text, _ := os.ReadFile(stolen); len(text) > 0 {
		t.Errorf("the password was typed for somebody who is not sudo: %q", text)
	}
}

// What sudo says when it refuses has a name and a hint.
func TestRefusals(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo")
	with := func(rules ...string) *bed.Account { return b.Account(bed.AccountOptions{Sudoers: rules}) }
	stranger, free, asking, listing := with(), with(bed.SudoFree), with(bed.SudoAsking), with("%u ALL=(ALL) /bin/ls")
	expired, locked := with(bed.SudoAsking), with(bed.SudoFree)
	change(t, "chage", "-d", "0", expired.Name)
	change(t, "chage", "-E", "1", locked.Name)
	for _, c := range []struct {
		name    string
		as      *bed.Account
		options transports.Options
		code    wire.Code
		hint    string
	}{
		{"not in sudoers", stranger, transports.Options{"password": stranger.Password}, transports.CodeDenied, "may not use sudo"},
		{"not in sudoers, no password", stranger, transports.Options{}, wire.CodeNoPassword, "password"},
		{"password required", asking, transports.Options{}, wire.CodeNoPassword, "NOPASSWD"},
		{"password refused", asking, transports.Options{"password": "x"}, wire.CodePassword, "wrong"},
		{"no such user", free, transports.Options{"user": "no-such-user"}, transports.CodeNoUser, "no-such-user"},
		{"no such user, password", asking, transports.Options{"user": "no-such-user", "password": asking.Password}, transports.CodeNoUser, "no-such-user"},
		{"not this command", listing, transports.Options{"password": listing.Password}, transports.CodeDenied, "/bin/sh"},
		{"no environment", with("%u ALL=(ALL) NOPASSWD:NOSETENV: ALL"), transports.Options{"preserve_env": []any{"HOME", "FOO"}}, transports.CodeDenied, "SETENV"},
		{"password expired", expired, transports.Options{"password": expired.Password}, transports.CodeAccount, "renew"},
		{"account expired", locked, transports.Options{"password": locked.Password}, transports.CodeAccount, "renew"},
		{"no such directory", free, transports.Options{"args": []any{"-D", "/nonexistent"}}, transports.CodeDenied, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			why := conformance.NewRig(t, b, c.as).Fails(sudo.Transport(), c.options)
			if why.Code != c.code || !strings.Contains(why.Hint, c.hint) {
				t.Errorf("got %+v\nwant the code %s and a hint with %q", why, c.code, c.hint)
			}
			if !strings.Contains(why.Message, sudo.Transport().Title(c.options)) {
				t.Errorf("the message does not name the hop: %s", why.Message)
			}
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func change(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", argv, err, out)
	}
}

// G4: with requiretty and no password the second attempt has the terminal that the first lacked.
func TestG4RequireTTYWithoutPassword(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo")
	for rule, terminals := range map[string]int{"requiretty": 1, "!requiretty": 0} {
		a := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree, "Defaults:%u " + rule + ",!use_pty"}})
		p := conformance.NewRig(t, b, a).Open(sudo.Transport(), transports.Options{})
		if got := p.Terminals(); got != terminals {
			t.Errorf("with %s the hop holds %d terminals, want %d", rule, got, terminals)
		}
	}
}

// G12: what the options ask for is what is there behind the hop.
func TestG12Effects(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo")
	a := b.Account(bed.AccountOptions{Sudoers: []string{"%u ALL=(ALL:ALL) NOPASSWD:SETENV: ALL", "Defaults:%u !always_set_home,runcwd=*"}, Environ: []string{"FRUIT=apple", "STONE=plum"}})
	login := b.Account(bed.AccountOptions{})
	if err := os.WriteFile(filepath.Join(login.Home, ".profile"), []byte("export PROFILE=\"read $HOME\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		options transports.Options
		want    map[string]string
	}{
		{"plain", transports.Options{}, map[string]string{"FRUIT": "", "USER": "root", "HOME": "/root"}},
		{"preserve all", transports.Options{"preserve_env": true}, map[string]string{"FRUIT": "apple", "STONE": "plum"}},
		{"preserve all, set home", transports.Options{"preserve_env": true, "set_home": true}, map[string]string{"FRUIT": "apple", "HOME": "/root"}},
		{"preserve one", transports.Options{"preserve_env": []any{"STONE"}}, map[string]string{"FRUIT": "", "STONE": "plum"}},
		{"login", transports.Options{"user": login.Name, "login": true}, map[string]string{"FRUIT": "", "PROFILE": "read " + login.Home, "HOME": login.Home}},
		{"login in args", transports.Options{"user": login.Name, "args": []any{"--login"}}, map[string]string{"PROFILE": "read " + login.Home}},
		{"number", transports.Options{"user": fmt.Sprintf("#%d", login.UID)}, map[string]string{"HOME": login.Home}},
		{"group", transports.Options{"args": []any{"-g", login.Name}}, map[string]string{"USER": "root"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := conformance.NewRig(t, b, a).Open(sudo.Transport(), c.options)
			environ := map[string]string{}
			for line := range strings.SplitSeq(p.Run("/usr/bin/env"), "\n") {
				name, value, _ := strings.Cut(line, "=")
				environ[name] = value
			}
			for name, want := range c.want {
				if environ[name] != want {
					t.Errorf("%s is %q, want %q", name, environ[name], want)
				}
			}
			if c.name == "group" {
				if got := p.Run("/usr/bin/id", "-gn"); got != login.Name {
					t.Errorf("the group is %q, want %q", got, login.Name)
				}
			}
		})
	}
}

// G10: sudo -i goes through the login shell, of whatever kind.
func TestG10LoginShells(t *testing.T) {
	for _, shell := range []string{"bash", "dash", "zsh", "fish", "tcsh"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			b := bed.New(t, "linux", "root", "sudo", shell)
			path, err := exec.LookPath(shell)
			if err != nil {
				t.Fatal(err)
			}
			a := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}})
			to := b.Account(bed.AccountOptions{Shell: path})
			r := conformance.NewRig(t, b, a)
			for range 2 { // sent, then cached
				p := r.Open(sudo.Transport(), transports.Options{"user": to.Name, "login": true})
				if got := p.Run("/usr/bin/id", "-un"); got != to.Name {
					t.Errorf("commands run as %q", got)
				}
				p.Close()
			}
		})
	}
}
