package services

import (
	"errors"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// ServiceSchema describes Service.
func ServiceSchema() schema.Block {
	return schema.Block{
		Name: "service",
		Doc: "Makes sure that a service runs or does not run, now and from the next start of the machine on. It asks systemd, OpenRC (`rc-service`, `rc-update`), or the service's script in " +
			"`/etc/init.d` with the links that `update-rc.d` makes, whichever is there; where there is none of them, as in most containers, that is an error. With systemd it can be a unit of any kind.\n\n" +
			"A start is believed only when the service runs: one that ends within a quarter of a second is an error, which quotes what it has logged. " +
			"A unit of systemd whose file has changed is read again first. Where systemd knows that a unit does not go on running after its start (`Type=oneshot`), `running` starts it each time. " +
			"A service that is not there is stopped, and not enabled unless links that would start it are left, which `enabled = false` removes; to run or enable it is an error, unless an earlier task of the plan brings it. " +
			"A unit that is masked, or cannot be enabled because it has no `[Install]` section, is an error where it is to run, or to be enabled. " +
			"Whether another user than root may change it is decided by systemd (by polkit, where that is there), or by the service's script: `plan` says so, and `apply` fails with what they say.",
		Arguments: []schema.Attribute{
			{Name: "name", Type: schema.String, Required: true, Doc: "Its name, such as `nginx`, or a unit's, such as `apt-daily.timer` or `getty@tty1`."},
			{Name: "state", Type: schema.String, OneOf: []string{"running", "stopped", restarted, reloaded}, Meant: map[string]string{
				"started": "running", "start": "running", "up": "running", "active": "running", "stop": "stopped", "down": "stopped", "inactive": "stopped", "restart": restarted, "reload": reloaded,
			}, Doc: "`running`, `stopped`, or what is done in each run: " +
				"`restarted`, which starts it if it does not run; `reloaded`, which has it read its configuration anew, or starts it. Unless set, it is left as it is."},
			{Name: "enabled", Type: schema.Bool, Doc: "Whether it is started with the machine. Unless set, that is left as it is."},
			{Name: "masked", Type: schema.Bool, Doc: "Whether systemd is kept from starting it by any way. Unless set, that is left as it is. A unit whose own file is in /etc/systemd/system (with `scope`, in the user's directory of units) cannot be masked."},
			{Name: "scope", Type: schema.String, OneOf: []string{"system", "user"}, Doc: "`system` (unless set), or `user`: a unit of the task's user, whose service manager has to be there: " +
				"it is while the user is logged in, or always after `loginctl enable-linger`."},
		},
		Results: []schema.Attribute{
			{Name: "name", Type: schema.String, Doc: "The whole name, such as `nginx.service`."},
			{Name: "state", Type: schema.String, Doc: "`running`, `stopped`, `failed`, `starting` or `stopping`."},
			{Name: "enabled", Type: schema.Bool, Doc: "Whether it is started with the machine."},
			{Name: "masked", Type: schema.Bool, Doc: "Whether it is masked."},
		},
		Environ: &schema.Reach{Errors: true},
		Example: `task "service" "ssh" {
  name    = "ssh"
  state   = "running"
  enabled = true
}

task "service" "daily" {
  name    = "apt-daily.timer"
  scope   = "system"
  state   = "stopped"
  enabled = false
}

task "service" "keys" {
  name   = "ctrl-alt-del.target"
  masked = true
}`,
		Check: checkService,
	}
}

func checkService(m map[string]any) error {
	g := given.Args(m)
	err := checkName(g)
	state, _ := g.Text("state")
	if g["masked"] == true && (state != "" && state != "stopped" || g["enabled"] == true) {
		err = errors.Join(err, given.Wrong("masked", "A service that is masked can neither run nor be enabled."))
	}
	if !g.Has("state") && !g.Has("enabled") && !g.Has("masked") {
		err = errors.Join(err, given.Wrong("state", "Say what is wanted of the service: state, enabled or masked."))
	}
	return err
}

// checkName checks the name of a service or unit. It may begin with a minus sign, as that of the root directory's mount does.
func checkName(g given.Args) error {
	name, known := g.Text("name")
	switch {
	case !known:
		return nil
	case name == "":
		return given.Wrong("name", "name must not be empty.")
	case strings.ContainsAny(name, "/ \t\r\n\x00"):
		return given.Wrong("name", "name must be the name of a service or unit: it holds no slash and no blank.")
	case strings.ContainsAny(name, "*?["):
		return given.Wrong("name", "name must be one name, not a pattern. Use for_each for several services.")
	case len(name) > 255:
		return given.Wrong("name", "A name has at most 255 bytes.")
	}
	return nil
}
