package lang

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/own"
	"runner/lang/places"
	"runner/lang/source"
)

// destination is where an instance writes to on the controller: a path from a directory, which may end in a slash. In a directory that is
// named so it has the name that it has on the target; unless that is known, it still ends in a slash.
func destination(dir, to string, args map[string]any) string {
	at := source.Within(dir, to)
	if !strings.HasSuffix(to, "/") {
		return at
	}
	if from, ok := args["path"].(string); ok {
		return filepath.Join(at, path.Base(from))
	}
	return at + "/"
}

// checkDestination refuses to write where the site itself would be replaced, or what a system consists of.
func (x *expansion) checkDestination(in *Instance, name string) {
	if at := strings.TrimSuffix(in.Destination, "/"); at != "" && at != in.Destination { // the name in it is not known
		return
	}
	what := x.scope.covers(in.Destination)
	if remove, _ := in.Args["delete"].(bool); what == "" && remove && strings.Contains(systemDirs, " "+in.Destination+" ") {
		what = "a directory of the system"
	}
	if what == "" {
		return
	}
	shown := diag.Quote(in.Destination)
	if slices.Contains(in.Secrets, name) {
		shown = "the sensitive value"
	}
	x.diags = append(x.diags, diag.Errorf(diag.InvalidValue, x.body.block.Args[name].At(), "Destination that is in use",
		"%q of %s is what becomes like the target, and %s is %s. Give it a directory of its own, such as \"fetched/${self.name}\".", name, x.body.title, shown, what))
}

// writing are the elements of a task that writes there, on a host.
type writing struct {
	host      *Host
	instances []Instance
}

// claim notes where a task writes to, and finds a place that something else is written to as well. What may not run counts for nothing: handlers,
// what stands in a rescue, and what has a condition that is not known.
func (j *jobScope) claim(t *Task, all []writing) hcl.Diagnostics {
	i := slices.Index(j.Tasks, t)
	if i < 0 || len(j.Hosts) == 0 || slices.ContainsFunc(j.Tries, func(y Try) bool { return y.Rescue <= i && i < y.Always }) {
		return nil
	}
	if t.Once {
		all = all[:min(len(all), 1)]
	}
	for _, w := range all {
		for _, in := range w.instances {
			from, _ := in.Args["path"].(string)
			if in.Destination == "" || in.Skip || len(in.Unknown) > 0 {
				continue
			}
			if other, free := j.places.Claim(in.Destination, places.Writer{Address: in.Address, Host: w.host.Name, From: from}); !free {
				d := diag.Errorf(diag.InvalidValue, t.Range, "The same place for several", "%s", other.Clash(in.Destination, in.Hidden.All || slices.Contains(in.Secrets, "destination")))
				return diag.At(hcl.Diagnostics{d}, w.host.Name, in.Address)
			}
		}
	}
	return nil
}

// covers says of what is at a path, or in it, that it is the site's: the directories of its modules, their files and their actions. "" is nothing.
func (s *scope) covers(at string) string {
	for _, at := range []string{at, resolved(at)} {
		for _, m := range s.modules {
			for _, dir := range []string{m.dir, resolved(m.dir)} {
				switch {
				case within(dir, at):
					return "where the site or a role is"
				case within(at, filepath.Join(dir, own.Folder)):
					return "where the actions of the site or of a role are"
				case filepath.Dir(at) == dir && (strings.HasSuffix(at, ".hcl") || strings.HasSuffix(at, ".hcl.json")):
					return "a file of the site or of a role"
				}
			}
		}
	}
	return ""
}

// within says whether a path is another one, or below it.
func within(at, above string) bool {
	return at == above || strings.HasPrefix(at, strings.TrimSuffix(above, "/")+"/")
}

// resolved is a path without the links on the way to it, as far as it is there.
func resolved(at string) string {
	dir, name := filepath.Split(filepath.Clean(at))
	if real, err := filepath.EvalSymlinks(at); err == nil || !os.IsNotExist(err) || name == "" {
		if err != nil {
			return at
		}
		return real
	}
	return filepath.Join(resolved(dir), name)
}

// systemDirs are those that nobody means to have replaced by what another machine has in one, with everything else removed.
const systemDirs = " /bin /boot /dev /etc /home /lib /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /var "
