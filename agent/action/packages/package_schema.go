package packages

import (
	"errors"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// PackageSchema describes the action.
func PackageSchema() schema.Block {
	return schema.Block{
		Name: "package",
		Doc: "Makes sure that packages are installed, or not, by the target's own package manager: apt, dnf, yum, zypper, apk, pacman, or pkg of FreeBSD. A list is one transaction. " +
			"What is there already is found by one quick question, and then nothing else happens. Otherwise `plan` shows what the manager's own dry run says: every package " +
			"that would be installed, upgraded, downgraded or removed, those that others bring along or take with them among them, with versions. It does not change the index of what there is: where that is older than `refresh`, " +
			"or a task before this one changes where packages come from, the versions of what the task names are known only after apply. " +
			"Nothing asks anybody: configuration files that were changed on the target are kept. Another manager that is at work, and its lock, are waited for, for the task's `timeout`, or 10 minutes. " +
			"What is to be installed is fetched first. From then on the manager is not cut: a timeout, a first interrupt and lost contact let it finish, only a second interrupt ends it. A dpkg that was interrupted before " +
			"is set right by `dpkg --configure -a`. What needs a package that is removed is removed, too, as the plan shows; where apk keeps a package because another one needs it, the task fails. " +
			"Daemons that a package starts live on. Only root can change what is installed. apt, dnf, zypper and pacman are tested with the real programs; yum, apk and pkg by what they are known to print.",
		Arguments: []schema.Attribute{
			{Name: "name", Type: schema.String, Doc: "The package: a name, a name with a version (`nginx=1.22.1-9`), or the absolute path of a package file on the target, which is taken as it is, signed or not (pacman: as it is configured; it takes no names beside files)."},
			{Name: "names", Type: schema.Strings, Doc: "Several of them, instead of `name`."},
			{Name: "version", Type: schema.String, Doc: "The version of `name`, as the manager writes it. A `*` at its end stands for anything. A newer one that is there is downgraded. Managers but apt and pkg take it without the revision behind its last `-`, too."},
			{Name: "state", Type: schema.String, OneOf: []string{"present", "latest", "absent"}, Doc: "`present` (unless set): installed, in whatever version unless one is given; `latest`: upgraded to the newest that there is; `absent`."},
			{Name: "purge", Type: schema.Bool, Doc: "With `absent`: its configuration files go as well (apt, apk, pacman; the others keep none)."},
			{Name: "recommends", Type: schema.Bool, Doc: "Whether what is only recommended comes along (apt, dnf, zypper). Unless set, as the target is configured."},
			{Name: "refresh", Type: schema.Pause, Doc: "How old the index may be when something is to be installed from it; `\"0s\"` refreshes it each time. It is refreshed at no other time. Default 24h."},
			{Name: "manager", Type: schema.String, OneOf: managerNames(), Doc: "Which one, on a target that has several."},
		},
		Results: []schema.Attribute{
			{Name: "versions", Type: schema.Map, Doc: "The version of each package named that is there, by name."},
		},
		Environ: &schema.Reach{Errors: true},
		Example: `task "package" "web" {
  run_as = "root"
  names  = ["nginx", "curl"]
}

task "package" "pinned" {
  run_as  = "root"
  name    = "nginx"
  version = "1.22.*"
  refresh = "1h"
}

task "package" "latest" {
  run_as     = "root"
  name       = "openssl"
  state      = "latest"
  recommends = false
  manager    = "apt"
}

task "package" "gone" {
  run_as = "root"
  names  = ["telnetd", "rsh-server"]
  state  = "absent"
  purge  = true
}`,
		Uncut: true,
		Check: checkPackage,
	}
}

func managerNames() []string {
	var out []string
	for _, m := range managers() {
		out = append(out, m.name)
	}
	return out
}

func checkPackage(m map[string]any) error {
	g := given.Args(m)
	var err error
	switch {
	case g.Has("name") && g.Has("names"):
		err = given.Wrong("names", "name and names exclude each other.")
	case !g.Has("name") && !g.Has("names"):
		err = given.Wrong("", "The task needs the argument \"name\" or \"names\".")
	}
	if g.Has("version") && !g.Has("name") {
		err = errors.Join(err, given.Wrong("version", "version goes with name; in names a version stands behind the name, as in \"nginx=1.22.1-9\"."))
	}
	if name, known := g.Text("name"); known {
		err = errors.Join(err, named("name", name, g.Has("version")))
	}
	list, _ := g["names"].([]any)
	if len(list) == 0 && list != nil {
		err = errors.Join(err, given.Wrong("names", "names must have at least one element."))
	}
	for _, v := range list {
		if name, known := v.(string); known {
			err = errors.Join(err, named("names", name, false))
		}
	}
	if version, known := g.Text("version"); known && (version == "" || unfit(version)) {
		err = errors.Join(err, given.Wrong("version", "version must be a version as the package manager writes it."))
	}
	if g.Removes() {
		return errors.Join(err, g.Absent("version", "recommends", "refresh"))
	}
	if state, known := g.Text("state"); g["purge"] == true && (known || !g.Has("state")) && state != "absent" {
		err = errors.Join(err, given.Wrong("purge", "purge means something only where state is \"absent\"."))
	}
	return err
}

// named checks the name of a package, which managers would take for an option, a pattern or an instruction if it were not one.
func named(argument, name string, versioned bool) error {
	begin, version, pinned := strings.Cut(name, "=")
	switch {
	case strings.HasPrefix(name, "/"):
		if strings.ContainsRune(name, 0) || versioned {
			return given.Wrong(argument, "%s is the path of a package file, which has its own version.", argument)
		}
		return nil
	case begin == "", unfit(begin), strings.HasPrefix(begin, "-"), strings.HasSuffix(begin, "-"), strings.Contains(begin, "*"), strings.Contains(begin, "/"):
		return given.Wrong(argument, "%s must hold names of packages, or absolute paths of package files, and none is empty, a pattern or an option.", argument)
	case pinned && (version == "" || unfit(version)):
		return given.Wrong(argument, "What follows on \"=\" in %s must be a version as the package manager writes it.", argument)
	case pinned && versioned:
		return given.Wrong("version", "name has a version already.")
	}
	return nil
}

// unfit says whether a text can be no name and no version.
func unfit(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("?[]{}^$|;&<>\"'`\\!,=", r) })
}
