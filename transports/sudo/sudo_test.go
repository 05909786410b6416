package sudo_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"runner/agent/schema"
	"runner/agent/wire"
	"runner/transports"
	"runner/transports/sudo"
)

func open(t *testing.T, o transports.Options) wire.Open {
	t.Helper()
	opened, err := sudo.Transport().Open(o)
	if err != nil {
		t.Fatalf("%v: %v", o, err)
	}
	return opened
}

// G12: each option becomes the option of sudo that means it, said by its own argument or in args.
func TestG12Options(t *testing.T) {
	for _, c := range []struct {
		options transports.Options
		want    string
	}{
		{transports.Options{}, "sudo -n -u root --"},
		{transports.Options{"user": "postgres"}, "sudo -n -u postgres --"},
		{transports.Options{"user": "#1001"}, "sudo -n -u #1001 --"},
		{transports.Options{"path": "/opt/sudo/bin/sudo"}, "/opt/sudo/bin/sudo -n -u root --"},
		{transports.Options{"login": true}, "sudo -n -i -u root --"},
		{transports.Options{"set_home": true}, "sudo -n -H -u root --"},
		{transports.Options{"preserve_env": true}, "sudo -n -E -u root --"},
		{transports.Options{"preserve_env": false}, "sudo -n -u root --"},
		{transports.Options{"preserve_env": []any{"LANG", "http_proxy"}}, "sudo -n --preserve-env=LANG,http_proxy -u root --"},
		{transports.Options{"role": "sysadm_r", "type": "sysadm_t"}, "sudo -n -r sysadm_r -t sysadm_t -u root --"},
		{transports.Options{"args": []any{"-H", "-i"}}, "sudo -n -i -H -u root --"},
		{transports.Options{"args": []any{"-g", "wheel", "--chdir=/srv", "-P"}}, "sudo -n -g wheel --chdir /srv -P -u root --"},
		{transports.Options{"args": []any{"-gwheel", "-n", "--preserve-env=A,B"}}, "sudo -n --preserve-env=A,B -g wheel -u root --"},
		{transports.Options{"args": []any{"-E"}, "preserve_env": true}, "sudo -n -E -u root --"},
		{transports.Options{"args": []any{"--role=r1", "-t", "t1"}}, "sudo -n -r r1 -t t1 -u root --"},
	} {
		if got := strings.Join(open(t, c.options).Attempts[0].Argv, " "); got != c.want {
			t.Errorf("%v gives %q, want %q", c.options, got, c.want)
		}
	}
}

// G12, G14: what is not understood, and what could be taken for something else, is an error of its argument.
func TestG12G14Refused(t *testing.T) {
	for _, c := range []struct {
		argument string
		options  transports.Options
	}{
		{"args", transports.Options{"args": []any{"-z"}}},
		{"args", transports.Options{"args": []any{"--frobnicate"}}},
		{"args", transports.Options{"args": []any{"-HE"}}},
		{"args", transports.Options{"args": []any{"-S"}}},
		{"args", transports.Options{"args": []any{"-p", "x"}}},
		{"args", transports.Options{"args": []any{"-u", "root"}}},
		{"args", transports.Options{"args": []any{"-b"}}},
		{"args", transports.Options{"args": []any{"-s"}}},
		{"args", transports.Options{"args": []any{"-e", "/etc/shadow"}}},
		{"args", transports.Options{"args": []any{"--"}}},
		{"args", transports.Options{"args": []any{"ls"}}},
		{"args", transports.Options{"args": []any{""}}},
		{"args", transports.Options{"args": []any{"PATH=/tmp"}}},
		{"args", transports.Options{"args": []any{"-g"}}},
		{"args", transports.Options{"args": []any{"-g", "-x"}}},
		{"args", transports.Options{"args": []any{"--set-home=yes"}}},
		{"args", transports.Options{"args": []any{"--preserve-env=A B"}}},
		{"args", transports.Options{"args": []any{float64(1)}}},
		{"args", transports.Options{"args": []any{"-r", "a"}, "role": "b"}},
		{"args", transports.Options{"args": []any{"-n"}, "password": "x"}},
		{"preserve_env", transports.Options{"preserve_env": "LANG"}},
		{"preserve_env", transports.Options{"preserve_env": []any{"LANG,PATH"}}},
		{"preserve_env", transports.Options{"preserve_env": true, "login": true}},
		{"user", transports.Options{"user": "-u"}},
		{"user", transports.Options{"user": "a b"}},
		{"user", transports.Options{"user": "a\nb"}},
		{"user", transports.Options{"user": "$(id)"}},
		{"user", transports.Options{"user": "a;b"}},
		{"role", transports.Options{"role": "-r"}},
		{"type", transports.Options{"type": "a b"}},
		{"path", transports.Options{"path": "-sudo"}},
		{"path", transports.Options{"path": "bin/sudo"}},
		{"path", transports.Options{"path": "~/sudo"}},
		{"password", transports.Options{"password": "two\nlines"}},
		{"password", transports.Options{"password": "end\x04"}},
		{"connect_timeout", transports.Options{"connect_timeout": "0s"}},
		{"connect_timeout", transports.Options{"connect_timeout": "soon"}},
	} {
		_, err := sudo.Transport().Open(c.options)
		var wrong *schema.ArgumentError
		if !errors.As(err, &wrong) || wrong.Argument != c.argument {
			t.Errorf("%v gives %v, want an error of %s", c.options, err, c.argument)
		}
		if again := sudo.Transport().Check(c.options); again == nil {
			t.Errorf("%v passes the check before any connection", c.options)
		}
	}
}

// G4: without a password there is no terminal, unless the first attempt has shown that sudo insists on one.
func TestG4NoTerminalWithoutPassword(t *testing.T) {
	attempts := open(t, transports.Options{}).Attempts
	if len(attempts) != 2 || attempts[0].Terminal || !attempts[1].Terminal {
		t.Fatalf("got %+v, want an attempt without a terminal and one with", attempts)
	}
	if !slices.ContainsFunc(attempts[0].Failures, func(f wire.Failure) bool { return f.Next && f.Contains == "must have a tty" }) {
		t.Error("nothing leads to the second attempt")
	}
	if slices.ContainsFunc(attempts[0].Failures, func(f wire.Failure) bool { return f.Next && f.Contains == "" }) {
		t.Error("anything leads to the second attempt")
	}
}

// G6, G36: the password is typed at a prompt of our own, a new one each time, and stands nowhere else.
func TestG6G36Password(t *testing.T) {
	o := transports.Options{"password": "s3cret"}
	first, second := open(t, o).Attempts, open(t, o).Attempts
	if len(first) != 2 {
		t.Fatalf("got %+v, want an attempt with a prompt of our own and one with the program's", first)
	}
	for _, a := range first {
		if !a.Terminal || string(a.Prompt.Secret) != "s3cret" {
			t.Errorf("got %+v, want a terminal and the password", a)
		}
	}
	if first[1].Prompt.Marker != "" || slices.Contains(first[1].Argv, "-p") {
		t.Errorf("got %+v, want no prompt of our own", first[1])
	}
	marker := first[0].Prompt.Marker
	if marker == second[0].Prompt.Marker || len(marker) < 20 {
		t.Errorf("the markers %q and %q are not random", marker, second[0].Prompt.Marker)
	}
	at := slices.Index(first[0].Argv, "-p")
	if at < 0 || !strings.Contains(first[0].Argv[at+1], marker) || strings.Contains(first[0].Argv[at+1], "%") {
		t.Errorf("%q does not print the marker %q", first[0].Argv, marker)
	}
	if text := strings.Join(first[0].Argv, " ") + sudo.Transport().Title(o); strings.Contains(text, "s3cret") {
		t.Errorf("the password is in %q", text)
	}
}
