package edit

import (
	"errors"
	"strings"

	"runner/agent/action/files"
	"runner/agent/action/given"
	"runner/agent/schema"
)

// IniSchema describes the action.
func IniSchema() schema.Block {
	return schema.Block{
		Name: "ini",
		Doc: "Makes sure that a key has a value in a section of an INI file (systemd's units, git, PHP, MySQL, …), or that the key, or the section, is not there. A line that is there is changed in its place and keeps its spaces around the equals sign; a new one " +
			"goes behind the last key of its section and has the spaces of that one. Comments, which begin with `#` or `;`, are not touched. Sections and keys are compared as they are written, in lower and upper case. A value is what stands behind the first equals sign, up to the end of the line." + kept,
		Arguments: targetSchema(
			schema.Attribute{Name: "section", Type: schema.String, Doc: "The section, without brackets. Unless set: what stands in front of all sections."},
			schema.Attribute{Name: "key", Type: schema.String, Doc: "The key. Unless set, the task is about the section: it is there, or it is removed with all that is in it."},
			schema.Attribute{Name: "value", Type: schema.String, Free: true, Reach: files.Written(), Doc: "Its value, with quotes if the file wants them. If neither this nor `values` is set, the key stands alone, without an equals sign."},
			schema.Attribute{Name: "values", Type: schema.Strings, Reach: files.Written(), Doc: "Its values where a key may stand in several lines, in their order, instead of `value`. Either way further lines with the key are removed."},
			stateSchema("`present` (unless set), or `absent`."),
		),
		Results: targetResults(),
		Environ: &schema.Reach{Quote: true},
		Example: `task "ini" "port" {
  path    = "/tmp/runner-example.ini"
  section = "server"
  key     = "port"
  value   = "8080"
  create  = true
}

task "ini" "name" {
  path     = "/tmp/runner-example.ini"
  section  = "server"
  key      = "name"
  value    = "shop"
  mode     = "0640"
  owner    = self.facts.user.name
  group    = self.facts.user.gid
  validate = ["/bin/grep", "-q", "^port", "%s"]
  backup   = true
  in_place = true
  durable  = true
}

task "ini" "dns" {
  path    = "/tmp/runner-example.ini"
  section = "network"
  key     = "DNS"
  values  = ["10.0.0.1", "10.0.0.2"]
}

task "ini" "legacy" {
  path    = "/tmp/runner-example.ini"
  section = "legacy"
  state   = "absent"
}`,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			err := errors.Join(checkTarget(g), oneLine(g, "section", ""), oneLine(g, "key", ""), checkValue(g, "value"))
			if list, known := g["values"].([]any); known {
				for _, v := range list {
					err = errors.Join(err, checkValue(given.Args{"values": v}, "values"))
				}
			}
			section, _ := g.Text("section")
			if strings.Contains(section, "]") || section != strings.TrimSpace(section) || g["section"] == "" {
				err = errors.Join(err, given.Wrong("section", "section must be a name without brackets, and without spaces around it."))
			}
			key, known := g.Text("key")
			if known && (key == "" || key != strings.TrimSpace(key) || strings.Contains(key, "=") || strings.ContainsAny(key[:1], "[#;")) {
				err = errors.Join(err, given.Wrong("key", "key must be a name without an equals sign, and without spaces around it."))
			}
			return errors.Join(err, checkIni(g))
		},
	}
}

// checkValue checks what is to stand behind an equals sign.
func checkValue(g given.Args, name string) error {
	if value, _ := g.Text(name); value != strings.TrimSpace(value) {
		return given.Wrong(name, "%s must have no spaces or line breaks around it, which an INI file does not keep; put it into quotes.", name)
	}
	return oneLine(g, name, "")
}

// checkIni finds arguments that do not go together.
func checkIni(g given.Args) error {
	switch {
	case !g.Has("section") && !g.Has("key"):
		return given.Wrong("", "section or key is needed.")
	case g.Has("value") && g.Has("values"):
		return given.Wrong("values", "value and values exclude each other.")
	case !g.Has("key") && g.Has("value"):
		return given.Wrong("value", "value means nothing without key.")
	case !g.Has("key") && g.Has("values"):
		return given.Wrong("values", "values mean nothing without key.")
	case g.Removes():
		return g.Absent("value", "values")
	}
	return nil
}
