package files

import (
	"errors"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// DirectorySchema describes the action directory.
func DirectorySchema() schema.Block {
	return schema.Block{
		Name: "directory",
		Doc: "Makes sure that a directory is there, with its parents, or that it is gone with everything in it. A symbolic link to a directory counts as the " +
			"directory, where nobody but root, the task's user or the owner of that directory could have put the link. Anything else at the path is an error.",
		Arguments: []schema.Attribute{
			{Name: "path", Type: schema.Path, Required: true, Doc: "Where the directory is."},
			{Name: "mode", Type: schema.Mode, Doc: "Its permissions, such as `\"0750\"`, whatever the umask. Unless set, a new directory gets `\"0755\"` (and the setgid bit of its parent) and an old one keeps its own."},
			{Name: "owner", Type: schema.String, Doc: "The name or number of the user it belongs to. Unless set, a new directory belongs to the task's user and an old one keeps its own."},
			{Name: "group", Type: schema.String, Doc: "The name or number of its group, likewise."},
			{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}, Doc: "`present` (unless set), or `absent`: the directory is removed with everything in it. " +
				"Links in it are removed, never followed; a mount point in it is an error before anything is removed."},
		},
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The path as given."},
			{Name: "mode", Type: schema.String, Doc: "The permissions, such as `0750`; null when absent."},
			{Name: "owner", Type: schema.String, Doc: "The name of the owner, or the number if it has none; null when absent."},
			{Name: "group", Type: schema.String, Doc: "The name of the group, or the number if it has none; null when absent."},
			{Name: "created", Type: schema.Strings, Doc: "The directories that were missing and were made, outermost first. Parents get the mode `0755` and the owner and group of the task's user."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "directory" "data" {
  path = "/tmp/runner-example/data"
  mode = "0750"
}

task "directory" "mine" {
  path  = "/tmp/runner-example/mine"
  owner = self.facts.user.name
  group = self.facts.user.gid
}

task "directory" "old" {
  path  = "/tmp/runner-example/old"
  state = "absent"
}`,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			err := errors.Join(g.Named("path"), g.State(), g.Mode("mode"), g.Account("owner"), g.Account("group"))
			if g.Removes() {
				err = errors.Join(err, g.Absent("mode", "owner", "group"))
			}
			return err
		},
	}
}
