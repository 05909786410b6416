package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// documentedSite is what the commands of the documentation work on: all its hosts are this machine.
const documentedSite = `
variable "release" { default = "1.4.2" }

host "web" {
  for_each = toset(["a", "b"])
  labels   = { tier = "web" }
  hop "local" {}
}

host "db" {
  labels = { tier = "db" }
  hop "local" {}
}

job "web" {
  hosts = concat(values(host.web), [host.db])
  task "command" "deploy" { argv = ["true", var.release] }
}
`

// TestG40CommandsRun runs every command that the reference and the README show, as a shell does. What is not runner is
// replaced by cat, and where a person would be asked the answer is yes.
func TestG40CommandsRun(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash: ", err)
	}
	dir := t.TempDir()
	for _, name := range []string{"site.hcl", "other/prod.hcl"} {
		write(t, filepath.Join(dir, name), documentedSite, 0o600)
	}
	for _, name := range []string{"uptime", "systemctl", "dot", "df"} {
		write(t, filepath.Join(dir, "bin", name), "#!/bin/sh\nexec cat\n", 0o700)
	}
	ran := 0
	for _, page := range []string{"../../docs/cli.md", "../../README.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			command, ok := strings.CutPrefix(line, "$ ")
			if !ok {
				command, ok = strings.CutPrefix(line, "    ")
				ok = ok && strings.HasPrefix(command, "runner ")
			}
			if !ok || !strings.Contains(command, "runner ") {
				continue
			}
			ran++
			t.Run(strings.TrimSpace(command), func(t *testing.T) {
				cmd := exec.CommandContext(t.Context(), "bash", "-c", "set -e -o pipefail\n"+runnable(command))
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "HOME="+dir, "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
	if ran < 15 {
		t.Errorf("only %d commands", ran)
	}
}

// runnable is a command as a test can run it: the shells that a completion is for need not be here.
func runnable(command string) string {
	if strings.Contains(command, "runner apply") && !strings.Contains(command, "--auto-approve") {
		command = strings.Replace(command, "apply", "apply --auto-approve", 1)
	}
	return strings.NewReplacer("source <(", "(", "| source", "", "prod.hcl", "other/prod.hcl").Replace(command)
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
