package docker_test

import (
	"errors"
	"strings"
	"testing"

	"runner/agent/schema"
	"runner/agent/wire"
	"runner/transports"
	"runner/transports/docker"
)

// The attempts, in order: a copy that is there, a copy by docker cp, a shell, the namespaces.
func TestAttempts(t *testing.T) {
	for _, c := range []struct {
		options       transports.Options
		exec, inspect string
	}{
		{
			transports.Options{"container": "app"},
			"docker exec --interactive -- app", "docker inspect --type container --format {{.State.Pid}} {{.Config.User}} -- app",
		},
		{
			transports.Options{"container": "app", "user": "1000:1000", "path": "/usr/bin/podman"},
			"/usr/bin/podman exec --interactive --user 1000:1000 -- app",
			"/usr/bin/podman inspect --type container --format {{.State.Pid}} 1000:1000 -- app",
		},
	} {
		opened, err := docker.Transport().Open(c.options)
		if err != nil {
			t.Fatal(err)
		}
		a := opened.Attempts
		if len(a) != 4 || a[0].Entry != wire.EntryPath || a[1].Entry != wire.EntryCopy || a[2].Entry != wire.EntryShell || a[3].Entry != wire.EntryNamespace {
			t.Fatalf("got %+v", a)
		}
		for i, last := range []wire.Failure{
			{Next: true}, {Contains: "read-only", Next: true}, {Exit: 127, Next: true}, {Code: wire.CodeNoExec, Hint: a[3].Failures[len(a[3].Failures)-1].Hint},
		} {
			if got := a[i].Failures[len(a[i].Failures)-1]; got != last {
				t.Errorf("the last failure of attempt %d is %+v, want %+v", i, got, last)
			}
		}
		for i, got := range [][]string{a[0].Argv, a[1].Argv, a[2].Argv} {
			if strings.Join(got, " ") != c.exec {
				t.Errorf("attempt %d runs %q, want %q", i, got, c.exec)
			}
		}
		if got := strings.Join(a[3].Inspect, " "); got != c.inspect {
			t.Errorf("got %q, want %q", got, c.inspect)
		}
	}
}

// G14: no name becomes an option, a path or a template.
func TestG14Refused(t *testing.T) {
	for _, c := range []struct {
		argument string
		options  transports.Options
	}{
		{"container", transports.Options{}},
		{"container", transports.Options{"container": ""}},
		{"container", transports.Options{"container": "-it"}},
		{"container", transports.Options{"container": "a b"}},
		{"container", transports.Options{"container": "a:b"}},
		{"container", transports.Options{"container": "a/b"}},
		{"container", transports.Options{"container": "a\nb"}},
		{"container", transports.Options{"container": "a\n"}},
		{"container", transports.Options{"container": "$(id)"}},
		{"container", transports.Options{"container": "{{.}}"}},
		{"user", transports.Options{"container": "a", "user": "-u"}},
		{"user", transports.Options{"container": "a", "user": "{{.State}}"}},
		{"user", transports.Options{"container": "a", "user": "a b"}},
		{"path", transports.Options{"container": "a", "path": "-docker"}},
		{"path", transports.Options{"container": "a", "path": "./docker"}},
		{"connect_timeout", transports.Options{"container": "a", "connect_timeout": "-1s"}},
	} {
		_, err := docker.Transport().Open(c.options)
		var wrong *schema.ArgumentError
		if !errors.As(err, &wrong) || wrong.Argument != c.argument {
			t.Errorf("%v gives %v, want an error of %s", c.options, err, c.argument)
		}
	}
}
