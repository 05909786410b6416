package ssh

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// TestRunOnRealServer: a command gets its input, what it prints comes whole and apart, and how it ended is told; when time is up
// the session is left.
func TestRunOnRealServer(t *testing.T) {
	s := newSite(t)
	client := dial(t, s.options())
	for _, c := range []struct {
		command, stdin string
		stdout, stderr string
		exit           Exit
	}{
		{"cat; echo oops >&2; exit 7", "in", "in", "oops\n", Exit{Known: true, Status: 7}},
		{"true", strings.Repeat("nobody reads this", 1<<16), "", "", Exit{Known: true}},
		{"head -c 300000 /dev/zero | tr '\\0' x >&2", "", "", strings.Repeat("x", 300000), Exit{Known: true}},
		{"kill -9 $$", "", "", "", Exit{Known: true, Signal: "KILL"}},
	} {
		var stdout, stderr bytes.Buffer
		exit, err := client.Run(t.Context(), c.command, strings.NewReader(c.stdin), &stdout, &stderr)
		if err != nil || exit != c.exit || stdout.String() != c.stdout || stderr.String() != c.stderr {
			t.Errorf("%s: %+v, %v, printed %.20q and %.20q", c.command, exit, err, stdout.String(), stderr.String())
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	began := time.Now()
	if exit, err := client.Run(ctx, "echo begun; sleep 20", strings.NewReader(""), &out, &out); err != nil || exit.Known && exit.Signal == "" || out.String() != "begun\n" {
		t.Errorf("%+v, %v, printed %q", exit, err, out.String())
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	_ = client.Close()
	if _, err := client.Run(t.Context(), "true", strings.NewReader(""), &out, &out); err == nil {
		t.Error("a command was run over a closed connection")
	}
}
