package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/fxamacker/cbor/v2"

	"runner/planner/planfile"
)

// unpacked is everything that a plan file holds, each part as it was before it was packed.
func unpacked(t *testing.T, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	from, err := planfile.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	out, err := cbor.Marshal(from.File)
	if err != nil {
		t.Fatal(err)
	}
	if err := from.Events(func(e []byte) error {
		out = append(out, e...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, n := range from.File.Site.Nodes {
		if !n.Read || n.Digest == (planfile.Digest{}) {
			continue
		}
		blob, err := from.Blob(n.Digest)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(blob)
		blob.Close()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, content...)
	}
	return out
}

// TestG36PlanFile: whatever way a secret takes, it is in no part of a plan file, nor is what was computed from it.
func TestG36PlanFile(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(filepath.Join(filepath.Dir(w.site), "values.vars.hcl"), []byte("filed = \"s3cret-filed\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(w.site), "x.tftpl"), []byte("visible-template ${secret}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.write(t, strings.ReplaceAll(`
variable "given" {
  type      = string
  sensitive = true
}
variable "filed" {
  type      = string
  sensitive = true
}
variable "byenv" {
  type      = object({ password = string, pin = number })
  sensitive = true
}
variable "default" {
  type      = string
  sensitive = true
  default   = "s3cret-default"
}
variable "unused" {
  sensitive = true
  default   = "s3cret-unused"
}
variable "plain" { default = "visible-plain" }
locals {
  token = sensitive(env("TOKEN"))
  hash  = bcrypt(var.given, 4)
}
host "h" {
  hop "local" {}
  vars = { password = var.given, shown = "visible-vars" }
}
job "j" {
  hosts = host.h
  task "file" "a" {
    path    = "DIR/a"
    content = templatefile("x.tftpl", { secret = "${var.given} ${var.filed} ${var.default} ${local.hash}" })
  }
  task "file" "b" {
    path    = "DIR/b"
    content = "${base64encode(var.given)} ${sha256(var.given)} ${var.byenv.password} ${var.byenv.pin} ${local.token} ${self.vars.password}"
  }
  task "command" "c" {
    argv        = ["sh", "-c", "echo $X"]
    environment = { X = var.given }
    changes     = false
  }
  task "file" "d" {
    path    = "DIR/d"
    content = task.command.c.stdout
  }
}
output "o" {
  value     = "${var.given} ${job.j.task.command.c.h.stdout}"
  sensitive = true
}
`, "DIR", w.dir))
	t.Setenv("TOKEN", "s3cret-token")
	t.Setenv("RUNNER_VAR_byenv", `{ password = "s3cret-env", pin = 987654321 }`)
	plan := w.site + ".plan"
	args := []string{"--var", `given=s3cret<"given">`, "--var-file", filepath.Join(filepath.Dir(w.site), "values.vars.hcl")}
	if code, out := w.run(t, append([]string{"plan", "--out", plan}, append(args, w.site)...)...); code != 0 {
		t.Fatalf("plan ended with %d: %s", code, out)
	}
	all := unpacked(t, plan)
	for _, shown := range []string{"visible-template", "visible-plain", "visible-vars", "templatefile"} {
		if !bytes.Contains(all, []byte(shown)) {
			t.Errorf("%s is not found: this test would find no secret either", shown)
		}
	}
	sum := sha256.Sum256([]byte(`s3cret<"given">`))
	for _, secret := range []string{"s3cret", "987654321", "czNjcmV0", fmt.Sprintf("%x", sum), "$2a$04$"} {
		if at := bytes.Index(all, []byte(secret)); at >= 0 {
			t.Errorf("%q is in the plan file: %q", secret, all[max(0, at-60):min(len(all), at+60)])
		}
	}
	code, out := w.run(t, append([]string{"apply", "--json"}, append(args, "--var", "default=s3cret-default", "--var", "unused=x", plan)...)...)
	if code != 0 {
		t.Fatalf("apply ended with %d: %s", code, out)
	}
	if content, err := os.ReadFile(filepath.Join(w.dir, "b")); err != nil || !strings.Contains(string(content), "s3cret-env 987654321 s3cret-token") {
		t.Errorf("%q, %v", content, err)
	}
}

// TestG36PlanFileRefused: what is sensitive where it stands in the site is in no plan file in clear, evaluated or not; a
// sealed one has it behind its key only.
func TestG36PlanFileRefused(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, task := range map[string]string{
		"text":                  `content = sensitive("s3cret-text")`,
		"not reached":           "content = sensitive(\"s3cret-text\")\n    when = false",
		"computed":              `content = sensitive(upper("s3cret-text"))`,
		"number":                `content = sensitive(98231764)`,
		"in parts":              `content = sensitive("s3cret-${path.module}")`,
		"file":                  `content = sensitive(file("s3cret.txt"))`,
		"file in another form":  `content = sensitive(base64decode(file("s3cret.b64")))`,
		"of a sensitive task":   "content = \"s3cret-text\"\n    sensitive = true",
		"source":                "source = \"s3cret.txt\"\n    sensitive = true",
		"source, not notified":  "content = \"x\"\n  }\n  handler \"file\" \"h\" {\n    path = \"DIR/h\"\n    source = \"s3cret.txt\"\n    sensitive = true",
		"standard input":        "content = \"x\"\n  }\n  task \"command\" \"c\" {\n    argv = [\"cat\"]\n    stdin = \"s3cret-text\"\n    sensitive = true",
		"default of a role":     "content = \"x\"\n  }\n  role \"r\" {\n    source = \"./r\"",
		"value of a role":       "content = \"x\"\n  }\n  role \"r\" {\n    source = \"./r\"\n    password = \"s3cret-text\"",
		"environment of a task": "content = \"x\"\n  }\n  task \"command\" \"c\" {\n    argv = [\"true\"]\n    environment = { P = sensitive(\"s3cret-text\") }",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			root := filepath.Dir(w.site)
			if err := os.Mkdir(filepath.Join(root, "r"), 0o700); err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{
				"s3cret.txt": "s3cret-file", "s3cret.b64": "czNjcmV0LWZpbGU=",
				"r/r.hcl": "variable \"password\" {\n  sensitive = true\n  default = \"s3cret-role\"\n}\ntask \"file\" \"r\" {\n  path = \"" + w.dir + "/r\"\n  content = var.password\n}\n",
			} {
				if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			w.write(t, strings.ReplaceAll("job \"j\" {\n  hosts = host.localhost\n  task \"file\" \"a\" {\n    path = \"DIR/a\"\n    "+task+"\n  }\n}\n", "DIR", w.dir))
			plan := w.site + ".plan"
			if code, out := w.run(t, "plan", "--out", plan, w.site); code != 1 {
				t.Errorf("plan ended with %d: %s", code, out)
			}
			if _, err := os.Stat(plan); err == nil {
				t.Error("the plan was saved")
			}
			if code, out := w.run(t, "plan", "--out", plan, "--seal-to", key.Recipient().String(), w.site); code != 0 {
				t.Fatalf("plan ended with %d: %s", code, out)
			}
			all := unpacked(t, plan)
			for _, secret := range []string{"s3cret-text", "s3cret-file", "s3cret-role", "98231764", "czNjcmV0"} {
				if bytes.Contains(all, []byte(secret)) {
					t.Errorf("%s is in clear in the sealed file", secret)
				}
			}
			id := filepath.Join(root, "key.txt")
			if err := os.WriteFile(id, []byte(key.String()+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if code, out := w.run(t, "apply", plan); code != 1 {
				t.Errorf("without a key apply ended with %d: %s", code, out)
			}
			if code, out := w.run(t, "apply", "--identity", id, plan); code != 0 {
				t.Errorf("apply ended with %d: %s", code, out)
			}
		})
	}
}
