package sources

import (
	"errors"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// GitSchema describes git to the language and the reference.
func GitSchema() schema.Block {
	return schema.Block{
		Name: "git",
		Doc: "Makes sure that a version of a repository is checked out at a path, by the target's git. A branch is checked out as the local branch of its name, which follows it; " +
			"a tag or a commit with a detached HEAD. `plan` asks the remote what the version is, so it shows the commit that will be there; where a commit is wanted by its hash and checked out already, the remote is not asked. " +
			"A remote that refuses or does not answer is an error of the plan, too; but where an earlier task would change or run something, which may be what is lacking (a key, a name server), the commit is known after apply, and the plan says what git has said now. " +
			"A new working copy appears whole or not at all. In one that is there, files that git does not track stay. " +
			"Changes that only this repository has (of tracked files, or commits that no remote and no tag has) are never lost, unless `force` is set: where the commit would have to change, they are an error that lists them. " +
			"A directory that is neither empty nor a working copy is an error, and so is a file. git asks for nothing: where it would, it fails. A task works as the user it runs as: with `run_as` for a working copy that is to belong to somebody else. One that belongs to another user is an error, for git would run what is named in its configuration and hooks.",
		Arguments: []schema.Attribute{
			{Name: "url", Type: schema.String, Required: true, Doc: "Where the repository is: a URL without a password, `USER@HOST:PATH` for ssh, or an absolute path on the target."},
			{Name: "path", Type: schema.Path, Required: true, Doc: "The directory of the working copy. Its parent must exist."},
			{Name: "version", Type: schema.String, Doc: "The name of a branch or a tag (the branch, if both have it), or a whole commit hash; unset, the branch that the remote calls its own."},
			{Name: "remote", Type: schema.String, Doc: "What the remote is called in the working copy, `origin` unless set. If it has another URL there, it gets this one."},
			{Name: "depth", Type: schema.Number, Doc: "Fetch only so many commits of the version, and no other branches."},
			{Name: "submodules", Type: schema.Bool, Doc: "Check out submodules too, and theirs."},
			{Name: "force", Type: schema.Bool, Doc: "Lose changes that only this repository has. Tracked files are reset whenever they differ."},
			{Name: "update", Type: schema.Bool, Doc: "`false` leaves a working copy as it is once it is there."},
			{Name: "key", Type: schema.String, Secret: true, Reach: &schema.Reach{}, Doc: "A private ssh key without a passphrase, in the form of ssh-keygen. It is given to ssh in a file without a name, and then gone; no other key and no agent is tried. Unset, ssh finds keys as it does otherwise."},
			{Name: "host_key", Type: schema.String, OneOf: []string{"strict", "accept-new", "ignore"}, Doc: "What to do about the host's key: `strict` takes only one that known_hosts has, `accept-new` also one of a host that it does not have, and notes it, `ignore` any. Unset, as the account's ssh is configured."},
			{Name: "known_hosts", Type: schema.Path, Doc: "The file of known host keys on the target, instead of the account's."},
		},
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The path as given."},
			{Name: "before", Type: schema.String, Doc: "The commit that was checked out before; null where none was."},
			{Name: "after", Type: schema.String, Doc: "The commit that is checked out."},
			{Name: "branch", Type: schema.String, Doc: "The branch that is checked out; null for a tag or a commit."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "git" "shop" {
  url        = "file:///tmp/runner-example-repository"
  path       = "/tmp/runner-example-checkout"
  version    = "main"
  depth      = 1
  remote     = "upstream"
  submodules = true
  force      = true
}

task "git" "private" {
  url         = "deploy@git.example.net:shop.git"
  path        = "/tmp/runner-example-checkout"
  key         = "-----BEGIN OPENSSH PRIVATE KEY-----" # from a variable that is sensitive
  known_hosts = "/etc/ssh/ssh_known_hosts"
  host_key    = "strict"
  update      = false # it is there already, so nobody is asked
}`,
		Check: checkGit,
	}
}

func checkGit(m map[string]any) error {
	g := given.Args(m)
	err := errors.Join(g.Named("path"), g.Path("known_hosts"), link(g), version(g))
	if remote, known := g.Text("remote"); known && (!isRef(remote) || strings.Contains(remote, "/")) {
		err = errors.Join(err, given.Wrong("remote", "remote must be a name such as \"origin\"."))
	}
	if depth, known := g["depth"].(float64); known && (depth < 1 || depth != float64(int32(depth))) {
		err = errors.Join(err, given.Wrong("depth", "depth must be a whole number of commits, at least 1."))
	}
	if key, known := g.Text("key"); known && !strings.HasPrefix(strings.TrimSpace(key), "-----BEGIN ") {
		err = errors.Join(err, given.Broken("key", "key must be a private key, which begins with \"-----BEGIN\"; a file's content is file(\"path\")."))
	}
	if file, known := g.Text("known_hosts"); known && strings.ContainsFunc(file, unsafe) {
		err = errors.Join(err, given.Wrong("known_hosts", "known_hosts must have only letters, digits, dots, dashes, underscores and slashes: ssh takes others for something else."))
	}
	return err
}

// unsafe tells characters that a shell, or ssh in its options, may take for something else.
func unsafe(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && !strings.ContainsRune("./_-+@,", r)
}

func link(g given.Args) error {
	url, known := g.Text("url")
	switch {
	case !known:
	case strings.HasPrefix(url, "-") || strings.ContainsFunc(url, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return given.Wrong("url", "url must not begin with a dash, and have no line breaks or other control characters.")
	case !strings.HasPrefix(url, "/") && !strings.Contains(url, ":"):
		return given.Wrong("url", "url must be a URL, USER@HOST:PATH, or an absolute path on the target.")
	case holdsPassword(url):
		return given.Wrong("url", "url must hold no password, which would be on command lines and stay in the working copy: use ssh with a key, or a credential helper on the target.")
	case strings.Contains(url, "::"):
		return given.Wrong("url", "url must not name a helper of git's, as HELPER::ADDRESS does.")
	}
	return nil
}

func holdsPassword(url string) bool {
	_, rest, is := strings.Cut(url, "://")
	return is && hasPassword(rest)
}

func version(g given.Args) error {
	if v, known := g.Text("version"); known && !isRef(v) {
		return given.Wrong("version", "version must be the name of a branch or a tag, or a commit hash.")
	}
	return nil
}

// isRef tells whether git takes a name for a branch or tag: see git-check-ref-format.
func isRef(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	bad := strings.HasPrefix(name, "-") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") || strings.Contains(name, "@{") ||
		name == "@" || name == "HEAD"
	return !bad && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || strings.ContainsRune("~^:?*[\\\x7f", r) })
}
