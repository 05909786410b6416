package system

import (
	"errors"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// HostnameSchema describes Hostname.
func HostnameSchema() schema.Block {
	return schema.Block{
		Name: "hostname",
		Doc: "Sets the name of a Linux system, now and, in /etc/hostname, for its next start. /etc/hosts stays as it is, and `self.facts.hostname` is the name that the system had when the connection was opened. " +
			"Where something is mounted at /etc/hostname, as in a container, the file is written in place; mostly the name of a container is given where it is made.",
		Arguments: []schema.Attribute{
			{Name: "name", Type: schema.String, Required: true, Doc: "The name, such as `web1` or `web1.example.net`."},
		},
		Results: []schema.Attribute{
			{Name: "name", Type: schema.String, Doc: "The name as given."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "hostname" "name" {
  run_as = "root"
  name   = "web1"
}`,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			name, known := g.Text("name")
			const longest = 64
			if !known || len(name) <= longest && isHostname(name) {
				return nil
			}
			return given.Wrong("name", "name must be a host name: letters, digits and -, in parts with dots between them, %d bytes at most.", longest)
		},
	}
}

func isHostname(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if part == "" || part[0] == '-' || part[len(part)-1] == '-' {
			return false
		}
		for _, r := range part {
			if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' {
				return false
			}
		}
	}
	return true
}

// TimezoneSchema describes Timezone.
func TimezoneSchema() schema.Block {
	return schema.Block{
		Name: "timezone",
		Doc: "Sets the time zone of a system: the link /etc/localtime, and /etc/timezone where there is one. A file in place of the link is replaced. The zone has to be there: on many systems the package tzdata has it. " +
			"Programs that run already keep the zone that they have read.",
		Arguments: []schema.Attribute{
			{Name: "name", Type: schema.String, Required: true, Doc: "The zone, such as `Europe/Berlin` or `UTC`."},
		},
		Results: []schema.Attribute{
			{Name: "name", Type: schema.String, Doc: "The zone as given."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "timezone" "zone" {
  run_as = "root"
  name   = "Europe/Berlin"
}`,
		Check: func(m map[string]any) error {
			name, known := given.Args(m).Text("name")
			good := name != ""
			for part := range strings.SplitSeq(name, "/") {
				good = good && part != "" && part != "." && part != ".."
			}
			if known && (!good || strings.ContainsAny(name, " \t\r\n\x00")) {
				return given.Wrong("name", "name must be the name of a time zone, such as \"Europe/Berlin\".")
			}
			return nil
		},
	}
}

// SysctlSchema describes Sysctl.
func SysctlSchema() schema.Block {
	return schema.Block{
		Name: "sysctl",
		Doc: "Sets a parameter of the Linux kernel, now and, in a file of /etc/sysctl.d, for the next start. A value that the kernel refuses, or makes another one of, is an error, and the file stays as it is. " +
			"Values are compared as the kernel reads them: any space between numbers is the same.",
		Arguments: []schema.Attribute{
			{Name: "name", Type: schema.String, Required: true, Doc: "The parameter, such as `net.ipv4.ip_forward`. Where a name in it has a dot, write `net/ipv4/conf/eth0.1/rp_filter`."},
			{Name: "value", Type: schema.String, Doc: "Its value. Required unless state is absent."},
			{Name: "now", Type: schema.Bool, Doc: "Whether it is set now too: so it is, unless this is false."},
			{Name: "path", Type: schema.Path, Doc: "The file: `/etc/sysctl.d/99-runner.conf` unless set. Its other lines stay as they are."},
			{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}, Doc: "`present` (unless set), or `absent`: the parameter is not in the file any more, which is removed with its last line. What the kernel has now stays."},
		},
		Results: []schema.Attribute{
			{Name: "name", Type: schema.String, Doc: "The name as given."},
			{Name: "value", Type: schema.String, Doc: "The value as given; null when absent."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "sysctl" "ports" {
  run_as = "root"
  name   = "net.ipv4.ip_local_port_range"
  value  = "20000 60000"
}

task "sysctl" "forward" {
  run_as = "root"
  path   = "/etc/sysctl.d/60-router.conf"
  name   = "net.ipv4.ip_forward"
  value  = "1"
  now    = false
}

task "sysctl" "old" {
  run_as = "root"
  name   = "net.ipv4.tcp_syncookies"
  state  = "absent"
}`,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			err := errors.Join(g.State(), g.WithoutSlash("path", "file"))
			name, known := g.Text("name")
			parts := strings.FieldsFunc(name, func(r rune) bool { return r == '.' || r == '/' })
			if known && (strings.ContainsAny(name, " \t\r\n=#;\x00") || len(parts) < 2 || strings.Contains(procPath(name)+"/", "/../") || strings.HasPrefix(name, "/") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-")) {
				err = errors.Join(err, given.Wrong("name", "name must be that of a parameter, such as \"net.ipv4.ip_forward\"."))
			}
			if value, known := g.Text("value"); known && (strings.TrimSpace(value) == "" || strings.ContainsAny(value, "\r\n\x00")) {
				err = errors.Join(err, given.Wrong("value", "value must be one line, and not empty."))
			}
			if g.Removes() {
				return errors.Join(err, g.Absent("value", "now"))
			}
			if !g.Has("value") && g["state"] != (schema.Unknown{}) {
				err = errors.Join(err, given.Wrong("", "The action \"sysctl\" needs the argument \"value\", unless state is \"absent\"."))
			}
			return err
		},
	}
}

// MountSchema describes Mount.
func MountSchema() schema.Block {
	return schema.Block{
		Name: "mount",
		Doc: "Makes sure that a file system is mounted on a Linux system, now and, in /etc/fstab, at its next start; or that it is not. `mount` and `umount` of the target do it. All other lines of /etc/fstab stay as they are. " +
			"Something else that is mounted at the path is an error, as it is when what is mounted is in use and is not to be any more. After a change of options the file system is mounted anew with them in place (`remount`). " +
			"What is below the path is not known to later tasks of the plan.",
		Arguments: []schema.Attribute{
			{Name: "path", Type: schema.Path, Required: true, Doc: "Where it is mounted. A directory is made there, if there is none and it is to be mounted now; it is never removed."},
			{Name: "source", Type: schema.String, Doc: "What is mounted: a device, `UUID=…` or `LABEL=…`, `server:/path`, a directory (with the option `bind`), an image (with `loop`), or any word where there is no source. Required unless state is `unmounted` or `absent`."},
			{Name: "type", Type: schema.String, Doc: "Its type, such as `ext4`, `nfs`, `tmpfs`, or `none` with the option `bind`. Required likewise."},
			{Name: "options", Type: schema.String, Reach: &schema.Reach{Change: []string{"options"}, Diff: true, Quote: true}, Doc: "The options, with commas between them; `defaults` unless set. They stand in /etc/fstab and on the command line of `mount`, which everybody on the target can read: a password belongs into a file (`credentials=`). Whether what is mounted has them is compared for `ro`, `rw`, `nosuid`, `nodev`, `noexec` and `noatime`; for others the line in /etc/fstab is believed."},
			{Name: "dump", Type: schema.Number, Doc: "The fifth field of the line; 0 unless set."},
			{Name: "pass", Type: schema.Number, Doc: "The sixth one, which orders the checks at the start of the system; 0 unless set, which means none."},
			{Name: "state", Type: schema.String, OneOf: []string{"mounted", "present", "unmounted", "absent"}, Doc: "`mounted` (unless set): in /etc/fstab, and mounted now. `present`: in /etc/fstab; what is mounted now stays. " +
				"`unmounted`: not mounted now; /etc/fstab stays. `absent`: not mounted, and not in /etc/fstab."},
		},
		Results: []schema.Attribute{
			{Name: "path", Type: schema.String, Doc: "The path as given."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "mount" "cache" {
  run_as  = "root"
  path    = "/srv/cache"
  source  = "tmpfs"
  type    = "tmpfs"
  options = "size=16m,nosuid,nodev"
}

task "mount" "data" {
  run_as = "root"
  path   = "/srv/data"
  source = "UUID=0a3407de-014b-458b-b5c1-848e92a327a3"
  type   = "ext4"
  dump   = 0
  pass   = 2
  state  = "present"
}

task "mount" "old" {
  run_as = "root"
  path   = "/srv/old"
  state  = "absent"
}`,
		Check: checkMount,
	}
}

func checkMount(m map[string]any) error {
	g := given.Args(m)
	err := g.Named("path")
	state, known := g.Text("state")
	switch {
	case known && state != "mounted" && state != "present" && state != "unmounted" && state != "absent":
		err = errors.Join(err, given.Wrong("state", "state must be \"mounted\", \"present\", \"unmounted\" or \"absent\"."))
	case state == "unmounted", state == "absent":
		for _, name := range []string{"source", "type", "options", "dump", "pass"} {
			if g.Has(name) {
				err = errors.Join(err, given.Wrong(name, "%s means nothing where state is \"%s\".", name, state))
			}
		}
	case known || !g.Has("state"):
		for _, name := range []string{"source", "type"} {
			if !g.Has(name) {
				err = errors.Join(err, given.Wrong("", "The action \"mount\" needs the argument %q, unless state is \"unmounted\" or \"absent\".", name))
			}
		}
	}
	for _, name := range []string{"source", "type", "options"} {
		s, known := g.Text(name)
		bad := strings.HasPrefix(s, "-") || strings.HasPrefix(s, "#") || strings.ContainsRune(s, 0)
		blanks := map[bool]string{true: ", and without blanks"}[name != "source"]
		if known && (s == "" || bad || name != "source" && strings.ContainsAny(s, " \t\r\n")) {
			err = errors.Join(err, given.Wrong(name, "%s must be what mount(8) takes: not empty, not beginning with a - or #%s.", name, blanks))
		}
	}
	options, _ := g.Text("options")
	for option := range strings.SplitSeq(options, ",") {
		switch name, _, _ := strings.Cut(option, "="); name {
		case "password", "password2", "pass", "passwd":
			err = errors.Join(err, given.Wrong("options", "options must not hold a password: /etc/fstab and the command line of mount can be read by everybody. "+
				"Write it into a file with mode \"0600\" (task \"file\") and name that, for cifs with credentials=PATH."))
		}
	}
	for _, name := range []string{"dump", "pass"} {
		if n, known := g[name].(float64); known && n != 0 && n != 1 && n != 2 {
			err = errors.Join(err, given.Wrong(name, "%s must be 0, 1 or 2.", name))
		}
	}
	return err
}
