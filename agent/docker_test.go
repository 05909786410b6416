package agent_test

import (
	"maps"
	"strings"
	"testing"

	"runner/agent/wire"
	"runner/cmd/testbed/bed"
	"runner/transports"
)

// TestDockerEntries: into containers of every kind, by the way that fits (G13 for the namespaces).
func TestDockerEntries(t *testing.T) {
	source := static(t)
	for name, c := range map[string]struct {
		box     bed.BoxOptions
		options transports.Options
		want    wire.Code
		user    string // inside, uid:home
		argv    []any
		prints  string
	}{
		"shell":              {argv: []any{"/bin/busybox", "id", "-un"}, prints: "root"},
		"scratch":            {box: bed.BoxOptions{Scratch: true}, argv: []any{"/busybox", "id", "-u"}, prints: "0"},
		"other user":         {options: transports.Options{"user": "app"}, argv: []any{"/bin/busybox", "id", "-un"}, prints: "app"},
		"small memory":       {box: bed.BoxOptions{Memory: "32m"}, argv: []any{"/bin/busybox", "id", "-u"}, prints: "0"},
		"read-only, tmpfs":   {box: bed.BoxOptions{ReadOnly: true, Tmpfs: []string{"/tmp:exec"}}, argv: []any{"/bin/busybox", "id", "-u"}, prints: "0"},
		"read-only":          {box: bed.BoxOptions{ReadOnly: true}, argv: []any{"/bin/sh", "-c", "echo $HOME $USER $LOGNAME; pwd"}, prints: "/root root root\n/"},
		"read-only scratch":  {box: bed.BoxOptions{ReadOnly: true, Scratch: true}, argv: []any{"/busybox", "sh", "-c", "echo $(/busybox id -u) $HOME"}, prints: "0 /"},
		"read-only, user":    {box: bed.BoxOptions{ReadOnly: true}, options: transports.Options{"user": "app"}, argv: []any{"/bin/sh", "-c", "id -u; echo $HOME"}, prints: "1000\n/home/app"},
		"read-only, numbers": {box: bed.BoxOptions{ReadOnly: true, Scratch: true}, options: transports.Options{"user": "123:456"}, argv: []any{"/busybox", "sh", "-c", "/busybox id -u; /busybox id -g"}, prints: "123\n456"},
	} {
		t.Run(name, func(t *testing.T) {
			b := bed.New(t, "linux", "root", "docker")
			box := b.Container(c.box)
			ctl := connectTo(t, source, wire.Attempt{Entry: wire.EntryShell})
			options := transports.Options{"container": box.Name}
			maps.Copy(options, c.options)
			hello, lost := ctl.startChild(ctl.hop("docker", options))
			if lost != nil {
				t.Fatalf("lost: %s", describe(lost))
			}
			if hello.Target.Machine == ctl.hellos[root].Target.Machine {
				t.Error("the container is the same target as its machine")
			}
			r := ctl.command(second, c.argv...)
			if got := values(t, r)["stdout"]; got != c.prints {
				t.Errorf("%v gives %q (%+v), want %q", c.argv, got, r.Problem, c.prints)
			}
			if !c.box.ReadOnly {
				return
			}
			// What is inside is bounded as the container itself is.
			argv := []any{"/bin/busybox", "grep", "-E", "CapBnd|CapPrm", "/proc/self/status"}
			inside := []string{"grep", "-E", "CapBnd|CapPrm", "/proc/self/status"}
			if c.box.Scratch {
				argv[0] = "/busybox"
			}
			if c.options == nil {
				got := values(t, ctl.command(second, argv...))["stdout"]
				if want := strings.TrimSpace(box.Run(inside...)); got != want {
					t.Errorf("capabilities are %q, docker exec has %q", got, want)
				}
			}
		})
	}
}
