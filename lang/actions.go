package lang

import (
	"maps"
	"slices"

	"runner/agent/schema"
)

// resetConnection is the name of an action that is about a host's own connection.
const resetConnection = "reset_connection"

// peerless says whether an action asks nothing of a target: no connection is needed for it, whatever its job's hops are.
func peerless(action string) bool {
	return slices.Contains([]string{"assert", "fail", "flush", "pause", "print"}, action)
}

// Actions are those that runner carries out itself, without an agent.
func Actions() map[string]schema.Block {
	out := map[string]schema.Block{}
	for _, b := range []schema.Block{resetSchema(), flushSchema(), assertSchema(), failSchema(), printSchema(), pauseSchema(), httpSchema(), rawSchema()} {
		out[b.Name] = b
	}
	return out
}

func resetSchema() schema.Block {
	return schema.Block{
		Name: resetConnection,
		Doc: "Closes the connection to the host: the last hop of its chain and everything behind it, whatever `run_as` or `hop` say. The next task opens it " +
			"anew, with a new login: groups, environment and limits that earlier tasks have changed hold from there on, and facts are those of the new connection. " +
			"What the host's tasks have written so far is brought to stable storage first. Other hosts of the run that are at work over the same connection, or " +
			"behind it, are not disturbed: they keep the old one for the rest of their job. To log in to a machine anew where the chain goes on behind the login, such " +
			"as with sudo, use `on` with the host whose chain ends at the login.",
		Environ: &schema.Reach{},
		Example: `task "command" "group" { argv = ["/usr/sbin/usermod", "-aG", "docker", "deploy"] }

task "reset_connection" "login" {
  when = task.command.group.changed
}

task "command" "images" {
  argv    = ["docker", "images"]
  changes = false
}`,
	}
}

func flushSchema() schema.Block {
	return schema.Block{
		Name:    "flush",
		Doc:     "Runs the handlers that were notified so far at this point instead of at the end of the host's tasks. They are no longer due then.",
		Environ: &schema.Reach{},
		Example: `task "file" "conf" {
  path    = "/etc/app.conf"
  content = "port = 80\n"
  notify  = [handler.reload]
}

task "flush" "now" {}

task "command" "check" { argv = ["/usr/bin/app", "check"] }

handler "command" "reload" { argv = ["/usr/bin/app", "reload"] }`,
	}
}

func assertSchema() schema.Block {
	return schema.Block{
		Name: "assert",
		Doc: "Fails unless a condition holds. Nothing is asked of the target for that: it takes no connection and no round trip, but for results and facts that the " +
			"condition reads. `plan` fails with it where the condition is known to be false already. What must hold before a job begins is said by its `precondition`.",
		Arguments: []schema.Attribute{
			{Name: "condition", Type: schema.Bool, Required: true, Doc: "What must hold."},
			{Name: "message", Type: schema.String, Free: true, Doc: "What is said where it does not: what is wrong, and what to do."},
		},
		Environ: &schema.Reach{},
		Example: `task "assert" "memory" {
  condition = self.facts.memory_bytes >= 64 * 1024 * 1024
  message   = "${self.name} has less than 64 MiB of memory: take a larger machine."
}`,
	}
}

func failSchema() schema.Block {
	return schema.Block{
		Name: "fail",
		Doc: "Fails with a message. It stands behind a `when`, or in a `rescue` that has tidied up and is to fail all the same. Nothing is asked of the target for that. " +
			"`plan` fails with it where it is certain that it will be reached.",
		Arguments: []schema.Attribute{
			{Name: "message", Type: schema.String, Required: true, Free: true, Doc: "What is said: what is wrong, and what to do."},
		},
		Environ: &schema.Reach{},
		Example: `task "fail" "small" {
  when    = self.facts.cpus < 1
  message = "${self.name} has ${self.facts.cpus} processors, and needs one."
}`,
	}
}

func printSchema() schema.Block {
	return schema.Block{
		Name: "print",
		Doc: "Shows a message, in its place among the tasks, in what `plan` and `apply` print, and with `--json` as the result's `message`. Nothing is asked of the target for that, " +
			"and nothing waits for what the message reads: what comes after is on its way meanwhile, also where it turns out that there is no such message, which fails the task: what is not to begin before that is known comes after an `assert`. What a run is to give in the end is an `output`.",
		Arguments: []schema.Attribute{
			{Name: "message", Type: schema.String, Required: true, Free: true, Doc: "What is shown; of several lines, each."},
		},
		Results: []schema.Attribute{{Name: "message", Type: schema.String, Doc: "What was shown."}},
		Environ: &schema.Reach{},
		Example: `task "command" "version" {
  argv    = ["uname", "-r"]
  changes = false
}

task "print" "version" {
  message = "${self.name} runs ${task.command.version.stdout}"
}`,
	}
}

func pauseSchema() schema.Block {
	return schema.Block{
		Name: "pause",
		Doc: "Waits for a time before the next task. It is runner that waits, not the target: no lane and no place among the hosts that are worked on at once is held, and an interrupt " +
			"ends it at once. A preview does not wait. What waits for something to happen is `wait`, and what tries again is `retry`.",
		Arguments: []schema.Attribute{{Name: "duration", Type: schema.Pause, Required: true, Doc: "How long."}},
		Environ:   &schema.Reach{},
		Example:   `task "pause" "settle" { duration = "100ms" }`,
	}
}

func withOwn(actions map[string]schema.Block) map[string]schema.Block {
	out := Actions()
	maps.Copy(out, actions)
	return out
}
