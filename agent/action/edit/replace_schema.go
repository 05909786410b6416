package edit

import (
	"runner/agent/action/files"
	"runner/agent/schema"
)

// ReplaceSchema describes the action.
func ReplaceSchema() schema.Block {
	return schema.Block{
		Name: "replace",
		Doc: "Replaces everything in a text file that a regular expression matches. `^` and `$` match at each line; `.` matches no line break, unless `(?s)` says so; where all lines end in CR LF, `\\n` matches both and becomes both. " +
			"What the expression is replaced with must not be replaced again by the next run: that is an error, found by trying it." + kept,
		Arguments: targetSchema(
			schema.Attribute{Name: "regex", Type: schema.Regex, Required: true, Doc: "What is replaced, each time that it is found."},
			schema.Attribute{Name: "with", Type: schema.String, Reach: files.Repeated(), Doc: "What it is replaced with; nothing unless set. `$1`, `${1}`, `$name` and `$${name}` (which HCL reads as `${name}`) stand for the groups of `regex`, `$$` for a dollar sign."},
			schema.Attribute{Name: "after", Type: schema.Regex, Doc: "Only what is behind the first match of this is replaced; nothing if there is none."},
			schema.Attribute{Name: "before", Type: schema.Regex, Doc: "Only what is in front of the first match of this is replaced (behind that of `after`, if it is set); nothing if there is none."},
		),
		Results: targetResults(),
		Environ: &schema.Reach{Quote: true},
		Example: `task "replace" "names" {
  path   = "/tmp/runner-example-replace"
  regex  = "\\bold(\\d)\\.example\\.net\\b"
  with   = "new$1.example.net"
  after  = "^upstream"
  before = "^\\}"
  create = true
}

task "replace" "comments" {
  path     = "/tmp/runner-example-replace"
  regex    = "^;.*\\n"
  mode     = "0640"
  owner    = self.facts.user.name
  group    = self.facts.user.gid
  validate = ["/bin/test", "-f", "%s"]
  backup   = true
  in_place = true
  durable  = true
}`,
		Check: func(m map[string]any) error { return checkTarget(m) },
	}
}
