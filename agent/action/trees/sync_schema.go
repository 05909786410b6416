package trees

import (
	"errors"
	"path"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// SyncSchema describes the action.
func SyncSchema() schema.Block {
	return schema.Block{
		Name: "sync",
		Doc: "Makes a directory on the target like one on the controller, or a file: what is missing is created, what differs is updated, and with `delete` what is there beside is removed. " +
			"Only differences are sent, in one go for all files; of a large file of which there is another version, only the parts that are not in that. " +
			"A file counts as the same if it has the same size and the same time of its last change, to the nanosecond, or else the same SHA-256; with `checksum` only the latter. So files that were copied in another way, or come from a fresh checkout, are read once more, and not sent. On the controller files of 64 KiB and more that nobody has touched since an earlier run are not read again (`~/.cache/runner/digests`, or `$XDG_CACHE_HOME/runner`, has their digests). " +
			"Each file appears whole or not at all, as with `file`, with its final owner and mode, and gets the time of the last change of its source; holes stay holes. " +
			"Symbolic links on the way to `path`, and at it where a directory is to be, are followed as with `directory`; in the tree no link is ever followed on the target. A file or link in the place of the other is replaced. " +
			"A directory in the place of a file or link, those in the place of a directory, and pipes, sockets and devices are an error, unless `delete` is set: then they are removed first. Nothing that is mounted is replaced or removed, which is an error before anything is changed. " +
			"If a task fails in between, files that were written stay, and nothing was removed but what was in the way of a file: removals come last. Pipes, sockets and devices in the source are an error; exclude them. The name of the source, and of what is in it, can be any.",
		Arguments: []schema.Attribute{
			{Name: "source", Type: schema.Tree, Required: true, Doc: "A directory, or a file, on the controller. What is in the directory goes right into `path`, whether or not it ends in a slash."},
			{Name: "path", Type: schema.Path, Required: true, Doc: "What is to be like it. The directory that it is in must exist."},
			{Name: "delete", Type: schema.Bool, Doc: "Remove what is in `path` and not in the source, but for what is excluded and the directories that hold it."},
			{Name: "exclude", Type: schema.Strings, Doc: "Patterns of what does not count, on either side: it is not sent and not removed, nor is anything in it. `*` stands for any characters but a slash, `?` for one, `[a-z]` for one of some; `**` for any number of directories. " +
				"A pattern without a slash, but for one at its end, matches a name at any depth (`*.bak`), any other a path from the top of the tree (`/cache`, `vendor/**/test`). A slash at the end lets it match directories only (`.git/`)."},
			{Name: "include", Type: schema.Strings, Doc: "Patterns of what counts although `exclude` has it. What lies in a directory that is excluded does not: to have only some files, exclude `*` and include them and `*/`."},
			{Name: "owner", Type: schema.String, Doc: "The name or number of the user that everything in the tree, and itself, belongs to. Unless set, what is new belongs to the task's user, and what is there keeps its own."},
			{Name: "group", Type: schema.String, Doc: "The name or number of its group, likewise."},
			{Name: "mode", Type: schema.Mode, Doc: "The permissions of all files, such as `\"0644\"`. Unless set, they are those of the source (without setuid, setgid and sticky bits)."},
			{Name: "directory_mode", Type: schema.Mode, Doc: "The permissions of all directories, such as `\"0755\"`. Unless set, a new one gets those of the source (and the setgid bit of its parent), and an old one keeps its own."},
			{Name: "links", Type: schema.String, OneOf: []string{"keep", "follow", "skip"}, Doc: "What becomes of symbolic links in the source: `keep` (unless set) makes the same links, whatever they say; `follow` sends what they lead to; `skip` leaves them out."},
			{Name: "times", Type: schema.Bool, Doc: "Also set the time of the last change of files whose content is the same already."},
			{Name: "checksum", Type: schema.Bool, Doc: "Compare all files by their content, also those of the same size and time, and read all of them on the controller, too."},
		},
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The path as given."},
			{Name: "created", Type: schema.Number, Doc: "How many files, directories and links were created."},
			{Name: "updated", Type: schema.Number, Doc: "How many were there and were changed."},
			{Name: "removed", Type: schema.Number, Doc: "How many were removed."},
			{Name: "bytes", Type: schema.Number, Doc: "The size of all files whose content was written. What was sent of them may be less."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "sync" "site" {
  source         = "/usr/share/doc/base-files"
  path           = "/tmp/runner-example-site"
  delete         = true
  exclude        = [".git/", "*.gz", "/drafts"]
  include        = ["changelog.gz"]
  links          = "follow"
  owner          = self.facts.user.name
  group          = self.facts.user.gid
  mode           = "0644"
  directory_mode = "0755"
}

task "sync" "exact" {
  source   = "/etc/hosts"
  path     = "/tmp/runner-example-exact"
  checksum = true
  times    = true
}`,
		Check: checkSync,
	}
}

func checkSync(m map[string]any) error {
	g := given.Args(m)
	return errors.Join(g.Named("path"), g.Mode("mode"), g.Mode("directory_mode"), g.Account("owner"), g.Account("group"),
		patterns(g, "exclude"), patterns(g, "include"))
}

// patterns checks a list of patterns.
func patterns(g given.Args, name string) error {
	list, _ := g[name].([]any)
	for i, p := range list {
		text, _ := p.(string)
		if _, err := path.Match(text, ""); err != nil || strings.Trim(text, "/") == "" || strings.Contains(text, "//") || strings.HasPrefix(text, "!") {
			return given.Wrong(name, "Element %d of %s is no pattern for names, such as \"*.bak\", \"/cache\" or \".git/\".", i, name)
		}
	}
	return nil
}
