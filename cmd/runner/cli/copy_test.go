package cli

import (
	"testing"

	"runner/cmd/runner/cli/arguments"
)

// TestNameOf: what is in a home goes right into the destination, however the home is called.
func TestNameOf(t *testing.T) {
	for _, c := range []struct{ host, path, want string }{
		{"web", "", "."},
		{"web", "~", "."},
		{"web", "~/", "."},
		{"web", "~/.", "."},
		{"web", "~/dir/", "dir"},
		{"web", "/", "."},
		{"web", "/srv/", "srv"},
		{"", "~", "~"}, // a file here: the shell knows homes
		{"", "dir/", "dir"},
	} {
		if got := nameOf(arguments.Place{Host: c.host, Path: c.path}); got != c.want {
			t.Errorf("%s:%s is called %q, want %q", c.host, c.path, got, c.want)
		}
	}
}
