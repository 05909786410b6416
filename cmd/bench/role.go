package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"runner/cmd/testbed/bed"
)

const roleHeading = "## A web server\n"

// roleDir has the role and the playbook.
const roleDir = "examples/web"

// roleRepository is what is served, with a name for its release.
const roleRepository = `
set -eu
export GIT_AUTHOR_NAME=shop GIT_AUTHOR_EMAIL=shop@example.net GIT_COMMITTER_NAME=shop GIT_COMMITTER_EMAIL=shop@example.net
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
git init --quiet --initial-branch main "$0/work"
cd "$0/work"
mkdir public cache
echo '<h1>Shop</h1>' >public/index.html
echo nothing >cache/README
echo 'while :; do sleep 60; done' >worker.sh
echo 'date' >report.sh
git add .
git commit --quiet --message shop
git tag v1
git clone --quiet --bare . "$0/shop.git"
`

// roleExceptions are what the two may leave differently: logs and caches, what has the time in it, what each tool keeps for itself, and
// the container's name.
const roleExceptions = `^/(var/log|var/cache|var/lib/systemd|var/lib/apt|tmp|var/tmp|root/\.ansible|root/\.cache)(/|$)|^/srv/shop/app/\.git/|-$|^/var/lib/dpkg/(lock|.*-old|triggers)|^/root/\.ssh/|^/etc/hostname$`

// roleMachine is a fresh Debian with systemd, which has the repository.
type roleMachine struct {
	box     *bed.Box
	address string
	key     string
}

func (b *bench) roleMachine(dir string) (*roleMachine, error) {
	m := &roleMachine{box: b.bed.Container(bed.BoxOptions{Systemd: true})}
	m.key, m.address = b.bed.Admit(m.box), m.box.Reach(22)
	if out, err := exec.Command("docker", "exec", m.box.Name, "mkdir", "-p", "/srv/git").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot prepare a machine: %w: %s", err, out)
	}
	if out, err := exec.Command("docker", "cp", filepath.Join(dir, "shop.git"), m.box.Name+":/srv/git/shop.git").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot prepare a machine: %w: %s", err, out)
	}
	m.box.Run("chown", "-R", "root:root", "/srv/git")
	m.box.Run("touch", "-d", "2 days ago", "/var/lib/apt/lists") // by which Ansible tells how old they are
	return m, nil
}

// tree lists what is on the machine: kind, mode, owner and group, target or digest, by path.
func (m *roleMachine) tree() map[string]string {
	const list = `find / -xdev -printf '%p\t%y %m %u %g %l\n'; echo; find / -xdev -type f -exec sha256sum {} +`
	entries, digests, _ := strings.Cut(m.box.Run("sh", "-c", list), "\n\n")
	out, except := map[string]string{}, regexp.MustCompile(roleExceptions)
	for line := range strings.SplitSeq(entries, "\n") {
		if path, what, ok := strings.Cut(line, "\t"); ok && !except.MatchString(path) {
			out[path] = what
		}
	}
	for line := range strings.SplitSeq(digests, "\n") {
		if digest, path, ok := strings.Cut(line, "  "); ok && out[path] != "" {
			out[path] += digest
		}
	}
	return out
}

// roleWays are the two ways to do it. Each says how many things it has changed.
func (b *bench) roleWays(m *roleMachine, dir string) []contestant {
	config := filepath.Join(dir, "ssh_config")
	prepare := func(port int) error {
		known := fmt.Sprintf("[127.0.0.1]:%d %s\n", port, m.key)
		text := fmt.Sprintf("Host web1.example.net\n  HostName 127.0.0.1\n  Port %d\n  User root\n  IdentityFile %s\n  IdentitiesOnly yes\n  UserKnownHostsFile %s/known_hosts\n", port, b.bed.Key(), dir)
		return errors.Join(os.WriteFile(filepath.Join(dir, "known_hosts"), []byte(known), 0o600), os.WriteFile(config, []byte(text), 0o600),
			os.WriteFile(filepath.Join(dir, "hosts"), []byte("[web]\nweb1.example.net ansible_python_interpreter=/usr/bin/python3\n"), 0o600))
	}
	return []contestant{
		{"runner", func(port int) (*exec.Cmd, error) {
			cmd := exec.Command(b.runner, "apply", "--auto-approve", "--json", "--var", "ssh_config="+config, roleDir)
			cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir)
			return cmd, prepare(port)
		}, 0},
		{"ansible-core", func(port int) (*exec.Cmd, error) {
			b.generation++
			cmd := exec.Command("ansible-playbook", "-i", filepath.Join(dir, "hosts"), filepath.Join(roleDir, "playbook.yml"))
			cmd.Env = append(os.Environ(), "ANSIBLE_NOCOLOR=1", "ANSIBLE_PIPELINING=1", "ANSIBLE_LOCAL_TEMP="+dir, fmt.Sprintf("ANSIBLE_SSH_CONTROL_PATH_DIR=%s/c%d", dir, b.generation),
				"ANSIBLE_SSH_ARGS=-F "+config+" -o ControlMaster=auto -o ControlPersist=60s")
			return cmd, prepare(port)
		}, 0},
	}
}

// changed is how many things a run says to have changed.
func (s sample) changed() string {
	lines := bytes.Split(bytes.TrimSpace(s.stdout), []byte("\n"))
	last := lines[len(lines)-1]
	var end struct {
		Changed *int `json:"changed"`
	}
	if json.Unmarshal(last, &end) == nil && end.Changed != nil {
		return fmt.Sprint(*end.Changed)
	}
	if found := regexp.MustCompile(`changed=(\d+)`).FindSubmatch(last); found != nil {
		return string(found[1])
	}
	return "?"
}

// runRole sets up a web server on a fresh Debian, by both, and compares what is there then.
func runRole(runner, write string, _ int, trips durations) (err error) {
	t := &host{}
	defer t.end(&err)
	b, err := newBench(t, runner, 1)
	if err != nil {
		return err
	}
	dir := filepath.Join(b.bed.Dir(), "role")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if out, err := exec.Command("sh", "-c", roleRepository, dir).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot make the repository: %w: %s", err, out)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n`%s`: packages, a user, a git checkout, a site of nginx, units and a drop-in, a timer, a packet filter, a cron entry and five services, on a fresh Debian with systemd as process 1 of a container, by its ssh server; "+
		"the packages come from an archive in the container. The playbook beside it does the same. Each is run once on a container of its own, and then again; before that runner plans, which also brings the agent there. Turns are changes of direction on the link, with the login.\n\n"+
		"| round-trip time | run | with | wall | × runner | changed | turns | bytes up | bytes down | CPU |\n|---|---|---|---|---|---|---|---|---|---|\n", roleHeading, roleDir)
	differences := ""
	for _, rtt := range trips {
		if rtt > 25*time.Millisecond {
			continue
		}
		var trees []map[string]string
		ours := map[string]time.Duration{}
		for i := range 2 {
			m, err := b.roleMachine(dir)
			if err != nil {
				return err
			}
			way := b.roleWays(m, dir)[i]
			for _, run := range []string{"plan", "first", "second"} {
				if run == "plan" && i > 0 {
					continue // a plan is runner's
				}
				prepare := way.prepare
				if run == "plan" {
					prepare = func(port int) (*exec.Cmd, error) {
						cmd, err := way.prepare(port)
						cmd.Args = slices.Replace(cmd.Args, 1, 3, "plan")
						return cmd, err
					}
				}
				s, err := b.sampleOf(m.address, rtt, prepare)
				if err != nil {
					return err
				}
				if i == 0 {
					ours[run] = s.wall
				}
				if run == "second" && s.changed() != "0" {
					return fmt.Errorf("the second run of %s changes %s things: %s", way.name, s.changed(), s.stdout)
				}
				fmt.Fprintf(&out, "| %v | %s | %s | %.1f s | %.1f | %s | %d | %d | %d | %.1f s |\n", rtt, run, way.name, s.wall.Seconds(), float64(s.wall)/float64(ours[run]), s.changed(), s.turns, s.up, s.down, s.cpu.Seconds())
			}
			trees = append(trees, m.tree())
		}
		if differences == "" {
			differences = compareTrees(trees[0], trees[1])
		}
	}
	fmt.Fprintf(&out, "\n%s\n", differences)
	return section(write, roleHeading, out.String())
}

// compareTrees words what differs between what the two have left.
func compareTrees(runner, ansible map[string]string) string {
	var all []string
	for _, path := range slices.Sorted(maps.Keys(runner)) {
		if ansible[path] != runner[path] {
			why := ""
			if path == "/etc/cron.d/shop" {
				why = " (the comment by which each knows its entry again)"
			}
			all = append(all, fmt.Sprintf("- `%s`%s: by runner %s, by ansible %s", path, why, runner[path], ansible[path]))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(ansible)) {
		if runner[path] == "" {
			all = append(all, fmt.Sprintf("- `%s`: by ansible only, %s", path, ansible[path]))
		}
	}
	head := fmt.Sprintf("What is on the two containers then, %d paths: kind, mode, owner, group, target and content. Left out are logs, caches, what holds the time, what the tools keep for themselves, and the container's name (`%s`). ", len(runner), roleExceptions)
	if len(all) == 0 {
		return head + "Nothing differs.\n"
	}
	return head + "What differs:\n\n" + strings.Join(all, "\n") + "\n"
}
