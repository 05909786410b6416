package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runner/cmd/testbed/bed"
)

// TestG16ResetConnection: after a reset a new login sees what earlier tasks have changed; others over the same connection,
// and behind it, go on.
func TestG16ResetConnection(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{Machine: true})
	mark := filepath.Join(r.account.Home, "mark")
	r.write("site.hcl", fmt.Sprintf(`job "reset" {
  hosts = [host.machine]
  task "command" "join" {
    on   = host.root
    lane = "join"
    argv = ["usermod", "-aG", "games", "%[1]s"]
  }
  task "command" "before" { argv = ["id", "-Gn"] }
  task "reset_connection" "x" {}
  task "command" "after" { argv = ["id", "-Gn"] }
  task "command" "mark" { argv = ["touch", "%[2]s"] }
}
job "beside" {
  hosts = [host.root]
  task "shell" "waits" {
    lane   = "beside"
    script = "while [ ! -e %[2]s ]; do sleep 0.05; done"
  }
  task "command" "goes_on" {
    lane = "beside"
    argv = ["true"]
  }
}`, r.account.Name, mark))
	got := r.run("apply", "--json", "--auto-approve").must(t, 0)
	groups := map[string]bool{}
	for _, e := range got.of("task_end") {
		groups[e.text("address")] = strings.Contains(e.stdout(), "games")
		if s := e.text("status"); s != "ok" && s != "changed" {
			t.Errorf("%s ended %s", e.text("address"), s)
		}
	}
	if groups["job.reset.task.command.before"] || !groups["job.reset.task.command.after"] {
		t.Errorf("the new group is there: %v", groups)
	}
	if n := got.last(t, "run_end").number("connections"); n != 3 {
		t.Errorf("%d connections, want ssh, sudo, and ssh again", n)
	}
}

// reboot is a site whose machine restarts when the test sees that it was asked to: the real command would restart the
// machine that the tests run on.
func (r *reached) reboot(timeout string) (asked string) {
	asked = filepath.Join(r.account.Home, "asked")
	r.write("site.hcl", fmt.Sprintf(`job "restart" {
  hosts = [host.root]
  task "command" "before" { argv = ["echo", self.facts.hostname] }
  task "reboot" "now" {
    argv    = ["touch", "%s"]
    timeout = "%s"
  }
  task "command" "after" { argv = ["echo", self.facts.hostname] }
}`, asked, timeout))
	return asked
}

func isAsked(asked string) func() bool {
	return func() bool { _, err := os.Stat(asked); return err == nil }
}

// TestG16Reboot: done is a reboot when there is another boot.
func TestG16Reboot(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{Machine: true})
	asked := r.reboot("2m")
	planned := r.run("plan", "--json").must(t, 0).of("planned_change")
	if len(planned) != 3 || planned[1].text("action") != "run" {
		t.Errorf("planned: %v", planned)
	}
	run := r.start("apply", "--json", "--auto-approve")
	eventually(t, "the restart was asked for", isAsked(asked))
	r.server.Stop()
	logins := func() int { return strings.Count(r.server.Log(), "Accepted") }
	before := logins()
	r.server.Start() // the ssh server alone is back
	eventually(t, "the run logs in again", func() bool { return logins() > before })
	refused := func() int { return strings.Count(run.out.String(), "refuses connections") }
	before = refused()
	r.server.Stop()
	r.server.NewBoot()
	eventually(t, "the run sees the machine down", func() bool { return refused() > before })
	r.server.Start()
	got := run.end(2*time.Minute).must(t, 0)
	ends := got.of("task_end")
	result, _ := ends[1]["result"].(map[string]any)
	if ends[1].text("status") != "changed" || result["boot_id"] != r.server.Boot() {
		t.Errorf("the reboot ended %v, and the boot is %s", ends[1], r.server.Boot())
	}
	if was, is := ends[0]["target"].(map[string]any), ends[2]["target"].(map[string]any); was["machine"] == is["machine"] {
		t.Error("the task after it ran before the new start")
	}
}

// TestG16RebootNotBelieved: a machine that did not go down has not restarted, and neither has one whose connections broke.
func TestG16RebootNotBelieved(t *testing.T) {
	for _, c := range []struct {
		name, timeout, want string
		during              func(*reached)
	}{
		{"stays", "5s", "the machine did not go down (waited 5s)", func(*reached) {}},
		{"same boot", "40s", "still the same boot", func(r *reached) { r.server.Stop(); r.server.Start() }},
		{"stays away", "20s", "the machine went down and", func(r *reached) { r.server.Stop() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newReached(t, bed.ServerOptions{Machine: true})
			asked := r.reboot(c.timeout)
			run := r.start("apply", "--json", "--auto-approve")
			eventually(t, "the restart was asked for", isAsked(asked))
			c.during(r)
			ends := run.end(time.Minute).must(t, 3).of("task_end")
			if ends[1].text("status") != "failed" || ends[1].text("reason") != "timeout" || !strings.Contains(ends[1].text("error"), c.want) {
				t.Errorf("it ended %v", ends[1])
			}
			if ends[2].text("status") != "cancelled" {
				t.Errorf("the task after it ended %v", ends[2])
			}
		})
	}
}

// TestG16RebootInterrupted: whoever interrupts the run does not wait for the machine.
func TestG16RebootInterrupted(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{Machine: true})
	asked := r.reboot("1h")
	run := r.start("apply", "--json", "--auto-approve")
	eventually(t, "the restart was asked for", isAsked(asked))
	r.server.Stop()
	_ = run.cmd.Process.Signal(os.Interrupt)
	ends := run.end(12*time.Second).must(t, 130).of("task_end")
	if ends[1].text("status") != "unknown" {
		t.Errorf("it ended %v", ends[1])
	}
}

// TestRebootImpossible: a container and this machine are refused before anything is done.
func TestRebootImpossible(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{Machine: true})
	for host, want := range map[string]string{"box": "a container (docker) cannot be restarted", "localhost": "the machine that runner runs on"} {
		argv := ""
		if host == "localhost" {
			argv = `argv = ["true"]`
		}
		r.write("site.hcl", fmt.Sprintf("job \"x\" {\n  hosts = [host.%s]\n  task \"reboot\" \"x\" {\n    %s\n  }\n}\n", host, argv))
		for _, args := range [][]string{{"plan", "--json"}, {"apply", "--json", "--auto-approve"}} {
			got := r.run(args...)
			if got.code == 0 || !strings.Contains(got.stdout, want) {
				t.Errorf("%v of %s ended with %d:\n%s", args, host, got.code, tail(got.stdout))
			}
		}
	}
}
