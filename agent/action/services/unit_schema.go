package services

import (
	"errors"
	"strings"

	"runner/agent/action/files"
	"runner/agent/action/given"
	"runner/agent/schema"
)

// UnitSchema describes Unit.
func UnitSchema() schema.Block {
	file := files.FileSchema()
	b := schema.Block{
		Name: "unit",
		Doc: "Makes sure that a unit file of systemd, or a drop-in for a unit, is there with the content that is given, or is not there, and has systemd read its units again when that has changed something. " +
			"The file is written like that of the action `file`; its directory is made where it is missing. " +
			"What systemd could not use (`systemd-analyze verify`, where it is there) is not written, and an error of `plan`, too, unless a program that runs before, or a drop-in that comes before, may change that; a drop-in is not looked at, and neither is what the unit needs, such as its program. " +
			"Where systemd does not run, the file is all that is done. Whether the unit runs, and from when on, is for a task `service`: stop and disable a unit before its file is removed; where that was left out, the plan says so. " +
			"A unit of a user is written when the user's service manager listens: one that is just starting is waited for, at most ten seconds.",
		Arguments: []schema.Attribute{
			{Name: "name", Type: schema.String, Required: true, Doc: "The unit's name, such as `shop.timer` or `shop@.service`; without an ending that of a service."},
			{Name: "content", Type: schema.String, Free: true, Reach: files.Repeated(), Doc: "What is in the file, as text."},
			{Name: "source", Type: schema.Source, Doc: "A file on the controller whose bytes are what is in it, instead of `content`."},
			{Name: "dropin", Type: schema.String, Doc: "The name of a drop-in, such as `10-limits.conf`, which adds to the unit: the file is that one, in the directory `NAME.d`."},
			{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}, Doc: "`present` (unless set), or `absent`: there is no such file."},
			{Name: "scope", Type: schema.String, OneOf: []string{"system", "user", "global"}, Doc: "`system` (unless set): in `/etc/systemd/system`; `user`: a unit of the task's user, in `~/.config/systemd/user`; " +
				"`global`: one of every user, in `/etc/systemd/user`, which is read when a user's service manager starts."},
		},
		Results: append([]schema.Attribute{{Name: "name", Type: schema.String, Doc: "The unit's whole name."}}, file.Results...),
		Environ: &schema.Reach{Change: []string{"path"}, Results: []string{"path"}, Errors: true},
		Example: `task "unit" "example" {
  name    = "runner-example"
  content = <<-EOT
    [Unit]
    Description=What the reference shows

    [Service]
    ExecStart=/bin/sleep infinity

    [Install]
    WantedBy=multi-user.target
  EOT
  mode    = "0640"
  owner   = "root"
  group   = "root"
  backup  = true
}

task "unit" "limits" {
  name    = "runner-example"
  dropin  = "10-limits.conf"
  content = "[Service]\nLimitNOFILE=65536\n"
}

task "unit" "everybody" {
  name   = "runner-example.timer"
  dropin = "20-copied.conf"
  scope  = "global"
  source = "/etc/hosts" # any file of the controller
}

task "unit" "old" {
  name  = "runner-old.socket"
  state = "absent"
}`,
		Check: checkUnit,
	}
	for _, a := range file.Arguments {
		switch a.Name {
		case "mode", "owner", "group", "backup":
			b.Arguments = append(b.Arguments, a)
		}
	}
	return b
}

func checkUnit(m map[string]any) error {
	g := given.Args(m)
	err := errors.Join(checkName(g), g.State(), g.Mode("mode"), g.Account("owner"), g.Account("group"))
	if name, known := g.Text("dropin"); known && (!strings.HasSuffix(name, ".conf") || name == ".conf" || strings.ContainsAny(name, "/\x00")) {
		err = errors.Join(err, given.Wrong("dropin", "dropin must be a file name that ends in \".conf\", such as \"10-limits.conf\"."))
	}
	if g.Removes() {
		return errors.Join(err, g.Absent("content", "source", "mode", "owner", "group"))
	}
	if g.Has("content") && g.Has("source") {
		err = errors.Join(err, given.Wrong("source", "content and source exclude each other."))
	}
	if !g.Has("content") && !g.Has("source") {
		err = errors.Join(err, given.Wrong("content", "content or source is required."))
	}
	return err
}
