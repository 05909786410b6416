package programs

import (
	"context"

	"runner/agent/action"
	"runner/agent/action/given"
	"runner/agent/facts"
	"runner/agent/schema"
	"runner/agent/wire"
)

// Reboot is the action of that name, as far as it is the target's: it sets the restart off. That the machine has gone and
// come back is for the controller to see.
type Reboot struct {
	Argv []string `cbor:"argv"`
}

// RebootSchema describes the action reboot.
func RebootSchema() schema.Block {
	return schema.Block{
		Name: "reboot",
		Doc: "Restarts the machine, waits until it is there again, and goes on. It counts as done only when another start of the system is seen, " +
			"so there is no delay to be set: neither a machine that has not gone down yet nor one whose ssh server was merely restarted is taken for one that is back. " +
			"It waits for `timeout`, 10 minutes unless set. The connection is opened anew, and facts are those of the new start. What else runs on " +
			"the machine at that time is lost with it. A container cannot be restarted from inside, nor the machine that runner itself runs on. The task's user has to be one who may restart the machine.",
		Arguments: []schema.Attribute{
			{Name: "argv", Type: schema.Strings, Doc: "The program that restarts the machine, and its arguments; unless set, what there is of `systemctl reboot`, " +
				"`shutdown -r now` and `reboot`."},
		},
		Results: []schema.Attribute{
			{Name: "boot_id", Type: schema.String, Doc: "What tells the new start of the system from others."},
			{Name: "seconds", Type: schema.Number, Doc: "How long it took until the machine was there again."},
		},
		Example: `task "reboot" "kernel" {
  run_as  = "root"
  timeout = "15m"
}

task "reboot" "fast" {
  run_as = "root"
  argv   = ["systemctl", "kexec"]
}`,
		Check: func(m map[string]any) error {
			if m["argv"] == nil {
				return nil
			}
			return given.Args(m).Argv("argv")
		},
	}
}

// Look finds out what will restart the machine.
func (r *Reboot) Look(_ context.Context, env *action.Env) (action.Outcome, error) {
	if kind := facts.Container(); kind != "" && len(r.Argv) == 0 && !env.IsUnknown("argv") {
		return action.Outcome{}, action.Problem("Restart the machine that it runs on, or the container with the tool that made it.",
			"a container (%s) cannot be restarted from inside", kind)
	}
	argv := r.argv(env)
	out := action.Change(wire.VerbRun, nil, map[string]any{"argv": action.Plain(argv)}, env.Unknown...)
	if env.Mode == wire.ModeLook {
		if err := new(running).runnable(env, there{Argv: argv}); err != nil && !env.IsUnknown("argv") {
			return action.Outcome{}, err
		}
		env.View.Disturb()
	}
	return out, nil
}

// Act sets the restart off.
func (r *Reboot) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	out, err := new(running).run(ctx, env, there{Argv: r.argv(env)}, found)
	out.Values = nil
	return out, err
}

// argv is what restarts the machine: where systemd runs it, only systemd can do so in good order.
func (r *Reboot) argv(env *action.Env) []string {
	if len(r.Argv) > 0 {
		return r.Argv
	}
	for _, argv := range [][]string{{"systemctl", "reboot"}, {"shutdown", "-r", "now"}, {"/sbin/shutdown", "-r", "now"}, {"/sbin/reboot"}} {
		if argv[0] == "systemctl" && !env.View.Directory("/run/systemd/system") {
			continue
		}
		if env.View.Program(argv[0], env.Dir, env.Environ) {
			return argv
		}
	}
	return []string{"reboot"}
}
