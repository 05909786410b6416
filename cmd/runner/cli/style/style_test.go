package style

import "testing"

// Names that are cut stay apart.
func TestPad(t *testing.T) {
	for _, c := range []struct {
		name string
		wide int
		want string
	}{
		{"web", 5, "web  "},
		{"a-very-long-name-1", 8, "a-v…me-1"},
		{"日本語日本語日本語1", 8, "日…本語1"},
		{"abc", 1, "…"},
		{"abc", 0, ""},
	} {
		if got := Pad(c.name, c.wide); got != c.want {
			t.Errorf("Pad(%q, %d) = %q, want %q", c.name, c.wide, got, c.want)
		}
	}
}
