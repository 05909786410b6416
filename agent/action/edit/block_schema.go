package edit

import (
	"errors"
	"slices"
	"strings"

	"runner/agent/action/files"
	"runner/agent/action/given"
	"runner/agent/schema"
)

// BlockSchema describes the action.
func BlockSchema() schema.Block {
	return schema.Block{
		Name: "block",
		Doc: "Makes sure that some lines are in a text file between two lines that mark them, or that no such block is. A block that is there is replaced where it is; more of the same marker are removed. " +
			"A marker without its other one is an error. Blocks with other markers are not touched." + kept,
		Arguments: targetSchema(slices.Concat([]schema.Attribute{
			{Name: "content", Type: schema.String, Free: true, Reach: files.Written(), Doc: "The lines; a line break at its end means nothing. Needed unless `state` is `absent`; if it is empty, the markers stand alone."},
			{Name: "marker", Type: schema.String, Doc: "The lines around the block, with `{mark}` where `begin` and `end` go. `# {mark} MANAGED BLOCK` unless set; two blocks in one file need two markers."},
			{Name: "begin", Type: schema.String, Doc: "What `{mark}` is in the line before the block; `BEGIN` unless set."},
			{Name: "end", Type: schema.String, Doc: "What it is in the line behind the block; `END` unless set."},
			stateSchema("`present` (unless set), or `absent`: the block is removed with its markers."),
		}, whereSchema("block"))...),
		Results: targetResults(),
		Environ: &schema.Reach{Quote: true},
		Example: `task "block" "hosts" {
  path    = "/tmp/runner-example-hosts-block"
  marker  = "# {mark} shop"
  content = <<-EOT
    10.0.0.1 db1
    10.0.0.2 db2
  EOT
  after   = "^127\\.0\\.0\\.1"
  create  = true
}

task "block" "caches" {
  path        = "/tmp/runner-example-hosts-block"
  marker      = "# {mark} caches"
  begin       = "these are the"
  end         = "those were the"
  content     = "10.0.0.3 cache1"
  before      = "^# BEGIN shop"
  first_match = true
  mode        = "0640"
  owner       = self.facts.user.name
  group       = self.facts.user.gid
  validate    = ["/bin/grep", "-q", "db1", "%s"]
  backup      = true
  in_place    = true
  durable     = true
}

task "block" "old" {
  path   = "/tmp/runner-example-hosts-block"
  marker = "# {mark} cache"
  state  = "absent"
}`,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			err := errors.Join(checkTarget(g), checkWhere(g), oneLine(g, "marker", ""), oneLine(g, "begin", ""), oneLine(g, "end", ""))
			if marker, known := g.Text("marker"); known && !strings.Contains(marker, "{mark}") {
				err = errors.Join(err, given.Wrong("marker", "marker must have {mark} in it, where begin and end go."))
			}
			if begin, known := g.Text("begin"); known && begin == g["end"] {
				err = errors.Join(err, given.Wrong("end", "begin and end must differ."))
			}
			if !g.Has("content") && (!g.Has("state") || g["state"] == "present") {
				err = errors.Join(err, given.Wrong("", "content is needed, unless state is \"absent\"."))
			}
			if g.Removes() {
				err = errors.Join(err, g.Absent("content"))
			}
			return err
		},
	}
}
