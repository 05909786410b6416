// Package examples_test runs the examples, as a person would, against real machines where they need some.
package examples_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"runner/agent/action/actiontest"
	"runner/agent/action/catalog"
	"runner/cmd/testbed/bed"
)

// binary is the runner, built with agents inside by TestMain.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "runner-built-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "runner")
	for _, argv := range [][]string{{"go", "run", "./cmd/embed-agents"}, {"go", "build", "-o", binary, "./cmd/runner"}} {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = ".."
		if out, err := cmd.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("%v: %v\n%s", argv, err, out))
		}
	}
	m.Run()
}

// run runs a command and returns its output and exit code.
func run(t *testing.T, env []string, argv ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), append(env, "NO_COLOR=1", "SSH_AUTH_SOCK=")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatalf("cannot run %v: %v", argv, err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// TestG28Quickstart runs the demo: what it applies is there, a second time nothing is left to do, what was changed by
// hand is shown and repaired, and its directory is gone at the end.
func TestG28Quickstart(t *testing.T) {
	temp := t.TempDir()
	for dir := temp; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { // root's demo runs as nobody
			t.Fatal(err)
		}
	}
	out, code := run(t, []string{"TMPDIR=" + temp}, "./demo.sh", binary)
	if code != 0 {
		t.Fatalf("the demo ends with %d:\n%s", code, out)
	}
	for _, want := range []string{"Plan: 5 to create", "Nothing to change", "-broken", "pages   = { localhost = 3 }"} {
		if !strings.Contains(out, want) {
			t.Errorf("the demo does not show %q:\n%s", want, out)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("the demo leaves %v behind (%v)", left, err)
	}
}

// published is what examples of actions find where they say, as scripts that make it.
var published = map[string]string{
	"download": "echo 1.4.2 >/tmp/runner-example-version",
	"extract": `cd /tmp && mkdir -p runner-example-shop/bin && echo shop >runner-example-shop/bin/shop && echo port=80 >runner-example-shop/shop.conf
		tar -czf runner-example-shop.tar.gz runner-example-shop`,
	"remove": "mkdir -p /tmp/runner-example-remains && echo old >/tmp/runner-example-remains/file",
	"git": `git init --quiet --bare /tmp/runner-example-repository && cd /tmp/runner-example-repository
		export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.net GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.net
		git update-ref refs/heads/main $(git commit-tree -m first $(git mktree </dev/null))`,
}

// elsewhere lists the actions whose examples are only checked: they would restart this machine, install what stays on it, or need
// servers with made-up names.
func elsewhere() []string { return []string{"package", "reboot", "repository", "wait"} }

// needsSystem lists the actions whose examples change a whole system: they get one of their own, in a container with systemd.
func needsSystem() []string { return []string{"service", "unit"} }

// TestG28ActionExamples applies the examples of the actions, as the reference prints them, to this machine or to a container: a
// second time nothing is left to do.
func TestG28ActionExamples(t *testing.T) {
	remove := func() {
		left, _ := filepath.Glob("/tmp/runner-example*") // where the examples say
		for _, path := range left {
			if err := os.RemoveAll(path); err != nil {
				t.Error(err)
			}
		}
	}
	remove()
	t.Cleanup(remove)
	for name, schema := range catalog.Schemas() {
		t.Run(name, func(t *testing.T) {
			site := filepath.Join(t.TempDir(), "site.hcl")
			host, on := "", "host.localhost"
			if slices.Contains(needsSystem(), name) {
				box := bed.New(t, "linux", "root", "docker").Container(bed.BoxOptions{Systemd: true})
				host, on = fmt.Sprintf("host \"box\" {\n  hop \"docker\" {\n    container = %q\n  }\n}\n\n", box.Name), "host.box"
			}
			write(t, site, host+"job \"example\" {\n  hosts = ["+on+"]\n"+schema.Example+"\n}\n")
			if beside := schema.Beside; beside[0] != "" {
				write(t, filepath.Join(filepath.Dir(site), beside[0]), beside[1])
			}
			if prepare := published[name]; prepare != "" {
				if out, code := run(t, nil, "/bin/sh", "-ec", prepare); code != 0 {
					t.Fatalf("cannot prepare the example: %s", out)
				}
			}
			type step struct {
				code int
				args []string
			}
			steps := []step{
				{2, []string{"plan", "--detailed-exitcode"}},
				{0, []string{"apply", "--auto-approve", "--lock-timeout", "2m"}}, // other tests use this machine too
				{0, []string{"plan", "--detailed-exitcode"}},
			}
			if slices.Contains(elsewhere(), name) {
				steps = []step{{0, []string{"validate"}}}
			}
			if slices.Contains(alters, name) {
				everyStep(t, site)
				return
			}
			for _, step := range steps {
				argv := append(append([]string{binary}, step.args...), site)
				if out, code := run(t, nil, argv...); code != step.code {
					t.Fatalf("%v ends with %d, not %d:\n%s", step.args, code, step.code, out)
				}
			}
		})
	}
}

// alters are the actions whose examples alter the system itself: they get one of their own.
var alters = []string{"group", "user", "authorized_key", "cron", "hostname", "timezone", "sysctl", "mount"}

// everyStep plans, applies and plans an example in namespaces, where the user of the examples has an account.
func everyStep(t *testing.T, site string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const script = `useradd -m publisher
"$0" plan --detailed-exitcode "$1"; test $? = 2 || exit 1
"$0" apply --auto-approve --lock-timeout 2m "$1" || exit 1
exec "$0" plan --detailed-exitcode "$1"`
	if out, code := run(t, nil, actiontest.Namespaces(t.TempDir(), "sh", "-c", script, binary, site)...); code != 0 {
		t.Fatal(out)
	}
}

// TestG28OwnActions runs the example of actions of one's own: what is shown is done, the second time nothing, and no secret is shown.
func TestG28OwnActions(t *testing.T) {
	bed.Need(t, "python3")
	dir := t.TempDir()
	runner := func(want int, args ...string) string {
		t.Helper()
		out, code := run(t, nil, append(append([]string{binary}, args...), "--var", "directory="+dir+"/flags", "own-actions")...)
		if code != want {
			t.Fatalf("%v ends with %d, not %d:\n%s", args, code, want, out)
		}
		if strings.Contains(out, "not much of a secret") { // G36
			t.Errorf("%v shows the secret:\n%s", args, out)
		}
		return out
	}
	runner(0, "validate")
	if out := runner(2, "plan", "--detailed-exitcode"); !strings.Contains(out, `+ flag "maintenance"`) {
		t.Errorf("the plan does not show what is made:\n%s", out)
	}
	if _, err := os.Stat(dir + "/flags"); err == nil {
		t.Error("the plan makes the directory")
	}
	runner(0, "apply", "--auto-approve", "--lock-timeout", "2m")
	if content, err := os.ReadFile(dir + "/flags/settings.json"); err != nil || !strings.Contains(string(content), `"port": 8080`) {
		t.Errorf("%q, %v", content, err)
	}
	runner(0, "plan", "--detailed-exitcode")
	write(t, dir+"/flags/settings.json", "{\"port\": 1}\n")
	if out := runner(2, "plan", "--detailed-exitcode"); !strings.Contains(out, `+  "port": 8080`) {
		t.Errorf("the plan does not show what was altered:\n%s", out)
	}
	write(t, dir+"/flags/settings.json", "nothing\n")
	if out := runner(3, "apply", "--auto-approve", "--lock-timeout", "2m"); !strings.Contains(out, "is not JSON: Expecting value") {
		t.Errorf("why it fails is not said:\n%s", out)
	}
}

// TestG40Web checks the web server, which cmd/bench sets up on a fresh Debian (-section role), twice, beside Ansible: that takes
// too long for a test.
func TestG40Web(t *testing.T) {
	for _, args := range [][]string{{"fmt", "--check"}, {"validate"}, {"plan", "--offline"}} {
		if out, code := run(t, nil, append(append([]string{binary}, args...), "web")...); code != 0 {
			t.Errorf("%v ends with %d:\n%s", args, code, out)
		}
	}
}

// TestG2Chain runs the chain with two machines and a container of the first: a second run changes nothing, a file that
// was altered by hand is shown and repaired.
func TestG2Chain(t *testing.T) {
	b := bed.New(t, "linux", "root", "sshd", "sudo", "docker", "unshare")
	account := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoAsking, bed.SudoNever}})
	machines := []*bed.Server{b.SSHD(bed.ServerOptions{Machine: true}), b.SSHD(bed.ServerOptions{Machine: true})}
	container := b.Container(bed.BoxOptions{Scratch: true})

	dir := t.TempDir()
	var config strings.Builder
	for _, m := range machines {
		fmt.Fprintf(&config, "Host %s\n  Port %d\n  IdentityFile %s\n  UserKnownHostsFile %s\n", m.Address, m.Port, b.Key(), m.KnownHosts)
	}
	write(t, filepath.Join(dir, "ssh_config"), config.String())
	write(t, filepath.Join(dir, "mine.vars.hcl"), fmt.Sprintf("machines = { a = %q, b = %q }\nuser = %q\ncontainer = %q\nssh_config = %q\n",
		machines[0].Address, machines[1].Address, account.Name, container.Name, filepath.Join(dir, "ssh_config")))

	env := []string{"HOME=" + dir, "RUNNER_VAR_sudo_password=" + account.Password}
	runner := func(want int, args ...string) string {
		t.Helper()
		argv := append([]string{binary}, args...)
		out, code := run(t, env, append(argv, "--var-file", filepath.Join(dir, "mine.vars.hcl"), "chain")...)
		if code != want {
			t.Fatalf("%v ends with %d, not %d:\n%s", args, code, want, out)
		}
		if strings.Contains(out, account.Password) { // G36
			t.Errorf("%v shows the password", args)
		}
		return out
	}

	if out := runner(0, "plan", "--offline"); !strings.Contains(out, "docker "+container.Name) {
		t.Errorf("the plan does not show the chain:\n%s", out)
	}
	runner(2, "plan", "--detailed-exitcode")
	runner(0, "apply", "--auto-approve")
	runner(0, "plan", "--detailed-exitcode")

	file := filepath.Join(fmt.Sprintf("/proc/%d/root", machines[0].Inside(t)), "srv/site/f7.conf")
	write(t, file, "altered\n")
	if out := runner(2, "plan", "--detailed-exitcode"); !strings.Contains(out, "-altered") || !strings.Contains(out, "+worker = 7") {
		t.Errorf("the plan does not show what was altered:\n%s", out)
	}
	runner(0, "apply", "--auto-approve")
	runner(0, "plan", "--detailed-exitcode")
	if content, err := os.ReadFile(file); err != nil || !strings.Contains(string(content), "worker = 7") {
		t.Errorf("the file is not repaired: %q %v", content, err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
