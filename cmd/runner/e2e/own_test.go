package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runner/cmd/testbed/bed"
)

// ownSite has actions of the user's own: a shell script and a Python program behind ssh, the script in a container that has
// busybox only, and a binary there, as root, and in a container that has nothing.
const ownSite = `
host "bare" {
  via = host.root
  hop "docker" { container = "%[1]s" }
}
variable "release" { default = "1" }
job "machine" {
  hosts = [host.machine]
  task "setting" "port" {
    path  = "%[2]s/settings.json"
    key   = "port"
    value = 8080.5
  }
  task "setting" "token" {
    path  = "%[2]s/settings.json"
    key   = "release"
    value = var.release
    token = "5e31-%[3]s"
  }
  task "flag" "odd" {
    name      = "it's \"odd\" $(id) \\ ü"
    directory = "%[2]s/flags"
  }
}
job "boxes" {
  hosts      = [host.machine, host.root, host.box, host.bare]
  depends_on = [job.machine]
  task "flag" "box" {
    when      = self.name == "box"
    name      = "box"
    directory = "/flags"
  }
  task "stamp" "all" {
    for_each = toset(["a", "b"])
    path     = "${lookup({ machine = "%[2]s", root = "/srv" }, self.name, "")}/stamp-${each.key}"
    text     = var.release
  }
}
output "sizes" { value = { for host, r in job.boxes.task.stamp.all : host => r["a"].size } }
`

// stampProgram is an action in Go: it links nothing of ours, and a target has to have nothing for it.
const stampProgram = `package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if os.Args[1] == "describe" {
		fmt.Println(` + "`" + `{"protocol": 1, "doc": "Writes a text.", "preview": "exact",
			"arguments": {"path": {"type": "path", "required": true, "doc": "Where."}, "text": {"type": "string", "required": true, "doc": "What."}},
			"results": {"size": {"type": "number", "doc": "How long."}}}` + "`" + `)
		return
	}
	var request struct {
		Mode      string
		Arguments struct{ Path, Text string }
	}
	answer := map[string]any{}
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		answer["error"] = map[string]any{"message": err.Error()}
	}
	a := request.Arguments
	before, err := os.ReadFile(a.Path)
	changed := err != nil || string(before) != a.Text
	if changed && request.Mode == "act" {
		if err := os.WriteFile(a.Path, []byte(a.Text), 0o600); err != nil {
			answer["error"] = map[string]any{"message": err.Error()}
		}
	}
	answer["changed"], answer["result"] = changed, map[string]any{"size": len(a.Text)}
	json.NewEncoder(os.Stdout).Encode(answer)
}
`

// own copies the example actions beside the site, and builds one more.
func (s *site) own() (program string) {
	s.t.Helper()
	actions, source := filepath.Join(s.path, "actions"), filepath.Join(s.t.TempDir(), "stamp.go")
	if err := os.CopyFS(actions, os.DirFS("../../../examples/own-actions/actions")); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(source, []byte(stampProgram), 0o600); err != nil {
		s.t.Fatal(err)
	}
	program = filepath.Join(actions, "stamp")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// TestOwnActions: what an action of one's own says it would do is what it does, the second time it does nothing, and what is large
// goes to a machine once. G25 G28 G33 G36.
func TestOwnActions(t *testing.T) {
	bed.Need(t, "python3")
	s := newReached(t, bed.ServerOptions{Machine: true})
	bare := s.Container(bed.BoxOptions{Scratch: true})
	program := s.own()
	secret := "dark"
	s.write("site.hcl", fmt.Sprintf(ownSite, bare.Name, s.account.Home, secret))

	plan := s.run("plan", "--json", "--detailed-exitcode").must(t, 2)
	for _, c := range plan.of("planned_change") {
		unknown, _ := c["unknown"].([]any)
		switch at := c.text("address") + " on " + c.text("host"); at {
		case "job.machine.task.setting.port on machine":
			if c.text("action") != "create" || !strings.Contains(c.text("diff"), "+  \"port\": 8080.5") {
				t.Errorf("%s: %v", at, c)
			}
		case "job.boxes.task.flag.box on box":
			if c.text("action") != "create" {
				t.Errorf("%s: %v", at, c)
			}
		case "job.machine.task.flag.odd on machine": // another task runs before
			if len(unknown) != 1 || unknown[0] != "action" {
				t.Errorf("%s: %v", at, c)
			}
		}
	}
	if left := on(t, s.server, "ls", "-A", s.account.Home); strings.Contains(left, "settings") || strings.Contains(left, "flags") {
		t.Errorf("the plan left %q (G33)", left)
	}

	first := s.run("apply", "--json", "--auto-approve").must(t, 0)
	if got := first.last(t, "run_end").number("changed"); got != 12 {
		t.Errorf("%d changed, want 12", got)
	}
	second := s.run("apply", "--json", "--auto-approve").must(t, 0)
	end := second.last(t, "run_end")
	if got := end.number("changed"); got != 0 {
		t.Errorf("the second time %d changed (G28)", got)
	}
	s.run("plan", "--json", "--detailed-exitcode").must(t, 0)
	for _, r := range []ran{plan, first, second} {
		if strings.Contains(r.stdout+r.stderr, "5e31-"+secret) {
			t.Error("the secret is shown (G36)")
		}
	}

	want := "{\n  \"port\": 8080.5,\n  \"release\": \"1\",\n  \"token\": \"5e31-" + secret + "\"\n}\n"
	if got := on(t, s.server, "cat", s.account.Home+"/settings.json"); got != want {
		t.Errorf("%q", got)
	}
	if got := on(t, s.server, "ls", s.account.Home+"/flags"); !strings.Contains(got, `$(id)`) {
		t.Errorf("%q", got)
	}
	if got := s.box.Run("ls", "/flags"); strings.TrimSpace(got) != "box" {
		t.Errorf("%q", got)
	}
	if got := on(t, s.server, "cat", s.account.Home+"/stamp-a", "/srv/stamp-b"); got != "11" {
		t.Errorf("%q", got)
	}

	// The account and root have kept the large one, which is verified before it runs again.
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if sent, size := end.number("bytes_sent"), int(info.Size()); size < 1<<20 || sent > size+size/2 {
		t.Errorf("%d bytes sent the second time, of a program of %d bytes that only the containers keep no copy of, which get it from root", sent, size)
	}
	kept := strings.Fields(on(t, s.server, "sh", "-c", "ls "+s.account.Home+"/.cache/runner/action-*"))
	if len(kept) != 1 {
		t.Fatalf("kept: %v", kept)
	}
	on(t, s.server, "sh", "-c", "echo '#!/bin/sh\necho damaged' > "+kept[0])
	s.run("plan", "--json", "--detailed-exitcode").must(t, 0)
}

// TestOwnActionsTrips: actions of one's own go in the pipeline with all others: they cost no round trip.
func TestOwnActionsTrips(t *testing.T) {
	s := newReached(t, bed.ServerOptions{Machine: true})
	s.own()
	s.write("site.hcl", `job "one" {
  hosts = [host.machine]
  task "flag" "many" {
    for_each  = toset([for i in range(20) : "f${i}"])
    name      = each.key
    directory = "`+s.account.Home+`/flags"
  }
  task "command" "last" {
    argv = ["/bin/true"]
  }
}`)
	s.run("apply", "--json", "--auto-approve").must(t, 0) // the agent is cached from now on
	if got := s.run("apply", "--json", "--auto-approve").must(t, 0).last(t, "run_end").number("round_trips"); got != 3 {
		t.Errorf("%d round trips, want 3", got)
	}
}
