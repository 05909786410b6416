package examples_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runner/cmd/refdoc/page"
	"runner/cmd/testbed/bed"
)

const guide = "../docs/ansible.md"

// A pair is one heading of the guide: a playbook, a site, what both need, and the words of the commands that run them.
type pair struct {
	page.Sample
	ansible, runner [][]string
}

func pairs(t *testing.T) []pair {
	t.Helper()
	blocks, err := page.Read(guide)
	if err != nil {
		t.Fatal(err)
	}
	samples, err := page.Samples(blocks, "playbook.yml")
	if err != nil {
		t.Fatal(err)
	}
	var out []pair
	for _, s := range samples {
		p := pair{Sample: s}
		for _, command := range s.Run {
			if words := strings.Fields(command); words[0] == "runner" {
				p.runner = append(p.runner, words)
			} else {
				p.ansible = append(p.ansible, words)
			}
		}
		if len(s.Run) == 0 {
			p.ansible, p.runner = [][]string{strings.Fields("ansible-playbook -i hosts.ini playbook.yml")}, [][]string{{"runner", "apply"}}
		}
		out = append(out, p)
	}
	return out
}

// guideHosts are the names that the guide's inventory has.
func guideHosts() []string { return []string{"web1", "web2", "lb"} }

// A side is what one of the two programs works on: a machine for each of the guide's hosts, and the home of whoever
// runs the program, whose ssh configuration says where they are.
type side struct {
	home     string
	machines map[string]*bed.Server
}

// A field has a side for each program. Pairs take turns on it.
type field struct{ ansible, runner side }

func newSide(t *testing.T, b *bed.Bed, account *bed.Account) side {
	t.Helper()
	// Control sockets have short paths.
	home, err := os.MkdirTemp(b.Dir(), "") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	s := side{home: home, machines: map[string]*bed.Server{}}
	var config strings.Builder
	for _, name := range guideHosts() {
		m := b.SSHD(bed.ServerOptions{Machine: true, Etc: true})
		s.machines[name] = m
		fmt.Fprintf(&config, "Host %s\n  HostName %s\n  Port %d\n  User %s\n  IdentityFile %s\n  UserKnownHostsFile %s\n",
			name, m.Address, m.Port, account.Name, b.Key(), m.KnownHosts)
	}
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, s.config(), config.String())
	return s
}

func (s side) config() string { return filepath.Join(s.home, ".ssh/config") }

// root is where a machine's files are.
func (s side) root(t *testing.T, name string) string {
	t.Helper()
	return fmt.Sprintf("/proc/%d/root/srv", s.machines[name].Inside(t))
}

// clear makes the machines as they were at first.
func (s side) clear(t *testing.T) {
	t.Helper()
	for name := range s.machines {
		entries, err := os.ReadDir(s.root(t, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if err := os.RemoveAll(filepath.Join(s.root(t, name), e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// trees are the files of all machines: path to kind, mode, owner and content. What tasks append to is among them, so
// order counts.
func (s side) trees(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name := range s.machines {
		root := s.root(t, name)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || path == root {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			var content []byte
			switch {
			case info.Mode().IsRegular():
				content, err = os.ReadFile(path)
			case info.Mode()&fs.ModeSymlink != 0:
				var target string
				target, err = os.Readlink(path)
				content = []byte(target)
			}
			stat := info.Sys().(*syscall.Stat_t)
			out[name+":/srv"+strings.TrimPrefix(path, root)] = fmt.Sprintf("%v %d:%d %q", info.Mode(), stat.Uid, stat.Gid, content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// A ran is how a run ended: how many of each host's tasks changed something, whatever their elements, and whether it
// ended well.
type ran struct {
	changed map[string]int
	well    bool
	output  string
}

// playbooks runs Ansible's commands.
func (s side) playbooks(t *testing.T, dir string, commands [][]string) ran {
	t.Helper()
	r := s.run(t, dir, []string{
		"ANSIBLE_HOME=" + s.home, "ANSIBLE_SSH_CONTROL_PATH_DIR=" + s.home + "/c", "ANSIBLE_PIPELINING=1", "ANSIBLE_NOCOLOR=1",
		"ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3", "ANSIBLE_RETRY_FILES_ENABLED=0", "ANSIBLE_GATHERING=explicit",
		"ANSIBLE_INTERNAL_POLL_INTERVAL=0.002", "LC_ALL=C.UTF-8",
		"ANSIBLE_SSH_ARGS=-F " + s.config() + " -o ControlMaster=auto -o ControlPersist=60s",
	}, commands)
	recap := regexp.MustCompile(`(?m)^(\S+) +: ok=\d+ +changed=(\d+)`)
	for _, m := range recap.FindAllStringSubmatch(r.output, -1) {
		changed, _ := strconv.Atoi(m[2])
		r.changed[m[1]] += changed
	}
	return r
}

// hangUp ends the connections that Ansible keeps.
func (s side) hangUp(t *testing.T) {
	t.Helper()
	sockets, _ := filepath.Glob(s.home + "/c/*")
	for _, socket := range sockets {
		if out, err := exec.Command("ssh", "-F", "none", "-o", "ControlPath="+socket, "-O", "exit", "any").CombinedOutput(); err != nil {
			t.Errorf("cannot close a connection of ansible: %s", out)
		}
	}
}

// sites runs runner's commands. What a plan would change counts as what check mode would change does.
func (s side) sites(t *testing.T, dir string, commands [][]string) ran {
	t.Helper()
	var argvs [][]string
	for _, words := range commands {
		argv := append([]string{binary, words[1], "--json"}, words[2:]...)
		if words[1] == "apply" {
			argv = append(argv, "--auto-approve", "--lock-timeout", "2m") // other tests use this machine too
		}
		argvs = append(argvs, argv)
	}
	r := s.run(t, dir, []string{"NO_COLOR=1", "HOME=" + s.home}, argvs)
	var told strings.Builder // what of the events a person would want to read
	key := regexp.MustCompile(`\["(\w+)"\]$`)
	element := regexp.MustCompile(`\[[^]]*\]$`)
	changes := []string{"changed", "create", "update", "remove", "run"}
	counted := map[string]bool{}
	for line := range strings.Lines(r.output) {
		var e struct{ Type, Host, Address, Status, Action, Error, Summary, Detail string }
		if json.Unmarshal([]byte(line), &e) != nil {
			told.WriteString(line)
			continue
		}
		if m := key.FindStringSubmatch(e.Host); m != nil {
			e.Host = m[1]
		}
		switch e.Type {
		case "version":
			clear(counted) // the next command
		case "task_end", "planned_change":
			task := e.Host + " " + element.ReplaceAllString(e.Address, "")
			if slices.Contains(changes, e.Status+e.Action) && !counted[task] {
				counted[task] = true
				r.changed[e.Host]++
			}
			fallthrough
		case "diagnostic":
			fmt.Fprintln(&told, e.Host, e.Address, e.Status, e.Action, e.Error, e.Summary, e.Detail)
		}
	}
	r.output = told.String()
	return r
}

func (s side) run(t *testing.T, dir string, env []string, argvs [][]string) ran {
	t.Helper()
	r := ran{changed: map[string]int{}, well: true}
	for _, argv := range argvs {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Dir = dir
		cmd.Env = append(append(os.Environ(), "SSH_AUTH_SOCK="), env...)
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatalf("cannot run %v: %v", argv, err)
		}
		r.well = r.well && err == nil
		r.output += string(out)
	}
	return r
}

// TestG40AnsibleGuide runs each pair of the guide, the playbook by Ansible and the site by runner, each on machines of its
// own, and each twice: what is then on the machines is the same, and so is on which hosts something changed.
func TestG40AnsibleGuide(t *testing.T) {
	all := pairs(t)
	if len(all) < 10 {
		t.Errorf("only %d pairs", len(all))
	}
	b := bed.New(t, "linux", "root", "sshd", "ssh", "sudo", "unshare", "ansible-playbook")
	account := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}})
	const together = 3
	fields := make(chan field, together)
	for range together {
		f := field{newSide(t, b, account), newSide(t, b, account)}
		t.Cleanup(func() { f.ansible.hangUp(t) })
		fields <- f
	}
	t.Run("pairs", func(t *testing.T) {
		for _, p := range all {
			t.Run(p.Name, func(t *testing.T) {
				t.Parallel()
				f := <-fields
				defer func() { fields <- f }()
				f.compare(t, p)
			})
		}
	})
}

func (f field) compare(t *testing.T, p pair) {
	t.Helper()
	f.ansible.clear(t)
	f.runner.clear(t)
	dir := t.TempDir()
	if err := p.Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, time := range []string{"first", "second"} {
		a := f.ansible.playbooks(t, dir, p.ansible)
		r := f.runner.sites(t, dir, p.runner)
		want, got := f.ansible.trees(t), f.runner.trees(t)
		for _, path := range slices.Sorted(maps.Keys(want)) {
			if got[path] != want[path] {
				t.Errorf("%s run: %s\n  by ansible: %s\n  by runner:  %s", time, path, want[path], cmp.Or(got[path], "nothing"))
			}
		}
		for _, path := range slices.Sorted(maps.Keys(got)) {
			if want[path] == "" {
				t.Errorf("%s run: %s\n  by ansible: nothing\n  by runner:  %s", time, path, got[path])
			}
		}
		for _, host := range guideHosts() {
			if a.changed[host] != r.changed[host] {
				t.Errorf("%s run: ansible changed %d things on %s, runner %d", time, a.changed[host], host, r.changed[host])
			}
		}
		if a.well != r.well {
			t.Errorf("%s run: ended well by ansible: %v, by runner: %v", time, a.well, r.well)
		}
		if t.Failed() {
			t.Fatalf("ansible:\n%s\nrunner:\n%s", a.output, r.output)
		}
		if time == "first" && len(want) == 0 {
			t.Error("nothing is there after the first run")
		}
	}
}
