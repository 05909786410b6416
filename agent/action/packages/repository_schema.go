package packages

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// RepositorySchema describes the action.
func RepositorySchema() schema.Block {
	return schema.Block{
		Name: "repository",
		Doc: "Makes sure that the target's package manager gets packages from a repository, or not: apt by a file `/etc/apt/sources.list.d/NAME.sources` (deb822, of apt 1.1 and later), dnf and yum by `/etc/yum.repos.d/NAME.repo`, zypper by " +
			"`/etc/zypp/repos.d/NAME.repo`. The files are written whole, and `plan` shows their diff. After a change the index of this repository alone is read; if it cannot be, the files are put back as they were and the task fails, " +
			"so that a repository that is there is one that can be read. Tasks for packages later in the same plan know their versions only after apply. For apk, pacman and pkg, whose repositories are lines in one file, there are `line` and `block`. apt, dnf and zypper are tested with the real programs, yum is not.",
		Arguments: []schema.Attribute{
			{Name: "name", Type: schema.String, Required: true, Doc: "Its name: letters, digits, `.`, `_` and `-`. Of dnf, yum and zypper, also the id."},
			{Name: "uris", Type: schema.Strings, Doc: "apt: where it is."},
			{Name: "suites", Type: schema.Strings, Doc: "apt: such as `bookworm`, or a path that ends in a slash."},
			{Name: "components", Type: schema.Strings, Doc: "apt: such as `main`; none where suites are paths."},
			{Name: "types", Type: schema.Strings, Doc: "apt: `deb` (unless set), `deb-src`."},
			{Name: "architectures", Type: schema.Strings, Doc: "apt: those that are asked for; unless set, the target's."},
			{Name: "baseurl", Type: schema.Strings, Doc: "dnf, yum, zypper: where it is."},
			{Name: "mirrorlist", Type: schema.String, Doc: "dnf, yum, zypper: where it is said where it is, instead of `baseurl`."},
			{Name: "metalink", Type: schema.String, Doc: "dnf, yum: likewise."},
			{Name: "description", Type: schema.String, Doc: "dnf, yum, zypper: what people see of it; unless set, its name."},
			{Name: "gpgcheck", Type: schema.Bool, Doc: "dnf, yum, zypper: whether its packages must be signed. Default true."},
			{Name: "gpgkey", Type: schema.Strings, Doc: "dnf, yum, zypper: the addresses of the keys that sign them."},
			{Name: "signed_by", Type: schema.String, Free: true, Doc: "The key that signs it: ASCII-armored text, a binary one in base64 (`filebase64`), or the absolute path of one on the target. " +
				"Keys are written to `/etc/apt/keyrings/NAME.asc` (binary: `NAME.gpg`) or `/etc/pki/rpm-gpg/RPM-GPG-KEY-NAME`, and removed with the repository."},
			{Name: "enabled", Type: schema.Bool, Doc: "Whether packages come from it. Default true."},
			{Name: "options", Type: schema.Map, Doc: "Further fields of the file, as sources.list(5), dnf.conf(5) or zypper(8) name them."},
			{Name: "refresh", Type: schema.Bool, Doc: "Whether its index is read after a change. Default true."},
			{Name: "manager", Type: schema.String, OneOf: []string{"apt", "dnf", "yum", "zypper"}, Doc: "Which one, on a target that has several."},
			{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}, Doc: "`present` (unless set), or `absent`."},
		},
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The file."},
		},
		Environ: &schema.Reach{Errors: true},
		Example: `task "repository" "shop" {
  run_as     = "root"
  manager    = "apt"
  name       = "shop"
  uris       = ["https://packages.example.net/debian"]
  suites     = ["bookworm"]
  components = ["main"]
  signed_by  = "/usr/share/keyrings/debian-archive-keyring.gpg"
}

task "repository" "tools" {
  run_as        = "root"
  manager       = "apt"
  name          = "tools"
  types         = ["deb", "deb-src"]
  uris          = ["https://tools.example.net/debian"]
  suites        = ["./"]
  architectures = ["amd64"]
  enabled       = false
  options       = { "Check-Valid-Until" = "no" }
  refresh       = false
}

task "repository" "epel" {
  when        = self.facts.package_manager == "dnf"
  run_as      = "root"
  name        = "epel"
  description = "Extra packages"
  metalink    = "https://mirrors.example.net/metalink?repo=epel-9"
  gpgkey      = ["https://packages.example.net/RPM-GPG-KEY-EPEL-9"]
}

task "repository" "internal" {
  when     = self.facts.package_manager == "dnf"
  run_as   = "root"
  name     = "internal"
  baseurl  = ["https://packages.example.net/el9"]
  gpgcheck = false
}

task "repository" "mirrored" {
  when       = self.facts.package_manager == "yum"
  run_as     = "root"
  name       = "mirrored"
  mirrorlist = "https://packages.example.net/mirrors"
}

task "repository" "old" {
  run_as = "root"
  name   = "old"
  state  = "absent"
}`,
		Check: checkRepository,
	}
}

func checkRepository(m map[string]any) error {
	g := given.Args(m)
	ofApt := []string{"uris", "suites", "components", "types", "architectures"}
	ofOthers := []string{"baseurl", "mirrorlist", "metalink", "description", "gpgcheck", "gpgkey"}
	err := g.State()
	if name, known := g.Text("name"); known && (name == "" || name[0] == '-' || name[0] == '.' || strings.ContainsFunc(name, notInName)) {
		err = errors.Join(err, given.Wrong("name", "name must consist of letters, digits, \".\", \"_\" and \"-\", and begin with none of the last three."))
	}
	if g.Removes() {
		return errors.Join(err, g.Absent(slices.Concat(ofApt, ofOthers, []string{"signed_by", "enabled", "options", "refresh"})...))
	}
	for _, name := range append(slices.Clone(ofApt), "baseurl", "gpgkey") {
		list, _ := m[name].([]any)
		for _, v := range list {
			if text, known := v.(string); known && (text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f })) {
				err = errors.Join(err, given.Wrong(name, "%s must hold texts without blanks, and none is empty.", name))
			}
		}
	}
	for _, name := range []string{"mirrorlist", "metalink", "description"} {
		if text, known := g.Text(name); known && strings.ContainsFunc(text, breaks) {
			err = errors.Join(err, given.Wrong(name, "%s must be one line.", name))
		}
	}
	options, _ := m["options"].(map[string]any)
	for name, v := range options {
		if text, _ := v.(string); name == "" || strings.ContainsFunc(name, notInName) || strings.ContainsFunc(text, breaks) {
			err = errors.Join(err, given.Wrong("options", "options must be fields of the file: a word each, with one line of text."))
		}
	}
	return errors.Join(err, described(g, ofApt, ofOthers), key(g))
}

// described checks that a repository is described for one kind of manager.
func described(g given.Args, ofApt, ofOthers []string) error {
	has := func(names ...string) bool { return slices.ContainsFunc(names, g.Has) }
	manager, _ := g.Text("manager")
	switch {
	case has(ofApt...) && has(ofOthers...):
		return given.Wrong("", "A repository is described for apt (%s) or for others (%s).", strings.Join(ofApt, ", "), strings.Join(ofOthers, ", "))
	case manager == "apt" && has(ofOthers...), manager != "" && manager != "apt" && has(ofApt...):
		return given.Wrong("manager", "The repository is not described for this manager.")
	case !has("uris") && !has("baseurl", "mirrorlist", "metalink"):
		return given.Wrong("", "The task needs the arguments \"uris\" and \"suites\", or one of \"baseurl\", \"mirrorlist\" and \"metalink\".")
	case has("uris") && !has("suites"):
		return given.Wrong("", "The task needs the argument \"suites\" beside \"uris\".")
	}
	suites, _ := g["suites"].([]any)
	flat := func(v any) bool { text, _ := v.(string); return strings.HasSuffix(text, "/") }
	switch {
	case slices.ContainsFunc(suites, flat) && has("components"):
		return given.Wrong("components", "components mean nothing where a suite is a path, which ends in a slash.")
	case len(suites) > 0 && !slices.ContainsFunc(suites, flat) && !has("components") && suites[0] != (schema.Unknown{}):
		return given.Wrong("", "The task needs the argument \"components\" beside suites that are no paths.")
	}
	return nil
}

// key checks the key that signs a repository.
func key(g given.Args) error {
	by, known := g.Text("signed_by")
	if !known || strings.HasPrefix(by, armor) || strings.HasPrefix(by, "/") && !strings.ContainsFunc(by, func(r rune) bool { return r <= ' ' }) {
		return nil
	}
	// The first bit of an OpenPGP packet is set: RFC 9580, section 4.2.
	if data, err := base64.StdEncoding.DecodeString(by); err != nil || len(data) < 16 || data[0]&0x80 == 0 {
		return given.Wrong("signed_by", "signed_by must be an OpenPGP key: as text that begins with \"%s\", in base64, or an absolute path on the target.", armor)
	}
	return nil
}

func breaks(r rune) bool { return r < ' ' || r == 0x7f }

func notInName(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && !strings.ContainsRune("._-", r)
}
