package action

import (
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
}`,
		Check: func(m map[string]any) error {
			k := known(m)
			if err := first(k.named("path"), k.oneOf("state", "present", "absent")); err != nil {
				return err
			}
			if strings.HasSuffix(k.text("path"), "/") {
				return wrong("path", "The path of a link must not end in a slash.")
			}
			if k.text("state") == "absent" {
				return k.without(`when state is "absent"`, "target")
			}
			target := k.text("target")
			switch {
			case k.has("target") && target == "":
				return wrong("target", "The target must not be empty.")
			case strings.ContainsRune(target, 0) || len(target) > 4095:
				return wrong("target", "The target must have no NUL byte and at most 4095 bytes.")
			}
			return nil
		},
	}
}
