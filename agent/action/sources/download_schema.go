package sources

import (
	"errors"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// DownloadSchema describes download to the language and the reference.
func DownloadSchema() schema.Block {
	return schema.Block{
		Name: "download",
		Doc: "Makes sure that a file has what a server gives. With `sha256` a file that has that digest is left alone, and nobody is asked; anything else that comes is an error, and the old file stays. " +
			"Without it a file that is there is taken for what is wanted, unless `force` is set: then the content is fetched each time, also by `plan`, and compared. " +
			"The target's curl fetches it, or its wget, or, where there is neither, the controller, which sends it on; no secret is on a command line. (The wget of busybox takes everything on its command line, so the controller fetches where there are headers, a user name, or a URL with `?` or `@`.) " +
			"Proxies are taken from the task's `environment`, curl's own configuration is not read. With `sha256` and curl, a download that is cut goes on where it was. Redirections are followed; no other server is told the user name and the password. (wget would tell, so with these or with headers it follows none. curl gives other headers than `Authorization` to any server that it is sent on to.) " +
			"The new content appears whole or not at all, as with `file`, which also says what is done where links, directories, devices or mount points are in the way.",
		Arguments: append(request("Where the content is."), []schema.Attribute{
			{Name: "path", Type: schema.Path, Required: true, Doc: "The file. Its directory must exist."},
			{Name: "force", Type: schema.Bool, Doc: "Compare a file that is there with what the server gives now; with `sha256` it means nothing more."},
			{Name: "mode", Type: schema.Mode, Doc: "Permissions; unset, a file that is there keeps its own, and a new one gets `0644`."},
			{Name: "owner", Type: schema.String, Doc: "User name or number; unset, a file that is there keeps its own."},
			{Name: "group", Type: schema.String, Doc: "Group name or number, likewise."},
			{Name: "backup", Type: schema.Bool, Doc: "Keep the old file beside the new one before its content changes, as `file` does."},
			{Name: "validate", Type: schema.Strings, Doc: "A program with arguments that checks the new content before it goes live, as with `file`; `%s` is the path of a file that has it."},
			{Name: "durable", Type: schema.Bool, Doc: "Have the file on the disk before the task ends."},
		}...),
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The path as given."},
			{Name: "size", Type: schema.Number, Doc: "Bytes."},
			{Name: "sha256", Type: schema.String, Doc: "SHA-256 of the content in hexadecimal; null where a file was taken for what is wanted."},
			{Name: "mode", Type: schema.String, Doc: "The permissions."},
			{Name: "owner", Type: schema.String, Doc: "The name of the owner, or the number if it has none."},
			{Name: "group", Type: schema.String, Doc: "The name of the group, or the number if it has none."},
			{Name: "backup", Type: schema.String, Doc: "The path of the backup, or null if none was made."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "download" "version" {
  url      = "https://downloads.example.net/shop/1.4.2/VERSION"
  path     = "/tmp/runner-example-version"
  sha256   = sha256("1.4.2\n") # the file has it already, so nobody is asked
  force    = true
  mode     = "0600"
  owner    = self.facts.user.name
  group    = self.facts.user.gid
  backup   = true
  durable  = true
  validate = ["/bin/grep", "-q", "1.4", "%s"]
}

task "download" "private" {
  url      = "https://downloads.example.net/shop/private"
  path     = "/tmp/runner-example-version"
  headers  = { Accept = "text/plain" }
  username = "shop"
  password = "from a variable that is sensitive"
}`,
		Check: checkDownload,
	}
}

// request are the arguments that say what is asked of a server.
func request(what string) []schema.Attribute {
	return []schema.Attribute{
		{Name: "url", Type: schema.String, Required: true, Doc: what + " It begins with `https://`, `http://` or `ftp://`."},
		{Name: "sha256", Type: schema.String, Doc: "The SHA-256 that it must have, 64 hexadecimal digits in lower case."},
		{Name: "headers", Type: schema.Map, Reach: &schema.Reach{Quote: true}, Doc: "Headers of the request."},
		{Name: "username", Type: schema.String, Reach: &schema.Reach{Quote: true}, Doc: "Who asks, where the server wants to know."},
		{Name: "password", Type: schema.String, Secret: true, Reach: &schema.Reach{Quote: true}, Doc: "The password of that user."},
	}
}

func checkDownload(m map[string]any) error {
	g := given.Args(m)
	return errors.Join(g.WithoutSlash("path", "file"), g.Mode("mode"), g.Account("owner"), g.Account("group"), g.Validation(), checkRequest(g))
}

func checkRequest(g given.Args) error {
	var err error
	if url, known := g.Text("url"); known {
		scheme, rest, _ := strings.Cut(url, "://")
		switch {
		case scheme != "https" && scheme != "http" && scheme != "ftp", rest == "":
			err = given.Wrong("url", "url must begin with https://, http:// or ftp://.")
		case strings.ContainsFunc(url, func(r rune) bool { return r <= ' ' || r == 0x7f }):
			err = given.Wrong("url", "url must have no spaces and no control characters: write %%20 for a space.")
		case hasPassword(rest):
			err = given.Wrong("url", "url must hold no password: give username and password.")
		}
	}
	if sum, known := g.Text("sha256"); known && (len(sum) != 64 || strings.Trim(sum, "0123456789abcdef") != "") {
		err = errors.Join(err, given.Wrong("sha256", "sha256 must be 64 hexadecimal digits in lower case."))
	}
	if headers, known := g["headers"].(map[string]any); known {
		for name, value := range headers {
			text, _ := value.(string)
			if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) || strings.ContainsAny(text, "\r\n\x00") {
				err = errors.Join(err, given.Wrong("headers", "headers must map names without spaces and colons to values without line breaks."))
			}
		}
	}
	for _, name := range []string{"username", "password"} {
		if text, _ := g.Text(name); strings.ContainsAny(text, "\r\n\x00") || name == "username" && strings.Contains(text, ":") {
			err = errors.Join(err, given.Broken(name, name+" must have no line breaks, and a username no colon."))
		}
	}
	if g.Has("username") != g.Has("password") {
		err = errors.Join(err, given.Broken("username", "username and password belong together."))
	}
	return err
}

func hasPassword(rest string) bool {
	authority, _, _ := strings.Cut(rest, "/")
	who, _, is := strings.Cut(authority, "@")
	return is && strings.Contains(who, ":")
}
