package sources

import (
	"errors"
	"path"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// ExtractSchema describes extract to the language and the reference.
func ExtractSchema() schema.Block {
	sum := request("An archive that a server gives, fetched as `download` does, also by `plan`.")
	sum[0].Required = false
	sum[1].Doc = "The SHA-256 that the archive must have, 64 hexadecimal digits in lower case."
	return schema.Block{
		Name: "extract",
		Doc: "Unpacks an archive into a directory: tar, as it is or packed with gzip, bzip2, xz or zstd, or zip (stored or deflated); what it is, its content tells. bzip2, xz and zstd are unpacked by the target's programs of these names. " +
			"The archive is a file of the controller (`source`), a file of the target (`archive`), or comes from a server (`url`). " +
			"What it holds is compared with what is there: kind, mode, size and content; so a second time nothing is left to do, and `plan` lists what is created and updated. For that the archive goes to the target while planning, too. Files that are not in the archive stay. " +
			"Entries get the archive's modes and times; they belong to who unpacks them, unless `owner` or `group` say else. Of directories that are there and that the archive does not name, nothing is changed. " +
			"Nothing escapes the directory: an archive with an absolute name, `..` in a name, a link (symbolic or hard) that leads out or may do so, an entry behind a link, a device, or a setuid or setgid file is an error before anything is written. " +
			"Files and links take the place of files and links; a directory in the way of a file, anything else in the way of a directory, also a link to one, is an error. Each file appears whole. " +
			"There may be at most 100,000 entries, and not more bytes than the file system can hold; what has no room is an error before anything is written; so is what takes more than half of the room for temporary files to be unpacked by bzip2, xz or zstd. Sparse files and encrypted archives are errors.",
		Arguments: append([]schema.Attribute{
			{Name: "path", Type: schema.Path, Required: true, Doc: "The directory. It is made if it is not there; its parent must exist."},
			{Name: "source", Type: schema.Source, Doc: "An archive on the controller, a path relative to the module."},
			{Name: "archive", Type: schema.Path, Doc: "An archive on the target."},
		}, append(sum, []schema.Attribute{
			{Name: "strip", Type: schema.Number, Doc: "Leave out so many leading elements of each name; entries with no more than those are not unpacked. That nothing is left is an error."},
			{Name: "include", Type: schema.Strings, Doc: "Unpack only what matches one of these patterns, after `strip`: `*`, `?` and `[…]` within one element; with a slash for a whole name or that of a directory above, without for any element."},
			{Name: "exclude", Type: schema.Strings, Doc: "Leave out what matches one of these."},
			{Name: "owner", Type: schema.String, Doc: "User name or number to whom all that is unpacked belongs."},
			{Name: "group", Type: schema.String, Doc: "Group name or number, likewise."},
			{Name: "creates", Type: schema.String, Doc: "A path or pattern: if something is there, nothing is done, and the archive is not looked at."},
		}...)...),
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The path as given."},
			{Name: "created", Type: schema.Number, Doc: "How many files, directories and links were not there."},
			{Name: "updated", Type: schema.Number, Doc: "How many were there and differed."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "extract" "shop" {
  archive = "/tmp/runner-example-shop.tar.gz"
  path    = "/tmp/runner-example-unpacked"
  strip   = 1
  include = ["bin", "*.conf"]
  exclude = ["*.example"]
  owner   = self.facts.user.name
  group   = self.facts.user.gid
}

task "extract" "again" {
  url      = "https://downloads.example.net/shop.tar.zst"
  sha256   = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  headers  = { Accept = "*/*" }
  username = "shop"
  password = "from a variable that is sensitive"
  path     = "/tmp/runner-example-unpacked"
  creates  = "/tmp/runner-example-unpacked" # it is there by now, so nobody is asked
}

task "extract" "own" {
  source  = "/etc/hosts" # stands for an archive of the controller, which is not looked at here
  path    = "/tmp/runner-example-own"
  creates = "/tmp/runner-example-unpacked/*"
}`,
		Check: checkExtract,
	}
}

func checkExtract(m map[string]any) error {
	g := given.Args(m)
	err := errors.Join(g.Named("path"), g.Path("archive"), g.Account("owner"), g.Account("group"), checkRequest(g), g.Pattern("creates"))
	from := 0
	for _, name := range []string{"source", "archive", "url"} {
		if g.Has(name) {
			from++
		}
	}
	switch {
	case from > 1:
		err = errors.Join(err, given.Wrong("", "The arguments \"source\", \"archive\" and \"url\" of the action \"extract\" exclude each other."))
	case from == 0:
		err = errors.Join(err, given.Wrong("", "The action \"extract\" needs one of the arguments \"source\", \"archive\" and \"url\"."))
	}
	for _, name := range []string{"headers", "username", "password"} {
		if g.Has(name) && !g.Has("url") {
			err = errors.Join(err, given.Wrong(name, "%s means nothing without url.", name))
		}
	}
	if strip, known := g["strip"].(float64); known && (strip < 0 || strip != float64(int16(strip))) {
		err = errors.Join(err, given.Wrong("strip", "strip must be a whole number of elements."))
	}
	for _, name := range []string{"include", "exclude"} {
		list, _ := g[name].([]any)
		for _, v := range list {
			pattern, _ := v.(string)
			if _, bad := path.Match(pattern, ""); bad != nil || pattern == "" {
				err = errors.Join(err, given.Wrong(name, "%q is no pattern.", pattern))
			}
		}
	}
	return err
}
