package files

import (
	"errors"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// SymlinkSchema describes the action symlink.
func SymlinkSchema() schema.Block {
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
		Environ: &schema.Reach{Quote: true},
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
	g := given.Args(m)
	err := errors.Join(g.WithoutSlash("path", "link"), g.State())
	if g.Removes() {
		return errors.Join(err, g.Absent("target"))
	}
	return errors.Join(err, target(g))
}

func target(g given.Args) error {
	const longest = 4095
	target, known := g.Text("target")
	switch {
	case !g.Has("target") && (!g.Has("state") || g["state"] == "present"):
		return given.Wrong("", "The action \"symlink\" needs the argument \"target\", unless state is \"absent\".")
	case known && target == "":
		return given.Wrong("target", "target must not be empty.")
	case strings.ContainsRune(target, 0) || len(target) > longest:
		return given.Wrong("target", "target must have no NUL byte and at most %d bytes.", longest)
	}
	return nil
}
