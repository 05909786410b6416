package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runner/cmd/testbed/bed"
)

// elsewhere runs the binary in an empty directory, with what is given and nothing of the site.
func (s *site) elsewhere(args ...string) ran {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, patient(args)...)
	cmd.Dir = s.t.TempDir()
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "HOME="+s.path, "SSH_AUTH_SOCK=")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	r := ran{code: cmd.ProcessState.ExitCode(), stdout: out.String(), stderr: errs.String()}
	r.parse()
	return r
}

// saved plans the site into a file elsewhere.
func (s *site) saved() string {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "site.plan")
	s.run("plan", "--json", "--out", file).must(s.t, 0)
	return file
}

// TestG33SavedChain: a plan for two machines and a container, through ssh, sudo and docker, is applied without the site, with
// the password given again; it does what it says, and nothing is left to do.
func TestG33SavedChain(t *testing.T) {
	s, _, _ := newMainSite(t)
	file := s.saved()
	password := strings.TrimPrefix(s.vars[0], "sudo_password=")
	content, err := os.ReadFile(file)
	if err != nil || bytes.Contains(content, []byte(password)) {
		t.Errorf("the plan file of %d bytes has the password in it: %v", len(content), err)
	}
	for _, name := range []string{"site.hcl", "site.tftpl"} {
		if err := os.Rename(filepath.Join(s.path, name), filepath.Join(s.path, name+".kept")); err != nil {
			t.Fatal(err)
		}
	}
	planned := map[string]string{}
	for _, e := range s.elsewhere("show", "--json", file).must(t, 0).of("planned_change") {
		planned[e.text("host")+" "+e.text("address")] = e.text("action")
	}
	s.elsewhere("apply", "--json", file).must(t, 1)
	r := s.elsewhere("apply", "--json", "--var", s.vars[0], file).must(t, 0)
	ends := r.of("task_end")
	if len(ends) != len(planned) || len(ends) == 0 {
		t.Errorf("%d tasks ended, %d were planned", len(ends), len(planned))
	}
	for _, e := range ends {
		want := map[string]string{"create": "changed", "run": "changed", "read": "ok", "none": "ok", "skip": "skipped"}[planned[e.text("host")+" "+e.text("address")]]
		if e.text("status") != want {
			t.Errorf("%s on %s: %s, planned %s", e.text("address"), e.text("host"), e.text("status"), planned[e.text("host")+" "+e.text("address")])
		}
	}
	for _, name := range []string{"site.hcl", "site.tftpl"} {
		if err := os.Rename(filepath.Join(s.path, name+".kept"), filepath.Join(s.path, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.run("plan", "--json", "--detailed-exitcode").must(t, 0)
	s.CheckLeaks()
}

// TestG34AnotherMachine: a plan is not applied to a machine with another host key, nor to another container of the same name.
func TestG34AnotherMachine(t *testing.T) {
	s, a, box := newMainSite(t)
	file := s.saved()
	a.Stop()
	s.SSHD(bed.ServerOptions{Machine: true, Address: a.Address, Port: a.Port}) // known, with a new key
	r := s.elsewhere("apply", "--json", "--var", s.vars[0], file).must(t, 5)
	about := map[string]string{}
	for _, e := range r.of("diagnostic") {
		about[e.text("host")] += e.text("code") + " " + e.text("detail") + "\n"
	}
	if !strings.Contains(about[`web["a"]`], "stale This is another machine") || !strings.Contains(about[`web["a"]`], "SHA256:") || about[`web["b"]`] != "" {
		t.Errorf("it says %v", about)
	}
	if len(r.of("task_start")) > 0 {
		t.Error("something was done")
	}

	file = s.saved()
	s.Recreate(box)
	r = s.elsewhere("apply", "--json", "--var", s.vars[0], file).must(t, 5)
	if e := r.last(t, "diagnostic"); e.text("host") != "app" || !strings.Contains(e.text("detail"), "The plan was made for the container ") {
		t.Errorf("it says %v", e)
	}
	s.CheckLeaks()
}

// TestG34Unreachable: where a host of a plan cannot be reached any more nothing is changed anywhere, unless that is asked for.
func TestG34Unreachable(t *testing.T) {
	s, a, _ := newMainSite(t)
	file := s.saved()
	a.Stop()
	r := s.elsewhere("apply", "--json", "--var", s.vars[0], file).must(t, 4)
	if len(r.of("task_start")) > 0 || r.last(t, "run_end").text("status") != "unreachable" {
		t.Errorf("%d tasks started, %v", len(r.of("task_start")), r.last(t, "run_end"))
	}
	r = s.elsewhere("apply", "--json", "--allow-partial", "--var", s.vars[0], file).must(t, 4)
	done := 0
	for _, e := range r.of("task_end") {
		switch there := e.text("host") == `web["b"]`; {
		case there && e.text("status") == "changed":
			done++
		case !there && e.text("status") != "unreachable":
			t.Errorf("%v", e)
		}
	}
	if done < 20 {
		t.Errorf("%d tasks have changed something where it can be reached", done)
	}
	s.CheckLeaks()
}

// TestPlanOfWhatIsMade: a plan looks ahead to the users and containers that its own tasks make, here and on another host of
// the site, and apply of it reaches them.
func TestPlanOfWhatIsMade(t *testing.T) {
	s := newSite(t, "root", "sudo", "docker")
	box := s.Container(bed.BoxOptions{})
	user := s.Account(bed.AccountOptions{}).Name
	s.write("site.hcl", fmt.Sprintf(`
host "made" {
  hop "local" {}
  hop "docker" { container = "%[1]s-2" }
}
job "first" {
  hosts = host.localhost
  task "command" "run" { argv = ["docker", "rename", "%[1]s", "%[1]s-2"] }
  task "command" "rename" { argv = ["usermod", "--login", "%[2]s2", "%[2]s"] }
  task "command" "as" {
    argv    = ["id", "-un"]
    run_as  = "%[2]s2"
    changes = false
  }
}
job "second" {
  hosts      = host.made
  depends_on = [job.first]
  task "file" "f" {
    path    = "/f"
    content = "on ${self.facts.arch}\n"
  }
}
output "who" { value = job.first.task.command.as["localhost"].stdout }
`, box.Name, user))
	t.Cleanup(func() {
		for _, argv := range [][]string{{"docker", "rename", box.Name + "-2", box.Name}, {"usermod", "--login", user, user + "2"}} {
			if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v %s", argv, err, out)
			}
		}
	})
	file := filepath.Join(t.TempDir(), "site.plan")
	r := s.run("plan", "--json", "--out", file).must(t, 0)
	if len(r.of("diagnostic")) > 0 {
		t.Errorf("%v", r.of("diagnostic"))
	}
	for _, e := range r.of("planned_change") {
		if e.text("address") == "job.second.task.file.f" && (e.text("action") != "update" || !strings.Contains(e.text("reason"), "task.command.")) {
			t.Errorf("%v", e)
		}
	}
	r = s.elsewhere("apply", "--json", file).must(t, 0)
	if got := r.last(t, "run_end")["outputs"].(map[string]any)["who"]; got != user+"2" {
		t.Errorf("it ran as %v", got)
	}
	box.Name += "-2"
	got := box.Run("cat", "/f")
	box.Name = strings.TrimSuffix(box.Name, "-2")
	if !strings.HasPrefix(got, "on ") {
		t.Errorf("%q", got)
	}
}
