package edit

import (
	"errors"
	"slices"

	"runner/agent/action/files"
	"runner/agent/action/given"
	"runner/agent/schema"
)

// LineSchema describes the action.
func LineSchema() schema.Block {
	return schema.Block{
		Name: "line",
		Doc: "Makes sure that a line is in a text file, or that none like it is. With `regex`, the last line that matches it is replaced; otherwise, and where none matches, the line is added unless it is there. " +
			"Other lines that match stay as they are. A line that is there already counts as a match, so that nothing is added a second time if `regex` does not match it." + kept,
		Arguments: targetSchema(slices.Concat([]schema.Attribute{
			{Name: "line", Type: schema.String, Free: true, Reach: files.Written(), Doc: "The line, as it is, without a line break. Needed unless `state` is `absent`."},
			{Name: "regex", Type: schema.Regex, Doc: "Which line it takes the place of; with `state = \"absent\"`: which lines are removed, beside those that are equal to `line`. It may match any part of a line."},
			stateSchema("`present` (unless set), or `absent`: all lines that match are removed."),
		}, whereSchema("line"))...),
		Results: targetResults(),
		Environ: &schema.Reach{Quote: true},
		Example: `task "line" "forwarding" {
  path   = "/tmp/runner-example-sysctl.conf"
  regex  = "^#?\\s*net\\.ipv4\\.ip_forward\\s*="
  line   = "net.ipv4.ip_forward = 1"
  create = true
}

task "line" "first" {
  path        = "/tmp/runner-example-sysctl.conf"
  line        = "# Managed by hand and by runner"
  before      = "^"
  first_match = true
  backup      = true
}

task "line" "database" {
  path     = "/tmp/runner-example-sysctl.conf"
  line     = "vm.swappiness = 10"
  after    = "^net\\."
  mode     = "0640"
  owner    = self.facts.user.name
  group    = self.facts.user.gid
  validate = ["/bin/grep", "-q", "ip_forward", "%s"]
  in_place = true
  durable  = true
}

task "line" "gone" {
  path  = "/tmp/runner-example-sysctl.conf"
  regex = "^net\\.ipv6\\."
  state = "absent"
}`,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			err := errors.Join(checkTarget(g), checkWhere(g), oneLine(g, "line", " Several lines are a task \"block\"."))
			switch {
			case g.Removes() && !g.Has("line") && !g.Has("regex"):
				err = errors.Join(err, given.Wrong("", "line or regex is needed: which lines are to be removed?"))
			case !g.Has("line") && (!g.Has("state") || g["state"] == "present"):
				err = errors.Join(err, given.Wrong("", "line is needed, unless state is \"absent\"."))
			}
			return err
		},
	}
}
