package history

import (
	"strings"
	"testing"

	"runner/executor/record"
)

// A run is headed by what a shell would have been given for it.
func TestHeading(t *testing.T) {
	for _, c := range []struct {
		start record.Start
		want  string
	}{
		{record.Start{Command: "apply", Site: "/srv/site.hcl"}, "runner apply /srv/site.hcl"},
		{
			record.Start{Command: "plan", Site: "/srv/my site", Flags: []string{"--limit web[*],!web[a]", "--tags config"}},
			`runner plan '/srv/my site' --limit 'web[*],'\!'web[a]' --tags config`,
		},
		{
			record.Start{Command: "exec", Site: "/srv", Flags: []string{"--limit web[*]", "--", "sh", "-c", "echo a; exit 1"}},
			`runner exec 'web[*]' --site /srv -- sh -c 'echo a; exit 1'`,
		},
		{record.Start{Command: "exec", Site: "/srv", Flags: []string{"--limit a", "--", "printf", "\x1b[2J\n"}}, `runner exec a --site /srv -- printf \x1b[2J\n`},
	} {
		heading := Heading(&record.Summary{ID: "x", Start: c.start}, "")
		if first, _, _ := strings.Cut(heading, "\n"); first != "Run x: "+c.want {
			t.Errorf("got %s, want %s", first, c.want)
		}
	}
}
