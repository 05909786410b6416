package waiting

import (
	"errors"
	"math"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// WaitSchema describes the action wait.
func WaitSchema() schema.Block {
	return schema.Block{
		Name: "wait",
		Doc: "Waits until a port takes connections, something is at a path, a pattern is in a file, a program succeeds or a process runs; with `state = \"absent\"`, until it " +
			"does not any more. It waits on the target, for `timeout`, 5 minutes unless set, looks at once, again after a twentieth of a second and then less and less often, every two seconds at least, " +
			"and fails with what it has seen last. It changes nothing, and takes no lane unless it runs a program. A preview does not wait, and what it would find is not known there.",
		Arguments: []schema.Attribute{
			{Name: "port", Type: schema.Number, Doc: "A TCP port."},
			{Name: "host", Type: schema.String, Doc: "Where the port is, as the target sees it. Default: the target itself, 127.0.0.1 or ::1."},
			{Name: "path", Type: schema.Path, Doc: "What is to be there, of whatever kind. A link counts, wherever it points."},
			{Name: "pattern", Type: schema.Regex, Doc: "What is to be in a line of the file at `path`, or of what the program of `argv` prints."},
			{Name: "argv", Type: schema.Strings, Free: true, Doc: "A program that is to succeed, and its arguments. One that is not there is an error at once, whatever `state` is: wait for its `path` first where it is yet to come."},
			{Name: "process", Type: schema.String, Doc: "The name of a program that is to run."},
			{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}, Doc: "`absent` waits until what is said does not hold. Default `present`."},
		},
		Results: []schema.Attribute{
			{Name: "seconds", Type: schema.Number, Doc: "How long it took."},
			{Name: "match", Type: schema.String, Doc: "What the pattern has matched, or null."},
		},
		Example: `task "wait" "database" {
  host    = "db.example.net"
  port    = 5432
  timeout = "1m"
}

task "wait" "ready" {
  path    = "/var/log/app.log"
  pattern = "listening on port (\\d+)"
}

task "wait" "unlocked" {
  path  = "/run/app.lock"
  state = "absent"
}

task "wait" "leader" {
  argv    = ["etcdctl", "endpoint", "status"]
  pattern = "true"
}

task "wait" "gone" {
  process = "app"
  state   = "absent"
}`,
		Check: checkWait,
	}
}

func checkWait(m map[string]any) error {
	g := given.Args(m)
	all := []error{g.Path("path"), g.Argv("argv")}
	var conditions []string
	for _, name := range []string{"port", "path", "argv", "process"} {
		if g.Has(name) {
			conditions = append(conditions, name)
		}
	}
	switch {
	case len(conditions) == 0:
		all = append(all, given.Wrong("", "Say what to wait for: a port, a path, a process, or argv."))
	case len(conditions) > 1:
		all = append(all, given.Wrong(conditions[1], "A task waits for one thing: leave out %s.", strings.Join(conditions[1:], " and ")))
	case g.Has("pattern") && !g.Has("path") && !g.Has("argv"):
		all = append(all, given.Wrong("pattern", "A pattern is looked for in the file at path, or in what argv prints."))
	}
	if g.Has("host") && !g.Has("port") {
		all = append(all, given.Wrong("host", "A host goes with a port."))
	}
	if host, known := g.Text("host"); known && (host == "" || strings.ContainsAny(host, " \t\r\n\x00/[]")) {
		all = append(all, given.Wrong("host", "host must be a name or an address, without a port."))
	}
	if n, known := m["port"].(float64); known && (n < 1 || n > math.MaxUint16 || n != math.Trunc(n)) {
		all = append(all, given.Wrong("port", "port must be a whole number from 1 to 65535."))
	}
	if name, known := g.Text("process"); known && (name == "" || strings.ContainsAny(name, "/\x00")) {
		all = append(all, given.Wrong("process", "process must be the name of a program, without a path."))
	}
	return errors.Join(all...)
}
