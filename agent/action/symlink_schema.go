package action

import (
	"errors"
	"strings"

	"runner/agent/schema"
)

func symlinkSchema() schema.Block {
	return schema.Block{
		Name: "symlink",
		Doc: "Makes sure that a symbolic link is there and says what it should, or that it is gone. A link with another target is replaced in one step. " +
			"Anything but a link at the path is an error, also when state is absent; what the link points to is never touched and need not exist.",
		Arguments: []schema.Attribute{
			{Name: "path", Type: schema.Path, Required: true, Doc: "Where the link is."},
			{Name: "target", Type: schema.String, Doc: "What it says: an absolute path, or one relative to the link's directory. Required unless state is absent."},
			{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}, Doc: "`present` (unless set), or `absent`."},
		},
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The path as given."},
			{Name: "target", Type: schema.String, Doc: "What the link says; null when absent."},
		},
		Example: `task "symlink" "current" {
  path   = "/tmp/runner-example-current"
  target = "/tmp/releases/7"
}

task "symlink" "next" {
  path  = "/tmp/runner-example-next"
  state = "absent"
}`,
		Check: checkSymlink,
	}
}

func checkSymlink(m map[string]any) error {
	g := given(m)
	err := errors.Join(g.withoutSlash("path", "link"), g.state())
	if g.removes() {
		return errors.Join(err, g.absent("target"))
	}
	return errors.Join(err, g.target())
}

func (g given) target() error {
	const longest = 4095
	target, known := g.text("target")
	switch {
	case !g.has("target") && (!g.has("state") || g["state"] == "present"):
		return wrong("", "The action \"symlink\" needs the argument \"target\", unless state is \"absent\".")
	case known && target == "":
		return wrong("target", "target must not be empty.")
	case strings.ContainsRune(target, 0) || len(target) > longest:
		return wrong("target", "target must have no NUL byte and at most %d bytes.", longest)
	}
	return nil
}
