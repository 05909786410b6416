package trees

import (
	"errors"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// FetchSchema describes the action.
func FetchSchema() schema.Block {
	return schema.Block{
		Name: "fetch",
		Doc: "Makes a file or directory on the controller like one on the target. Only differences are sent, as with `sync`, but each file that differs as a whole. Files appear whole or not at all, with the permissions (without setuid and setgid bits) and the time of the last change of the source; they belong to whoever runs runner. " +
			"Directories on the way to `destination` are made when there is something to write. No link in the destination is followed, nor the destination itself where it is a link to a directory, and nothing is written outside of it, whatever the target says; a file or link in the place of the other is replaced, anything else in the way is an error. Symbolic links are fetched as links. Pipes, sockets and devices are an error; exclude them. So are more than a million entries, and a file that cannot be read to its end. " +
			"It is `changed` if something on the controller was. What earlier tasks of the plan would change on the target is fetched by the run, so `plan` does not know yet. The target gets to know nothing of what is in `destination`, but which of its own files are.",
		Arguments: []schema.Attribute{
			{Name: "path", Type: schema.Path, Required: true, Doc: "The file or directory on the target. Links to it are followed as with `directory`."},
			{Name: "destination", Type: schema.Destination, Required: true, Doc: "What is to be like it on the controller, relative to the module's directory. If it ends in a slash, the copy lies in it, under the name that it has on the target. " +
				"Each host, and each element of a `for_each`, must have one of its own, so it has `self.name` in it where several hosts fetch; it is an error if two would write to the same place, or one into the place of another. In a `rescue` it may be that of the task that has failed. " +
				"So is one that is empty, that is or holds the directory of the site or of a role, or is a file or an action of theirs, and with `delete` a directory at the top of a system, such as `/etc`."},
			{Name: "delete", Type: schema.Bool, Doc: "Remove what is in `destination` and not on the target, but for what is excluded."},
			{Name: "exclude", Type: schema.Strings, Doc: "Patterns of what does not count, on either side, as with `sync`."},
			{Name: "include", Type: schema.Strings, Doc: "Patterns of what counts although `exclude` has it, likewise."},
			{Name: "checksum", Type: schema.Bool, Doc: "Compare all files by their content, also those of the same size and time."},
		},
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The path as given."},
			{Name: "destination", Type: schema.String, Doc: "The absolute path on the controller."},
			{Name: "created", Type: schema.Number, Doc: "How many files, directories and links were created."},
			{Name: "updated", Type: schema.Number, Doc: "How many files and links were there and were changed."},
			{Name: "removed", Type: schema.Number, Doc: "How many were removed."},
			{Name: "bytes", Type: schema.Number, Doc: "The size of all files that were written."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "fetch" "hosts" {
  path        = "/etc/hosts"
  destination = "fetched/${self.name}/hosts"
}

task "fetch" "doc" {
  path        = "/usr/share/doc/base-files"
  destination = "fetched/${self.name}/"
  delete      = true
  exclude     = ["*.gz"]
  include     = ["changelog.gz"]
  checksum    = true
}`,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			return errors.Join(g.Named("path"), patterns(g, "exclude"), patterns(g, "include"))
		},
	}
}
