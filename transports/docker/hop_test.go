package docker_test

import (
	"fmt"
	"strings"
	"testing"

	"runner/agent/wire"
	"runner/cmd/testbed/bed"
	"runner/transports"
	"runner/transports/conformance"
	"runner/transports/docker"
)

// box is a container and who its agent is by default.
type box struct {
	name    string
	options bed.BoxOptions
	user    string // the hop's option
	want    conformance.User
	stored  bool
	member  bool // the parent is no root, but may talk to the daemon
}

func boxes() []box {
	root := conformance.User{Name: "root", Home: "/root", Shell: "/bin/sh"}
	app := conformance.User{Name: "app", UID: 1000, Home: "/home/app", Shell: "/bin/sh"}
	nobody := conformance.User{Name: "-", UID: 4711, Home: "-", Shell: "-"} // in no passwd file
	bare := conformance.User{Name: "-", Home: "-", Shell: "-"}              // there is no passwd file
	return []box{
		{name: "shell", want: root, stored: true},
		{name: "shell, parent not root", want: root, stored: true, member: true},
		{name: "user", options: bed.BoxOptions{User: "app"}, want: app, stored: true},
		{name: "user asked for", user: "1000:1000", want: app, stored: true},
		{name: "user asked for, root else", options: bed.BoxOptions{User: "app"}, user: "root", want: root, stored: true},
		{name: "no shell", options: bed.BoxOptions{Scratch: true}, want: bare, stored: true},
		{name: "no shell, user without a name", options: bed.BoxOptions{Scratch: true, User: "4711"}, want: nobody, stored: true},
		{name: "no shell, memory limit", options: bed.BoxOptions{Scratch: true, Memory: "32m"}, want: bare, stored: true},
		{name: "read-only", options: bed.BoxOptions{ReadOnly: true}, want: root},
		{name: "read-only, user", options: bed.BoxOptions{ReadOnly: true, User: "app"}, want: app},
		{name: "read-only, no shell", options: bed.BoxOptions{ReadOnly: true, Scratch: true}, want: bare},
		{
			name: "read-only, no shell, user, memory limit", want: nobody,
			options: bed.BoxOptions{ReadOnly: true, Scratch: true, User: "4711", Memory: "32m"},
		},
		{name: "read-only, tmpfs", options: bed.BoxOptions{ReadOnly: true, Tmpfs: []string{"/tmp:exec,mode=1777"}}, want: root, stored: true, member: true},
	}
}

// G1: what holds for every hop, in every kind of container.
func TestConformance(t *testing.T) {
	for _, c := range boxes() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := bed.New(t, "linux", "root", "docker")
			container := b.Container(c.options)
			test := conformance.Case{
				Bed: b, Transport: docker.Transport(), Options: transports.Options{"container": container.Name}, Want: c.want,
				Stored: c.stored, Busybox: "/bin/busybox", Program: container.Name + " /", Loud: true,
			}
			if c.options.Scratch {
				test.Busybox = "/busybox"
			}
			if !c.stored { // the parent itself goes in
				test.Program = fmt.Sprintf("enter %d", container.PID)
			}
			if c.user != "" {
				test.Options["user"] = c.user
			}
			if c.member {
				test.As = b.Account(bed.AccountOptions{Groups: []string{bed.DockerGroup(t)}})
			}
			conformance.Run(t, test)
		})
	}
}

// G11: what docker says when there is no way in has a name and a hint.
func TestRefusals(t *testing.T) {
	b := bed.New(t, "linux", "root", "docker")
	running, stopped, paused := b.Container(bed.BoxOptions{}), b.Container(bed.BoxOptions{}), b.Container(bed.BoxOptions{})
	stopped.Stop()
	paused.Pause()
	rigs := map[bool]*conformance.Rig{false: conformance.NewRig(t, b, nil), true: conformance.NewRig(t, b, b.Account(bed.AccountOptions{}))}
	sealed := b.Container(bed.BoxOptions{ReadOnly: true, Scratch: true})
	member := conformance.NewRig(t, b, b.Account(bed.AccountOptions{Groups: []string{bed.DockerGroup(t)}}))
	for _, c := range []struct {
		name     string
		rig      *conformance.Rig
		options  transports.Options
		code     wire.Code
		in, hint string
	}{
		{"no container", rigs[false], transports.Options{"container": "no-such-box"}, transports.CodeNoTarget, "o such container", "no-such-box"},
		{"stopped", rigs[false], transports.Options{"container": stopped.Name}, transports.CodeNoTarget, "not running", "not running"},
		{"paused", rigs[false], transports.Options{"container": paused.Name}, transports.CodeNoTarget, "paused", "docker unpause"},
		{"no user", rigs[false], transports.Options{"container": running.Name, "user": "nope"}, transports.CodeNoUser, "nope", "no such user"},
		{"no permission", rigs[true], transports.Options{"container": running.Name}, transports.CodeDenied, "permission denied", "sudo hop"},
		{"sealed", member, transports.Options{"container": sealed.Name}, wire.CodeNoExec, "", "sudo hop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			why := c.rig.For(t).Fails(docker.Transport(), c.options)
			if why.Code != c.code || !strings.Contains(why.Quote, c.in) || !strings.Contains(why.Hint, c.hint) {
				t.Errorf("got %+v\nwant the code %s, %q quoted and a hint with %q", why, c.code, c.in, c.hint)
			}
			if !strings.Contains(why.Message, "docker "+c.options.String("container", "")) {
				t.Errorf("the message does not name the hop: %s", why.Message)
			}
		})
	}
}

// G17: a container that stops in the middle of a task takes its peer with it, and that is told at once.
func TestG17Stopped(t *testing.T) {
	b := bed.New(t, "linux", "root", "docker")
	for _, options := range []bed.BoxOptions{{}, {ReadOnly: true, Scratch: true}} {
		container := b.Container(options)
		p := conformance.NewRig(t, b, nil).Open(docker.Transport(), transports.Options{"container": container.Name})
		argv := []string{"/bin/busybox", "sleep", "1000"}
		if options.Scratch {
			argv[0] = "/busybox"
		}
		p.Start("command", map[string]any{"argv": argv}).AwaitStarted()
		container.Stop()
		if lost := p.AwaitLost(); !lost.Ready {
			t.Errorf("%+v: got %+v, want the loss of a peer that was ready", options, lost)
		}
	}
}
