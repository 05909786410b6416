package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"runner/cmd/testbed/bed"
)

// mainSite is the job that the project is about: two machines behind ssh and sudo, and a container of the first one.
const mainSite = `
variable "sudo_password" {
  type      = string
  sensitive = true
  default   = null
}

chain "admin" {
  hop "ssh" {
    user        = "%[1]s"
    keys        = ["%[2]s"]
    known_hosts = self.vars.known_hosts
    port        = self.vars.ssh_port
    config      = false
    agent       = false
  }
  hop "sudo" {
    user     = "root"
    password = var.sudo_password
  }
}

host "web" {
  for_each = { a = %[3]s, b = %[4]s }
  address  = each.value.address
  chain    = chain.admin
  vars     = { port = 8080, ssh_port = each.value.port, known_hosts = each.value.known_hosts }
}

host "app" {
  via = host.web["a"]
  hop "docker" { container = "%[5]s" }
}

job "site" {
  hosts = concat(values(host.web), [host.app])
  task "directory" "site" { path = "/srv/site" }
  task "file" "conf" {
    for_each = { for i in range(20) : "f${i}" => i }
    path     = "/srv/site/${each.key}.conf"
    content  = templatefile("site.tftpl", { n = each.value, host = self.name, arch = self.facts.arch })
    mode     = "0640"
  }
  task "command" "who" {
    argv    = ["/bin/id", "-un"]
    changes = false
    when    = self.name != "app"
  }
  task "shell" "stamp" {
    script  = "echo ${task.command.who.stdout} > /srv/site/who"
    creates = "/srv/site/who"
    when    = self.name != "app"
  }
}
`

// newMainSite makes the machines, the container and the site.
func newMainSite(t *testing.T) (s *site, a *bed.Server, box *bed.Box) {
	s = newSite(t, "root", "sshd", "sudo", "docker")
	account := s.Account(bed.AccountOptions{Sudoers: []string{bed.SudoAsking, bed.SudoNever}})
	box = s.Container(bed.BoxOptions{Scratch: true})
	a = s.SSHD(bed.ServerOptions{Machine: true})
	b := s.SSHD(bed.ServerOptions{Machine: true})
	s.write("site.hcl", fmt.Sprintf(mainSite, account.Name, s.Key(), machine(a), machine(b), box.Name))
	s.write("site.tftpl", "${host} ${n} ${arch}\n")
	s.vars = []string{"sudo_password=" + account.Password}
	return s, a, box
}

func machine(s *bed.Server) string {
	return fmt.Sprintf(`{ address = %q, port = %d, known_hosts = [%q] }`, s.Address, s.Port, s.KnownHosts)
}

// on runs a program as root inside a machine.
func on(t *testing.T, s *bed.Server, argv ...string) string {
	t.Helper()
	args := append([]string{"--target", fmt.Sprint(s.Inside(t)), "--mount", "--pid", "--"}, argv...)
	out, err := exec.Command("nsenter", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("cannot run %v: %v\n%s", argv, err, out)
	}
	return string(out)
}

// TestMainJob: the first run changes, the second changes nothing, what was altered by hand is shown and repaired.
// G1 G2 G3 G6 G19 G28 G33 G36.
func TestMainJob(t *testing.T) {
	s, a, box := newMainSite(t)

	plan := s.run("plan", "--json", "--detailed-exitcode").must(t, 2)
	summary := plan.last(t, "plan_summary")
	if got := summary.number("create"); got != 63 {
		t.Errorf("the plan creates %d things, want 3 directories and 60 files", got)
	}
	if got := strings.TrimSpace(on(t, a, "ls", "-A", "/srv")); got != "" {
		t.Errorf("the plan left %q in /srv (G33)", got)
	}
	if got := box.Run("ls", "/"); strings.Contains(got, "srv") {
		t.Errorf("the plan changed the container: %s", got)
	}

	first := s.run("apply", "--json", "--auto-approve").must(t, 0)
	if got := first.last(t, "run_end").number("changed"); got != 65 {
		t.Errorf("the first run changed %d, want 3 directories, 60 files and 2 stamps", got)
	}
	if got := on(t, a, "cat", "/srv/site/who"); got != "root\n" {
		t.Errorf("who is %q, want root", got)
	}
	if got := box.Run("cat", "/srv/site/f3.conf"); got != "app 3 x86_64" {
		t.Errorf("the container's file is %q", got)
	}

	second := s.run("apply", "--json", "--auto-approve").must(t, 0)
	if got := second.last(t, "run_end").number("changed"); got != 0 {
		t.Errorf("the second run changed %d, want 0 (G28)", got)
	}
	s.run("plan", "--json", "--detailed-exitcode").must(t, 0)

	on(t, a, "sh", "-c", "echo altered by hand > /srv/site/f7.conf")
	drift := s.run("plan", "--detailed-exitcode").must(t, 2)
	for _, want := range []string{"-altered by hand", "+web[\"a\"] 7 x86_64", "1 to update"} {
		if !strings.Contains(drift.stdout, want) {
			t.Errorf("the plan does not show %q:\n%s", want, drift.stdout)
		}
	}
	repaired := s.run("apply", "--json", "--auto-approve").must(t, 0)
	if got := repaired.last(t, "run_end").number("changed"); got != 1 {
		t.Errorf("the repair changed %d, want 1", got)
	}
	s.run("plan", "--json", "--detailed-exitcode").must(t, 0)
}
