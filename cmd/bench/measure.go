package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"runner/cmd/delay/proxy"
	"runner/cmd/testbed/bed"
)

// site is what is applied: either job alone, by --target.
const site = `
variable "generation" { type = string }

host "target" {
  address = "127.0.0.1"
%[1]s}

job "files" {
  hosts = [host.target]
  task "file" "conf" {
    for_each = { for i in range(20) : "f${i}" => i }
    path     = "%[2]s/${each.key}.conf"
    content  = templatefile("conf.tftpl", { n = each.value, generation = var.generation, arch = self.facts.arch })
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
`

const template = `# generation ${generation} for ${arch}
%{ for i in range(20) ~}
setting_${n}_${i} = "${generation}"
%{ endfor ~}
`

// bench is an account on an sshd, and the binary that is measured.
type bench struct {
	bed        *bed.Bed
	server     *bed.Server
	account    *bed.Account
	runner     string
	dir        string // of the site
	runs       int
	generation int
}

func newBench(t *host, runner string, runs int) (*bench, error) {
	runner, err := filepath.Abs(runner)
	if err != nil {
		return nil, err
	}
	b := &bench{bed: bed.New(t, "root", "sshd", "ssh"), runner: runner, runs: runs}
	b.account = b.bed.Account(bed.AccountOptions{})
	b.server = b.bed.SSHD(bed.ServerOptions{})
	b.dir = filepath.Join(b.bed.Dir(), "site")
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		return nil, err
	}
	return b, os.WriteFile(filepath.Join(b.dir, "conf.tftpl"), []byte(template), 0o600)
}

// sample is one run of a program.
type sample struct {
	wall, cpu time.Duration
	memory    int64 // bytes, the most that was resident
	trips     int   // as the run itself says
	turns     int   // as the link counts, with the login and the end
	up, down  int64 // bytes on the link
	stdout    []byte
}

// row is one kind of run.
type row struct {
	name    string
	samples []sample
	ratios  []float64 // of wall time, to the ssh beside it
}

// table is everything over one link.
type table struct {
	rtt  time.Duration
	rows []*row
}

// measure runs every kind over a link in turn, each beside an ssh.
func (b *bench) measure(rtt time.Duration) (table, error) {
	ssh, files, commands, first := &row{name: "`ssh host true`"}, &row{name: "20 templated files"},
		&row{name: "100 commands"}, &row{name: "20 templated files, first contact"}
	out := table{rtt: rtt, rows: []*row{ssh, files, commands, first}}
	// The first round is not counted: it fills caches, the agent's own among them.
	for round := -1; round < b.runs; round++ {
		for _, kind := range []struct {
			row *row
			job string
		}{{files, "job.files"}, {commands, "job.commands"}, {first, "job.files"}} {
			beside, err := b.sample(rtt, b.ssh)
			if err != nil {
				return out, err
			}
			if kind.row == first {
				if err := os.RemoveAll(filepath.Join(b.account.Home, ".cache")); err != nil {
					return out, err
				}
			}
			s, err := b.sample(rtt, func(port int) (*exec.Cmd, error) { return b.apply(port, kind.job) })
			if err != nil {
				return out, err
			}
			if round < 0 {
				continue
			}
			ssh.samples = append(ssh.samples, beside)
			kind.row.samples = append(kind.row.samples, s)
			kind.row.ratios = append(kind.row.ratios, float64(s.wall)/float64(beside.wall))
		}
	}
	return out, nil
}

// sample runs one program over a link of its own.
func (b *bench) sample(rtt time.Duration, prepare func(port int) (*exec.Cmd, error)) (sample, error) {
	return b.sampleOf(b.server.HostPort(), rtt, prepare)
}

// sampleOf is sample with another server.
func (b *bench) sampleOf(server string, rtt time.Duration, prepare func(port int) (*exec.Cmd, error)) (sample, error) {
	link, err := proxy.Listen("127.0.0.1:0", proxy.Config{To: server, RTT: rtt})
	if err != nil {
		return sample{}, err
	}
	defer link.Close() //nolint:errcheck // what it says is of connections that have ended
	cmd, err := prepare(link.Addr().(*net.TCPAddr).Port)
	if err != nil {
		return sample{}, err
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("cannot measure %s: %w\n%s%s", strings.Join(cmd.Args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	s := sample{wall: time.Since(begin), stdout: stdout.Bytes()}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	s.memory = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	stats := link.Stats()
	s.turns, s.up, s.down = stats.Turns, stats.BytesUp, stats.BytesDown
	var end struct {
		RoundTrips int `json:"round_trips"`
	}
	lines := bytes.Split(bytes.TrimSpace(stdout.Bytes()), []byte("\n"))
	if json.Unmarshal(lines[len(lines)-1], &end) == nil {
		s.trips = end.RoundTrips
	}
	return s, nil
}

// ssh prepares OpenSSH's client.
func (b *bench) ssh(port int) (*exec.Cmd, error) {
	known, err := b.known(port)
	return exec.Command("ssh", append(b.client(known), "-p", fmt.Sprint(port), "-l", b.account.Name, "127.0.0.1", "true")...), err
}

// apply prepares a run that changes every file.
func (b *bench) apply(port int, job string) (*exec.Cmd, error) {
	known, err := b.known(port)
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(site, b.hop(port, known), b.account.Home)
	if err := os.WriteFile(filepath.Join(b.dir, "site.hcl"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	b.generation++
	return exec.CommandContext(context.Background(), b.runner, "apply", "--auto-approve", "--json", "--target", job,
		"--var", fmt.Sprintf("generation=%d", b.generation), b.dir), nil
}

// hop is the way to a server, as a site says it.
func (b *bench) hop(port int, known string) string {
	return fmt.Sprintf(`  hop "ssh" {
    user        = "%s"
    port        = %d
    keys        = ["%s"]
    known_hosts = ["%s"]
    config      = false
    agent       = false
  }
`, b.account.Name, port, b.bed.Key(), known)
}

// client is the same for OpenSSH's programs, without the port, which each of them takes in its own way.
func (b *bench) client(known string) []string {
	return []string{"-F", "none", "-i", b.bed.Key(), "-o", "UserKnownHostsFile=" + known, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"}
}

// known writes a file with the server's key at the link's address.
func (b *bench) known(port int) (string, error) {
	file := filepath.Join(b.dir, "known_hosts")
	return file, os.WriteFile(file, fmt.Appendf(nil, "[127.0.0.1]:%d %s\n", port, b.server.HostKey), 0o600)
}

// median returns the middle one of what is taken from samples.
func median[T int | int64 | float64 | time.Duration](samples []sample, take func(sample) T) T {
	all := make([]T, len(samples))
	for i, s := range samples {
		all[i] = take(s)
	}
	slices.Sort(all)
	return all[len(all)/2]
}
