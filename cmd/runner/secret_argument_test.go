package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestG36ByArgument: of a task with a sensitive argument all is shown but that and what could tell of it, in a plan, a plan file, a
// run and its record; and while the task runs, no process has the secret on its command line or in its environment.
func TestG36ByArgument(t *testing.T) {
	w := newWorld(t)
	values := filepath.Join(filepath.Dir(w.site), "x.vars.hcl")
	hash := "$6$" + strings.Repeat("s3cret", 2) + "$" + strings.Repeat("s3cret..", 10) + "s3cret"
	if err := os.WriteFile(values, []byte("secret = \"s3cret-given\"\nhash = \""+hash+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.write(t, strings.ReplaceAll(`
variable "secret" {
  type      = string
  sensitive = true
}
variable "hash" {
  type      = string
  sensitive = true
}
variable "again" { default = "0640" }
variable "user" { default = false }
job "j" {
  hosts       = host.localhost
  environment = { TOKEN = sensitive(upper(var.secret)) }
  task "user" "new" {
    name     = "runner-test-nobody"
    groups   = ["visible-group"]
    shell    = "/bin/sh"
    password = var.hash
    when     = var.user
  }
  task "file" "whole" {
    path    = "DIR/whole"
    mode    = var.again
    content = "visible-no-more\npassword = ${var.secret}\n"
  }
  task "file" "plain" {
    path    = "DIR/plain"
    content = "visible-content\n"
  }
  task "ini" "value" {
    path   = "DIR/ini"
    key    = "visible-key"
    value  = var.secret
    create = true
  }
  task "command" "processes" {
    argv  = ["sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n' >DIR/processes; cat; exit 3"]
    stdin = var.secret
    ok_exit_codes = [3]
  }
  task "command" "fails" {
    argv       = ["sh", "-c", "cat >&2; exit 7"]
    stdin      = var.secret
    on_failure = "continue"
  }
  task "shell" "hidden" {
    script     = "echo ${var.secret} >&2; exit 8"
    on_failure = "continue"
  }
  task "file" "digest" {
    path    = "DIR/digest"
    content = "${task.file.whole.sha256} ${task.command.processes.stdout}"
  }
  task "file" "mode" {
    path    = "DIR/mode"
    content = "visible-${task.file.whole.mode}-${task.command.processes.exit_code}\n"
  }
}
`, "DIR", w.dir))
	all := map[string][]byte{}
	note := func(name string, args ...string) {
		t.Helper()
		code, out := w.run(t, args...)
		if all[name] = out; code != 0 {
			t.Fatalf("%s ended with %d: %s", name, code, out)
		}
	}
	plan := w.site + ".plan"
	note("plan", "plan", "--out", plan, "--var-file", values, w.site)
	note("plan --json", "plan", "--json", "-v", "--var-file", values, w.site)
	note("plan --offline", "plan", "--offline", "-v", "--var-file", values, "--var", "user=true", w.site)
	note("show", "show", plan)
	all["plan file"] = unpacked(t, plan)
	note("apply of the plan", "apply", "-v", "--var-file", values, plan)
	note("second apply", "apply", "--json", "-v", "--auto-approve", "--var-file", values, "--var", "again=0600", w.site)
	if err := filepath.WalkDir(w.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = content
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(all) < 8 {
		t.Errorf("there is no record: %d texts", len(all))
	}
	digest := sha256.Sum256([]byte("visible-no-more\npassword = s3cret-given\n"))
	for name, text := range all {
		for _, secret := range []string{"s3cret", "S3CRET", "visible-no-more", hex.EncodeToString(digest[:])} {
			if at := bytes.Index(text, []byte(secret)); at >= 0 && (name != "plan file" || secret != "visible-no-more") {
				t.Errorf("%s has %q: %q", name, secret, text[max(0, at-80):min(len(text), at+60)])
			}
		}
	}
	for name, shown := range map[string][]string{
		"plan":              {"whole", `"0640"`, "+visible-content", "(sensitive)", `argv = ["sh"`},
		"plan --json":       {`"mode":"0640"`, `"sha256":"(sensitive)"`, `"diff":"(sensitive)"`, "visible-content"},
		"plan --offline":    {"visible-group", "/bin/sh", "password = (sensitive)", "content = (sensitive)", "visible-key"},
		"apply of the plan": {"sh ended with status 7", "+visible-0640-3"},
		"second apply":      {`"exit_code":3`, `"stdout":"(sensitive)"`, `"mode":"0600"`, "visible-0600-3"},
	} {
		for _, text := range shown {
			if !bytes.Contains(bytes.Join(bytes.Fields(all[name]), []byte(" ")), []byte(text)) {
				t.Errorf("%s does not have %s:\n%s", name, text, all[name])
			}
		}
	}
	if bytes.Contains(all["apply of the plan"], []byte("status 8")) {
		t.Error("a task with a sensitive script says how it ended")
	}
	processes, err := os.ReadFile(filepath.Join(w.dir, "processes"))
	if err != nil || !bytes.Contains(processes, []byte("apply")) || bytes.Contains(processes, []byte("s3cret")) {
		t.Errorf("%v, %q", err, processes)
	}
}
