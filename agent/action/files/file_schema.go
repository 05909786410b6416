package files

import (
	"errors"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// FileSchema describes the action file.
func FileSchema() schema.Block {
	return schema.Block{
		Name: "file",
		Doc: "Makes sure that a regular file is there, with the content, mode and owner that are given, or that none is there. The file appears whole " +
			"or not at all: it is written without a name, linked to a hidden one (`.NAME.runner-UID`) and renamed, which keeps the owner, mode, ACL, extended attributes and label of the file that was there, " +
			"but for what the task sets. A symbolic link at the path is replaced (or removed) itself, what it points to is never touched; " +
			"a directory, device, pipe or socket there is an error, and so is a mount point, such as a container's /etc/hosts, unless `in_place` is set. " +
			"Directories on the way must exist; links among them are followed where nobody but root, the task's user, or the owner of the directory they " +
			"lead to could have put them. Without `content` and `source` the content is left alone, and a new file is empty.",
		Arguments: []schema.Attribute{
			{Name: "path", Type: schema.Path, Required: true, Doc: "Where the file is."},
			{Name: "content", Type: schema.String, Free: true, Reach: Written(), Doc: "What is in it, as text."},
			{Name: "source", Type: schema.Source, Doc: "A file on the controller whose bytes are what is in it, instead of `content`. A large one is sent only where the file differs, and once for all hosts that lie behind the same ssh hop."},
			{Name: "mode", Type: schema.Mode, Doc: "Its permissions, such as `\"0640\"`, whatever the umask. Unless set, a new file gets `\"0644\"` and an old one keeps its own."},
			{Name: "owner", Type: schema.String, Doc: "The name or number of the user it belongs to. Unless set, a new file belongs to the task's user and an old one keeps its own."},
			{Name: "group", Type: schema.String, Doc: "The name or number of its group, likewise."},
			{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}, Doc: "`present` (unless set), or `absent`: there is no file or link at the path."},
			{Name: "backup", Type: schema.Bool, Doc: "Keep the old file beside the new one before its content changes or it is removed, as `PATH.2026-11-23T04-05-06Z~` (UTC), with its owner and mode."},
			{Name: "validate", Type: schema.Strings, Doc: "A program with arguments that checks the new content before it goes live; `%s` in them is the path of a file that has it. " +
				"Any exit code but 0 leaves the old file as it is and fails the task. That file is a copy in a private directory, with the same name, owner and mode. `plan` does not run it."},
			{Name: "in_place", Type: schema.Bool, Doc: "Write into the old file instead of replacing it. Readers can see it half written; meant for mount points and for files whose hard links must stay."},
			{Name: "durable", Type: schema.Bool, Doc: "Have the file and its directory on the disk before the task ends. Otherwise that is so before the job ends."},
		},
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The path as given."},
			{Name: "size", Type: schema.Number, Doc: "Bytes; null when absent."},
			{Name: "sha256", Type: schema.String, Doc: "SHA-256 of the content in hexadecimal; null when absent, and where the task does not say what the content is."},
			{Name: "mode", Type: schema.String, Doc: "The permissions, such as `0640`; null when absent."},
			{Name: "owner", Type: schema.String, Doc: "The name of the owner, or the number if it has none; null when absent."},
			{Name: "group", Type: schema.String, Doc: "The name of the group, or the number if it has none; null when absent."},
			{Name: "backup", Type: schema.String, Doc: "The path of the backup, or null if none was made."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "file" "motd" {
  path     = "/tmp/runner-example-motd"
  content  = "Managed by ${self.name}\n"
  mode     = "0640"
  validate = ["/bin/grep", "-q", "Managed", "%s"]
}

task "file" "copy" {
  path   = "/tmp/runner-example-hosts"
  source = "/etc/hosts"
  owner  = self.facts.user.name
  group  = self.facts.user.gid
  backup = true
}

task "file" "mounted" {
  path     = "/tmp/runner-example-mounted"
  content  = "kept in its place, and on the disk at once\n"
  in_place = true
  durable  = true
}

task "file" "old" {
  path  = "/tmp/runner-example-old"
  state = "absent"
}`,
		Check: checkFile,
	}
}

// Written is how far a text reaches that is written to a file, the whole of it or a part.
func Written() *schema.Reach {
	return &schema.Reach{Change: []string{"sha256", "size"}, Results: []string{"sha256", "size"}, Diff: true, Quote: true}
}

// Repeated is how far such a text reaches where errors may repeat it, too.
func Repeated() *schema.Reach {
	r := Written()
	r.Errors = true
	return r
}

func checkFile(m map[string]any) error {
	g := given.Args(m)
	err := errors.Join(g.WithoutSlash("path", "file"), g.State(), g.Mode("mode"), g.Account("owner"), g.Account("group"), g.Validation())
	if g.Removes() {
		return errors.Join(err, g.Absent("content", "source", "mode", "owner", "group", "validate", "in_place"))
	}
	if g.Has("content") && g.Has("source") {
		err = errors.Join(err, given.Wrong("source", "content and source exclude each other."))
	}
	return err
}
