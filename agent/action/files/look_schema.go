package files

import (
	"errors"
	"path"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// described are the results of stat for what is there.
func describedSchema(absent string) []schema.Attribute {
	return []schema.Attribute{
		{Name: "type", Type: schema.String, Doc: "`file`, `directory`, `symlink`, `pipe`, `socket`, `char_device` or `block_device`" + absent},
		{Name: "size", Type: schema.Number, Doc: "Bytes" + absent},
		{Name: "mode", Type: schema.String, Doc: "The permissions, such as `0640`" + absent},
		{Name: "owner", Type: schema.String, Doc: "The name of the owner, or the number if it has none" + absent},
		{Name: "group", Type: schema.String, Doc: "The name of the group, or the number if it has none" + absent},
		{Name: "uid", Type: schema.Number, Doc: "The number of the owner" + absent},
		{Name: "gid", Type: schema.Number, Doc: "The number of the group" + absent},
		{Name: "links", Type: schema.Number, Doc: "How many names it has (hard links)" + absent},
		{Name: "modified", Type: schema.String, Doc: "When its content was changed last, such as `2026-11-23T04:05:06Z`, as the functions for times take it" + absent},
		{Name: "target", Type: schema.String, Doc: "What a symbolic link says; null for anything else."},
	}
}

// inPreview is what the documentation of actions that look ends with.
const inPreview = " It changes nothing. `plan` does it too, unless an earlier task may change what it looks at: then its result is known after apply."

// StatSchema describes the action.
func StatSchema() schema.Block {
	return schema.Block{
		Name: "stat",
		Doc:  "Looks what is at a path, without opening it. Where nothing is, `exists` is false, and that is no error." + inPreview,
		Arguments: []schema.Attribute{
			{Name: "path", Type: schema.Path, Required: true, Doc: "Where to look."},
			{Name: "follow", Type: schema.Bool, Doc: "Look at what a symbolic link leads to, and not at the link. Links on the way are always followed."},
			{Name: "sha256", Type: schema.Bool, Doc: "Read a regular file for its digest."},
		},
		Results: append([]schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The path as given."},
			{Name: "exists", Type: schema.Bool, Doc: "Whether something is there."},
		}, append(describedSchema("; null when nothing is there."),
			schema.Attribute{Name: "sha256", Type: schema.String, Doc: "SHA-256 of the content in hexadecimal, if it was asked for; null for what is no regular file."})...),
		Environ: &schema.Reach{Quote: true},
		Example: `task "stat" "hosts" {
  path   = "/etc/hosts"
  follow = true
  sha256 = true
}

task "file" "copied" {
  path    = "/tmp/runner-example-seen"
  content = "${task.stat.hosts.size} bytes, ${task.stat.hosts.sha256}\n"
  when    = task.stat.hosts.exists
}`,
		Check: func(m map[string]any) error { return given.Args(m).Path("path") },
	}
}

// ReadSchema describes the action.
func ReadSchema() schema.Block {
	return schema.Block{
		Name: "read",
		Doc: "Reads a regular file of 1 MiB at most. A larger one, one that is missing, and what is no file is an error. Symbolic links are followed where nobody but root, the task's user, or the owner of " +
			"what they lead to could have put them. What is in it is shown and recorded as the result, unless the task is `sensitive`." + inPreview,
		Arguments: []schema.Attribute{
			{Name: "path", Type: schema.Path, Required: true, Doc: "The file."},
		},
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The path as given."},
			{Name: "size", Type: schema.Number, Doc: "How many bytes were read."},
			{Name: "content", Type: schema.String, Doc: "The content, with its last line break; null if it is not UTF-8."},
			{Name: "base64", Type: schema.String, Doc: "The content in base64 if it is not UTF-8; otherwise null."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "read" "kernel" {
  path = "/proc/sys/kernel/ostype"
}

task "file" "note" {
  path    = "/tmp/runner-example-kernel"
  content = "It is ${chomp(task.read.kernel.content)}.\n"
}`,
		Check: func(m map[string]any) error { return given.Args(m).Path("path") },
	}
}

// The most results of find.
const mostFound = 10_000

// FindSchema describes the action.
func FindSchema() schema.Block {
	return schema.Block{
		Name: "find",
		Doc: "Lists what is in a directory and fulfils all that is asked, each directory sorted by name, what is in one right behind it. Symbolic links are found and never followed, but for those that `path` itself consists of. " +
			"A directory that is missing is an error; one below it that cannot be read is listed as `unreadable`." + inPreview,
		Arguments: []schema.Attribute{
			{Name: "path", Type: schema.Path, Required: true, Doc: "The directory to search."},
			{Name: "names", Type: schema.Strings, Doc: "Patterns of which the name must match one: `*`, `?`, `[a-z]`. Any name unless set."},
			{Name: "regex", Type: schema.Regex, Doc: "What the path, as it is below the directory, must match."},
			{Name: "type", Type: schema.String, OneOf: []string{"file", "directory", "symlink", "pipe", "socket", "char_device", "block_device", "any"}, Doc: "What it must be; `file` unless set."},
			{Name: "min_size", Type: schema.Number, Doc: "The least size in bytes."},
			{Name: "max_size", Type: schema.Number, Doc: "The largest size in bytes."},
			{Name: "older_than", Type: schema.Duration, Doc: "How long ago its content must have been changed at least, such as `\"720h\"`."},
			{Name: "newer_than", Type: schema.Duration, Doc: "Within what time its content must have been changed."},
			{Name: "hidden", Type: schema.Bool, Doc: "Also what begins with a dot, and what is in such directories."},
			{Name: "recurse", Type: schema.Bool, Doc: "Search the directories in it too."},
			{Name: "depth", Type: schema.Number, Doc: "How deep to search: 1 is the directory itself. As deep as there is something, with `recurse`; otherwise 1."},
			{Name: "limit", Type: schema.Number, Doc: "The most results, up to 10000; 1000 unless set. If there are more, the search ends, and `truncated` is set."},
		},
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The directory as given."},
			{Name: "files", Type: schema.Any, Doc: "What was found, a list of objects with `path` and all that `stat` says but `exists` and `sha256`."},
			{Name: "truncated", Type: schema.Bool, Doc: "Whether there was more than `limit`."},
			{Name: "unreadable", Type: schema.Strings, Doc: "Directories that could not be read."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "find" "logs" {
  path       = "/var/log"
  names      = ["*.log", "*.log.[0-9]"]
  regex      = "^apt/|^[a-z]+\\.log"
  type       = "file"
  min_size   = 1
  max_size   = 1073741824
  older_than = "1s"
  newer_than = "87600h"
  hidden     = true
  recurse    = true
  depth      = 3
  limit      = 100
}

task "file" "list" {
  path    = "/tmp/runner-example-logs"
  content = join("", [for f in task.find.logs.files : "${f.path} ${f.size}\n"])
}`,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			err := g.Path("path")
			if names, known := g["names"].([]any); known {
				for _, name := range names {
					if glob, isText := name.(string); isText {
						if _, bad := path.Match(glob, ""); bad != nil {
							err = errors.Join(err, given.Wrong("names", "%q is no pattern.", glob))
						}
					}
				}
			}
			for name, most := range map[string]float64{"min_size": 1 << 53, "max_size": 1 << 53, "depth": 1 << 20, "limit": mostFound} {
				least := 1.0
				if name == "min_size" || name == "max_size" {
					least = 0
				}
				if n, known := g[name].(float64); known && (n < least || n > most || n != float64(int64(n))) {
					err = errors.Join(err, given.Wrong(name, "%s must be a whole number from %.0f to %.0f.", name, least, most))
				}
			}
			return err
		},
	}
}

// RemoveSchema describes the action.
func RemoveSchema() schema.Block {
	return schema.Block{
		Name: "remove",
		Doc: "Makes sure that nothing is at a path, whatever is there: a file, a symbolic link (itself, and not what it leads to), a directory, a device, a pipe or a socket. A directory that is not empty needs `recurse`; " +
			"links in it are removed and never followed. `plan` says how many entries it has. Mount points, and directories in which something is mounted, are errors, and nothing of them is removed.",
		Arguments: []schema.Attribute{
			{Name: "path", Type: schema.Path, Required: true, Doc: "What is to be gone. It is absolute, and not the root directory."},
			{Name: "recurse", Type: schema.Bool, Doc: "Remove a directory with everything in it."},
		},
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The path as given."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "remove" "old" {
  path    = "/tmp/runner-example-remains"
  recurse = true
}`,
		Check: func(m map[string]any) error { return given.Args(m).Named("path") },
	}
}
