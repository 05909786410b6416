package main

import (
	"errors"
	"strings"
	"testing"
)

// TestHostFails: whatever the bed finds, while it works or while it is removed, becomes the error of the program.
func TestHostFails(t *testing.T) {
	other := errors.New("other")
	for name, c := range map[string]struct {
		work func(h *host) error
		want string
	}{
		"nothing":          {func(*host) error { return nil }, ""},
		"an error":         {func(h *host) error { h.Errorf("one %d", 1); h.Error("two"); return nil }, "one 1; two"},
		"while it cleans":  {func(h *host) error { h.Cleanup(func() { h.Error("left over") }); return nil }, "left over"},
		"fatal":            {func(h *host) error { h.Fatalf("gone"); return nil }, "gone"},
		"an error of ours": {func(h *host) error { h.Error("two"); return other }, "other"},
	} {
		t.Run(name, func(t *testing.T) {
			err := func() (err error) {
				h := &host{}
				defer h.end(&err)
				return c.work(h)
			}()
			switch {
			case c.want == "" && err != nil:
				t.Errorf("it failed: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("it ended with %v, want %q", err, c.want)
			}
		})
	}
}
