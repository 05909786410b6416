package e2e

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"runner/cmd/testbed/bed"
)

// TestHTTP: a request is made where the chain ends, in a container that nothing else can reach: its agent connects, and
// resolves the name by what is written there.
func TestHTTP(t *testing.T) {
	r := newReached(t, bed.ServerOptions{Machine: true})
	r.box.Run("mkdir", "-p", "/www")
	r.box.Run("sh", "-c", "echo hello from inside >/www/index.html; echo 127.0.0.1 shop.internal >>/etc/hosts")
	server := exec.CommandContext(t.Context(), "docker", "exec", r.box.Name, "/bin/busybox", "sh", "-c", "echo $$ >/pid; exec httpd -f -p 127.0.0.1:8080 -h /www")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		r.box.Run("sh", "-c", "kill $(cat /pid)")
		_ = server.Wait()
	}()
	r.box.Run("sh", "-c", "until wget -q -O /dev/null http://127.0.0.1:8080/; do sleep 0.1; done")
	r.write("jobs.hcl", `
job "http" {
  hosts = [host.box]
  task "http" "there" {
    url     = "http://shop.internal:8080/"
    changes = false
  }
  task "http" "missing" {
    url    = "http://shop.internal:8080/missing"
    status = [404]
  }
  task "command" "after" { argv = ["/bin/busybox", "true"] }
}
`)
	planned := r.run("plan", "--json").must(t, 0)
	if got := fmt.Sprint(planned.of("planned_change")[0]["outcome"]); got != "ok" {
		t.Errorf("planned: %s\n%s", got, planned.stdout)
	}
	run := r.run("apply", "--auto-approve", "--json").must(t, 0)
	for i, want := range []string{"hello from inside\n", "404"} {
		result, _ := run.of("task_end")[i]["result"].(map[string]any)
		if !strings.Contains(fmt.Sprint(result["body"], result["status"]), want) {
			t.Errorf("%v", result)
		}
	}
}

// TestScriptAnywhere: a script of the controller runs where the chain ends, small and large, with and without a shell of its
// own; a wait takes no lane, so that another task of the same target goes on meanwhile.
func TestScriptAnywhere(t *testing.T) {
	r := newReached(t, bed.ServerOptions{})
	r.write("small.sh", "#!/bin/sh\necho \"$# $1\"; cat")
	r.write("large.sh", "#!/bin/sh\necho large\nexit 0\n"+strings.Repeat("#\n", 1<<18))
	r.write("jobs.hcl", `
job "scripts" {
  hosts = [host.box, host.machine]
  task "script" "small" {
    source = "small.sh"
    args   = ["a b"]
    stdin  = "in"
  }
  task "script" "large" {
    source  = "large.sh"
    changes = false
  }
}
job "waits" {
  hosts = host.box
  task "wait" "flag" {
    path    = "/flag"
    timeout = "30s"
  }
}
job "makes" {
  hosts = host.box
  task "pause" "later" { duration = "1s" }
  task "command" "flag" { argv = ["/bin/busybox", "touch", "/flag"] }
}
`)
	r.run("plan").must(t, 0)
	run := r.run("apply", "--auto-approve", "--json").must(t, 0)
	var got []string
	for _, e := range run.of("task_end") {
		if strings.Contains(e.text("address"), "script") {
			got = append(got, e.text("status")+" "+e.stdout())
		}
	}
	slices.Sort(got)
	if want := []string{"changed 1 a b\nin", "changed 1 a b\nin", "ok large", "ok large"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestG15Raw: a raw command needs no agent, and stands beside tasks that do: on a machine whose login runs no shell, behind sudo
// that asks for its password, and in a container that has nothing but one program.
func TestG15Raw(t *testing.T) {
	r := newReached(t, bed.ServerOptions{})
	appliance := r.SSHD(bed.ServerOptions{Config: []string{
		`ForceCommand case "$SSH_ORIGINAL_COMMAND" in "show version") echo v1.2;; "load") cat;; "reload") sleep 3;; *) echo "unknown command" >&2; exit 5;; esac`,
	}})
	scratch := r.Container(bed.BoxOptions{Scratch: true, ReadOnly: true})
	r.write("more.hcl", fmt.Sprintf(`
host "appliance" {
  address = %q
  hop "ssh" {
    user        = %q
    port        = %d
    keys        = [%q]
    known_hosts = [%q]
    config      = false
    agent       = false
  }
}
host "scratch" {
  via = host.root
  hop "docker" { container = %q }
}
`, appliance.Address, r.account.Name, appliance.Port, r.Key(), appliance.KnownHosts, scratch.Name))
	r.write("jobs.hcl", `
job "appliance" {
  hosts = host.appliance
  task "raw" "version" {
    command = "show version"
    changes = false
  }
  task "raw" "load" {
    command = "load"
    stdin   = "a = 1\n"
  }
  task "raw" "wrong" {
    command       = "show sausages"
    ok_exit_codes = [5]
  }
}
job "scratch" {
  hosts = host.scratch
  task "raw" "first" { argv = ["/busybox", "echo", "$(id) a'b"] }
  task "raw" "fails" {
    argv       = ["/busybox", "false"]
    on_failure = "continue"
  }
}
job "root" {
  hosts = host.root
  task "raw" "before" { command = "id -un; echo $((1 + 1))" }
  task "command" "agent" { argv = ["id", "-un"] }
  task "raw" "after" {
    command = "cat"
    stdin   = "in"
  }
}
`)
	planned := r.run("plan", "--json").must(t, 0)
	for _, e := range planned.of("planned_change") {
		if strings.HasSuffix(e.text("address"), "version") && (e.text("action") != "read" || e.text("outcome") != "ok") {
			t.Errorf("%v", e)
		}
	}
	for _, e := range planned.of("connection") {
		if e.text("host") == "scratch" && e.text("transport") == "docker" {
			t.Errorf("an agent was started in the container: %v", e)
		}
	}
	run := r.run("apply", "--auto-approve", "--json").must(t, 0)
	got := map[string]string{}
	for _, e := range run.of("task_end") {
		address := e.text("address")
		got[address[strings.LastIndex(address, ".")+1:]] = e.text("status") + " " + e.stdout()
	}
	for name, want := range map[string]string{
		"version": "ok v1.2", "load": "changed a = 1", "wrong": "changed ", "first": "changed $(id) a'b", "fails": "failed ",
		"before": "changed root\n2", "agent": "changed root", "after": "changed in",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}

	// What cannot be done without an agent says so, and a timeout leaves the session.
	r.write("jobs.hcl", `
job "late" {
  hosts = host.appliance
  task "raw" "late" {
    command = "reload"
    timeout = "1s"
  }
}
job "facts" {
  hosts = host.appliance
  task "raw" "facts" { command = "show ${self.facts.arch}" }
}
`)
	late := r.run("apply", "--auto-approve", "--json")
	for _, e := range late.of("task_end") {
		if want := map[string]string{"job.late.task.raw.late": "failed", "job.facts.task.raw.facts": "unreachable"}[e.text("address")]; e.text("status") != want {
			t.Errorf("%v", e)
		}
	}

	// A wrong password is tried once, and named.
	r.write("jobs.hcl", `
job "root" {
  hosts = host.root
  task "raw" "x" { command = "id" }
}
`)
	r.vars = []string{"password=wrong"}
	wrong := r.run("apply", "--auto-approve", "--json").must(t, 4)
	if e := wrong.last(t, "task_end"); e.text("reason") != "password" || !strings.Contains(e.text("error"), "sudo root") {
		t.Errorf("%v", e)
	}
}
