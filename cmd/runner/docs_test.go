package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	environ := append(os.Environ(), "HOME="+dir, "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	id := failedRun(t, dir, environ)
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
				cmd := exec.CommandContext(t.Context(), "bash", "-c", "set -e -o pipefail\n"+runnable(documentedRun.ReplaceAllString(command, id), dir))
				cmd.Dir, cmd.Env = dir, environ
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

// documentedRun is the run that the documentation shows and goes on with.
var documentedRun = regexp.MustCompile(`(20261129T101500Z-)?3f2a9c41`)

// failedRun leaves a run that can be gone on with, and returns its id.
func failedRun(t *testing.T, dir string, environ []string) string {
	t.Helper()
	site := filepath.Join(dir, "other", "failing.hcl")
	write(t, site, "job \"j\" {\n  hosts = host.localhost\n  task \"command\" \"c\" {\n    argv = [\"test\", \"-e\", \"mended\"]\n  }\n}\n", 0o600)
	run := func(args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), "runner", args...)
		cmd.Dir, cmd.Env = dir, environ
		out, _ := cmd.Output() // what it says is looked at
		return out
	}
	run("apply", "--auto-approve", site)
	write(t, filepath.Join(dir, "other", "mended"), "", 0o600)
	var entry struct{ Run, Status string }
	if err := json.Unmarshal(run("history", "--json"), &entry); err != nil || entry.Status != "failed" {
		t.Fatalf("%+v, %v", entry, err)
	}
	return entry.Run
}

// TestG40Events compares the events of --json with the table of them, and the first one with the one that is shown.
func TestG40Events(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "site.hcl"), documentedSite+"\noutput \"release\" { value = var.release }\n", 0o600)
	write(t, filepath.Join(dir, "wrong.hcl"), "hots \"web\" {}\n", 0o600)
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(text), "```json\n")
	shown, _, _ = strings.Cut(shown, "```")
	documented := map[string]string{"version": shown}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		documented[row[1]] = strings.ReplaceAll(row[2], "`", `"`)
	}
	seen := map[string]bool{}
	for _, args := range []string{"plan --json site.hcl", "apply --auto-approve --json -v site.hcl", "exec --json --site site.hcl web* -- echo hello", "validate --json wrong.hcl"} {
		cmd := exec.CommandContext(t.Context(), "runner", strings.Fields(args)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir)
		out, _ := cmd.Output() // the last one fails
		for line := range strings.Lines(string(out)) {
			var event map[string]any
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				t.Fatalf("%s prints %q: %v", args, line, err)
			}
			kind, _ := event["type"].(string)
			seen[kind] = true
			for field := range event {
				if field != "type" && field != "time" && !strings.Contains(documented[kind], `"`+field+`"`) {
					t.Errorf("the reference does not have %s of %s", field, kind)
				}
			}
		}
	}
	for _, kind := range []string{"version", "diagnostic", "run_start", "connection", "planned_change", "plan_summary", "task_start", "output", "task_end", "host_end", "run_end"} {
		if !seen[kind] || documented[kind] == "" {
			t.Errorf("%s: printed %v, documented %v", kind, seen[kind], documented[kind] != "")
		}
	}
}

// runnable is a command as a test can run it: the shells that a completion is for need not be here, and what is copied to
// /tmp on a host goes to a directory.
func runnable(command, dir string) string {
	if strings.Contains(command, "runner apply") && !strings.Contains(command, "--auto-approve") {
		command = strings.Replace(command, "apply", "apply --auto-approve", 1)
	}
	return strings.NewReplacer("source <(", "(", "| source", "", "prod.hcl", "other/prod.hcl", ":/tmp/", ":"+dir+"/other/").Replace(command)
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
