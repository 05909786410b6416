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
