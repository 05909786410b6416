package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const toolsHeading = "## Beside other tools\n"

// The work that is compared, three times: as jobs, as plays, and as scripts.
const toolJobs = `
variable "generation" { type = string }

host "target" {
  address = "127.0.0.1"
%[1]s}
job "templates" {
  hosts = [host.target]
  task "file" "conf" {
    for_each = range(20)
    path     = "%[2]s/template-${each.value}.conf"
    content  = templatefile("conf.tftpl", { n = each.value, generation = var.generation, arch = "any" })
    mode     = "0640"
  }
}
job "commands" {
  hosts = [host.target]
  task "command" "true" {
    for_each = range(100)
    argv     = ["/bin/true", each.value]
  }
}
job "files" {
  hosts = [host.target]
  task "directory" "dir" {
    path = "%[2]s/small"
  }
  task "file" "small" {
    for_each = range(1000)
    path     = "%[2]s/small/${each.value}"
    content  = "file ${each.value} of generation ${var.generation}\n"
  }
}
job "empty" {
  hosts = [host.target]
  task "directory" "dir" {
    path = "%[2]s/empty-${var.generation}"
  }
  task "file" "empty" {
    for_each = range(1000)
    path     = "%[2]s/empty-${var.generation}/${each.value}"
    content  = ""
  }
}
`

const toolPlays = `
- hosts: all
  gather_facts: false
  tasks:
    - name: templates
      tags: templates
      template: { src: conf.j2, dest: "{{ home }}/template-{{ item }}.conf", mode: "0640" }
      loop: "{{ range(20) | list }}"
    - name: commands
      tags: commands
      command: /bin/true {{ item }}
      loop: "{{ range(100) | list }}"
    - name: directory
      tags: files
      file: { path: "{{ home }}/small", state: directory }
    - name: files
      tags: files
      copy: { content: "file {{ item }} of generation {{ generation }}\n", dest: "{{ home }}/small/{{ item }}" }
      loop: "{{ range(1000) | list }}"
`

const toolTemplate = `# generation {{ generation }} for any
{% for i in range(20) %}
setting_{{ item }}_{{ i }} = "{{ generation }}"
{% endfor %}
`

// mitogenPlugins is where Debian's package has what makes Ansible use Mitogen.
const mitogenPlugins = "/usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy"

// contestant is a way to do some work over a link.
type contestant struct {
	name    string
	prepare func(port int) (*exec.Cmd, error)
	worst   int // round trips a thing, about: what would take too long is not measured
}

// tools compares with what people use today.
func (b *bench) tools(trips durations) (string, error) {
	if err := b.writeTools(); err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\nThe same work over the same links, in turn: %s. Ansible keeps its connection open (ControlPersist), sends modules through it (pipelining)\n"+
		"and gathers no facts. What a tool leaves behind for the next run (agent, cached modules) is there already; every run changes all files. Wall times are medians of up to %d runs, of those\n"+
		"that take more than %v one; what would take more than %v is not measured.\n\n", toolsHeading, strings.Join(versions(), ", "), b.runs, long, tooLong)
	for _, rtt := range trips {
		fmt.Fprintf(&out, "### Round-trip time %v\n\n| work | with | wall | × runner | bytes up | bytes down | turns | CPU | memory |\n|---|---|---|---|---|---|---|---|---|\n", rtt)
		for _, work := range []struct {
			name   string
			things int
			who    []contestant
		}{
			{"20 templates", 20, b.contestants("templates")},
			{"100 commands", 100, b.contestants("commands")},
			{"1,000 small files", 1000, append(b.contestants("files"),
				contestant{"scp -r", b.copyBy("scp", "-q", "-r"), 5}, contestant{"rsync -a", b.copyBy("rsync", "-a"), 0})},
			{"1,000 empty files", 1000, b.contestants("empty")[:1]},
			{"nothing", 0, []contestant{{"ssh host true", b.ssh, 0}}},
		} {
			ours := time.Duration(0)
			for _, c := range work.who {
				if time.Duration(work.things*c.worst)*rtt > tooLong {
					fmt.Fprintf(&out, "| %s | %s | not measured | | | | | | |\n", work.name, c.name)
					continue
				}
				samples, err := b.samples(rtt, c)
				if err != nil {
					return "", err
				}
				wall := median(samples, func(s sample) time.Duration { return s.wall })
				ratio := ""
				if ours == 0 {
					ours = wall
				} else {
					ratio = fmt.Sprintf("%.1f", float64(wall)/float64(ours))
				}
				fmt.Fprintf(&out, "| %s | %s | %.2f s | %s | %d | %d | %d | %.2f s | %.0f MiB |\n", work.name, c.name, wall.Seconds(), ratio,
					median(samples, func(s sample) int64 { return s.up }), median(samples, func(s sample) int64 { return s.down }),
					median(samples, func(s sample) int { return s.turns }), median(samples, func(s sample) time.Duration { return s.cpu }).Seconds(),
					float64(median(samples, func(s sample) int64 { return s.memory }))/(1<<20))
			}
		}
		out.WriteString("\n")
	}
	return out.String(), nil
}

// What takes longer is measured once, and what would take still longer not at all.
const (
	long    = 10 * time.Second
	tooLong = 5 * time.Minute
)

// samples measures one contestant. The first run, which fills caches, is not counted unless it takes long.
func (b *bench) samples(rtt time.Duration, c contestant) ([]sample, error) {
	var out []sample
	for round := range b.runs + 1 {
		s, err := b.sample(rtt, c.prepare)
		if err != nil {
			return nil, err
		}
		if s.wall > long {
			return []sample{s}, nil
		}
		if round > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

// contestants are those that do all kinds of work.
func (b *bench) contestants(work string) []contestant {
	out := []contestant{{"runner", func(port int) (*exec.Cmd, error) { return b.toolRunner(port, work) }, 0}}
	if _, err := exec.LookPath("ansible-playbook"); err == nil {
		worst := 8
		if work == "files" {
			worst = 20
		}
		out = append(out, contestant{"ansible-core", func(port int) (*exec.Cmd, error) { return b.ansible(port, work, "") }, worst})
		if _, err := os.Stat(mitogenPlugins); err == nil {
			out = append(out, contestant{"ansible-core with Mitogen", func(port int) (*exec.Cmd, error) { return b.ansible(port, work, mitogenPlugins) }, 3})
		}
	}
	return out
}

func (b *bench) writeTools() error {
	files := map[string]string{"play.yml": toolPlays, "conf.j2": toolTemplate, "site/conf.tftpl": template}
	for i := range 1000 {
		files[fmt.Sprintf("small/%d", i)] = ""
	}
	for name, text := range files {
		name = filepath.Join(b.toolDir(), name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) toolDir() string { return filepath.Join(b.bed.Dir(), "tools") }

func (b *bench) toolRunner(port int, job string) (*exec.Cmd, error) {
	known, err := b.known(port)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.toolDir(), "site")
	text := fmt.Sprintf(toolJobs, b.hop(port, known), b.account.Home)
	if err := os.WriteFile(filepath.Join(dir, "site.hcl"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	b.generation++
	cmd := exec.Command(b.runner, "apply", "--auto-approve", "--json", "--target", "job."+job, "--var", fmt.Sprintf("generation=%d", b.generation), dir)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+b.toolDir())
	return cmd, nil
}

// ansible prepares a play; each run has a connection of its own.
func (b *bench) ansible(port int, tag, plugins string) (*exec.Cmd, error) {
	known, err := b.known(port)
	if err != nil {
		return nil, err
	}
	b.generation++
	control := filepath.Join(b.toolDir(), fmt.Sprint("c", b.generation))
	inventory := fmt.Sprintf("target ansible_host=127.0.0.1 ansible_port=%d ansible_user=%s ansible_ssh_private_key_file=%s home=%s generation=%d ansible_python_interpreter=/usr/bin/python3\n",
		port, b.account.Name, b.bed.Key(), b.account.Home, b.generation)
	config := fmt.Sprintf("[defaults]\nretry_files_enabled = false\nlocal_tmp = %s\n[ssh_connection]\npipelining = true\ncontrol_path_dir = %s\n"+
		"ssh_args = -F none -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=%s -o IdentitiesOnly=yes\n", b.toolDir(), control, known)
	if plugins != "" {
		config = strings.Replace(config, "[ssh_connection]", "strategy_plugins = "+plugins+"\nstrategy = mitogen_linear\n[ssh_connection]", 1)
	}
	for name, text := range map[string]string{"hosts": inventory, "ansible.cfg": config} {
		if err := os.WriteFile(filepath.Join(b.toolDir(), name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command("ansible-playbook", "-i", "hosts", "--tags", tag, "play.yml")
	cmd.Dir = b.toolDir()
	cmd.Env = append(os.Environ(), "ANSIBLE_CONFIG="+filepath.Join(b.toolDir(), "ansible.cfg"), "ANSIBLE_NOCOLOR=1")
	return cmd, nil
}

// copyBy prepares a copy of 1,000 small files, all of them new.
func (b *bench) copyBy(program string, args ...string) func(port int) (*exec.Cmd, error) {
	return func(port int) (*exec.Cmd, error) {
		known, err := b.known(port)
		if err != nil {
			return nil, err
		}
		b.generation++
		for i := range 1000 {
			text := fmt.Sprintf("file %d of generation %d\n", i, b.generation)
			if err := os.WriteFile(filepath.Join(b.toolDir(), "small", fmt.Sprint(i)), []byte(text), 0o600); err != nil {
				return nil, err
			}
		}
		options := b.client(known)
		source, destination := filepath.Join(b.toolDir(), "small"), fmt.Sprintf("%s@127.0.0.1:%s", b.account.Name, b.account.Home)
		if program == "rsync" {
			shell := fmt.Sprintf("ssh -p %d %s", port, strings.Join(options, " "))
			return exec.Command("rsync", append(args, "-e", shell, source, destination)...), nil
		}
		return exec.Command(program, append(append(args, options...), "-P", fmt.Sprint(port), source, destination)...), nil
	}
}

// versions are those of the tools, as they say them.
func versions() []string {
	var out []string
	for _, argv := range [][]string{{"ansible", "--version"}, {"dpkg-query", "-W", "-f", "${Package} ${Version}\n", "ansible-mitogen"}, {"rsync", "--version"}, {"ssh", "-V"}} {
		text, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		if line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n"); err == nil {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
	}
	return out
}

// runTools compares, and leaves the rest of the file as it is.
func runTools(runner, write string, runs int, trips durations) (err error) {
	t := &host{}
	defer t.end(&err)
	b, err := newBench(t, runner, runs)
	if err != nil {
		return err
	}
	text, err := b.tools(trips)
	if err != nil {
		return err
	}
	return section(write, toolsHeading, text)
}
