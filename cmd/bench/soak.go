package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"runner/cmd/delay/proxy"
	"runner/cmd/runner/cli"
	"runner/cmd/testbed/bed"
)

const soakHeading = "## Soak\n"

// soakSite has four hosts that are four targets, and tasks of several kinds for each.
const soakSite = `
variable "generation" { type = string }
variable "password" {
  type      = string
  sensitive = true
}

chain "machine" {
%[1]s}
host "machine" {
  address = "127.0.0.1"
  chain   = chain.machine
  vars    = { dir = "%[3]s/machine" }
}
host "root" {
  via  = host.machine
  vars = { dir = "%[3]s/root" }
  hop "sudo" { password = var.password }
}
host "box" {
  via  = host.root
  vars = { dir = "/soak" }
  hop "docker" { container = "%[4]s" }
}
host "other" {
  address = "127.0.0.1"
  vars    = { dir = "%[3]s/other" }
%[2]s}

job "work" {
  hosts = [host.machine, host.root, host.box, host.other]
  task "directory" "dir" {
    path = self.vars.dir
  }
  task "file" "small" {
    for_each = range(30)
    path     = "${self.vars.dir}/small-${each.value}"
    content  = "generation ${var.generation}\n"
  }
  task "file" "large" {
    path   = "${self.vars.dir}/large"
    source = "large.bin"
  }
  task "shell" "output" {
    script = "seq 20000"
  }
  task "command" "try" {
    for_each = range(22)
    argv     = ["sleep", "0.05"]
  }
  task "shell" "sometimes" {
    script = "test $((${var.generation} %% 3)) -ne 0 || exit 7"
    retry {
      attempts = 2
      delay    = "50ms"
    }
    on_failure = "continue"
  }
}
`

// soak is one process that runs one site again and again while what it works on is cut, killed and restarted.
type soak struct {
	bench         *bench
	links         []*proxy.Proxy
	servers       []*bed.Server // machines of their own
	box           *bed.Box
	dir           string
	random        *rand.Rand
	rounds, tasks int
	statuses      map[string]int
	disturbances  map[string]int
	agents        agentUse // the most that one was seen with
	levels        []level
}

// level is what the process holds between two rounds.
type level struct {
	at                time.Duration
	rounds, tasks     int
	goroutines, files int
	heap, resident    uint64 // bytes
	agents            agentUse
	leftOver          int
}

// agentUse is what an agent holds.
type agentUse struct {
	resident       uint64 // bytes
	files, threads int
}

// runSoak works for a while, and says how much of everything was held over that time.
func runSoak(runner, write string, duration time.Duration) (err error) {
	t := &host{}
	defer t.end(&err)
	b, err := newBench(t, runner, 1)
	if err != nil {
		return err
	}
	s, err := b.newSoak(t)
	if err != nil {
		return err
	}
	const steps = 10
	begin := time.Now()
	for step := 1; step <= steps; step++ {
		for time.Since(begin) < duration*time.Duration(step)/steps {
			if err := s.round(); err != nil {
				return err
			}
		}
		s.levels = append(s.levels, s.level(time.Since(begin)))
		fmt.Fprintf(os.Stderr, "%+v\n", s.levels[len(s.levels)-1])
	}
	if err := section(write, soakHeading, s.page(duration)); err != nil {
		return err
	}
	return s.judge()
}

func (b *bench) newSoak(t *host) (*soak, error) {
	s := &soak{
		bench: b, dir: b.dir, random: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)), //nolint:gosec // no secret
		statuses: map[string]int{}, disturbances: map[string]int{},
	}
	b.bed.Sudoers(b.account, bed.SudoAsking, bed.SudoNever)
	s.box = b.bed.Container(bed.BoxOptions{})
	for range 2 {
		s.servers = append(s.servers, b.bed.SSHD(bed.ServerOptions{Machine: true}))
	}
	var known strings.Builder
	file := filepath.Join(s.dir, "known_hosts")
	var hops []any
	for _, server := range s.servers {
		link, err := proxy.Listen("127.0.0.1:0", proxy.Config{To: server.HostPort(), RTT: time.Millisecond})
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = link.Close() })
		s.links = append(s.links, link)
		_, port, _ := strings.Cut(link.Addr().String(), ":")
		fmt.Fprintf(&known, "[127.0.0.1]:%s %s\n", port, server.HostKey)
		n, err := strconv.Atoi(port)
		if err != nil {
			return nil, err
		}
		hops = append(hops, b.hop(n, file))
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	args := append(hops, b.account.Home, s.box.Name)
	for name, content := range map[string][]byte{
		"known_hosts": []byte(known.String()), "large.bin": large, "site.hcl": fmt.Appendf(nil, soakSite, args...),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// round runs the site once and disturbs it at some time.
func (s *soak) round() error {
	out, err := os.Create(filepath.Join(s.dir, "events"))
	if err != nil {
		return err
	}
	defer out.Close()
	in, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer in.Close()
	s.bench.generation++
	p := cli.Program{In: in, Out: out, Err: out, Environ: append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(s.dir, "state"))}
	done := make(chan struct{})
	disturbed := make(chan struct{})
	go func() {
		defer close(disturbed)
		s.disturb(done)
	}()
	p.Main([]string{
		"apply", "--auto-approve", "--json", "--var", fmt.Sprintf("generation=%d", s.bench.generation),
		"--var", "password=" + s.bench.account.Password, s.dir,
	})
	close(done)
	<-disturbed
	s.rounds++
	s.bench.bed.CheckLeaks()
	return s.count(out.Name())
}

// disturb does one thing at some time of a round, and looks at the agents before.
func (s *soak) disturb(done <-chan struct{}) {
	const longest = 3 * time.Second
	select {
	case <-done:
		return
	case <-time.After(time.Duration(s.random.Int64N(int64(longest)))):
	}
	s.look()
	link := s.links[s.random.IntN(len(s.links))]
	switch s.random.IntN(8) {
	case 0:
		s.disturbances["connections cut"]++
		link.Cut()
	case 1:
		s.disturbances["connections silent"]++
		link.Drop()
		<-done
		link.Restore()
		link.Cut()
	case 2:
		s.disturbances["agents killed"]++
		if all := s.running(); len(all) > 0 {
			_ = syscall.Kill(all[s.random.IntN(len(all))], syscall.SIGKILL)
		}
	case 3:
		s.disturbances["sessions killed"]++
		for _, pid := range s.servers[0].Descendants() {
			line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if err == nil && strings.HasPrefix(string(line), "sshd: "+s.bench.account.Name) { // not the server itself
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	case 4:
		s.disturbances["containers restarted"]++
		s.bench.bed.Recreate(s.box)
	}
}

// running are the agents below the servers.
func (s *soak) running() []int {
	var out []int
	for _, server := range s.servers {
		for _, pid := range server.Descendants() {
			line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if argv := strings.Split(string(line), "\x00"); err == nil && len(argv) > 1 && argv[1] == "serve" { // docker exec has it further on
				out = append(out, pid)
			}
		}
	}
	return out
}

// look notes what the agents hold.
func (s *soak) look() {
	for _, pid := range s.running() {
		s.agents.resident = max(s.agents.resident, resident(pid))
		s.agents.files = max(s.agents.files, entries(fmt.Sprintf("/proc/%d/fd", pid)))
		s.agents.threads = max(s.agents.threads, entries(fmt.Sprintf("/proc/%d/task", pid)))
	}
}

func resident(pid int) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(fields[1], 10, 64) // 0 where it is none
	return pages * uint64(os.Getpagesize())
}

func entries(dir string) int {
	all, _ := os.ReadDir(dir) // it may be gone
	return len(all)
}

// count reads how the round ended.
func (s *soak) count(events string) error {
	text, err := os.ReadFile(events)
	if err != nil {
		return err
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	var end map[string]any
	if err := json.Unmarshal(lines[len(lines)-1], &end); err != nil || end["type"] != "run_end" {
		return fmt.Errorf("a round has no end: %s", text[max(0, len(text)-2000):])
	}
	for _, status := range []string{"ok", "changed", "failed", "skipped", "unreachable", "unknown", "cancelled"} {
		n, _ := end[status].(float64)
		s.statuses[status] += int(n)
		s.tasks += int(n)
	}
	return nil
}

func (s *soak) level(at time.Duration) level {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	l := level{
		at: at, rounds: s.rounds, tasks: s.tasks, goroutines: runtime.NumGoroutine(), files: entries("/proc/self/fd"),
		heap: m.HeapAlloc, resident: resident(os.Getpid()), agents: s.agents, leftOver: len(s.running()),
	}
	s.agents = agentUse{}
	return l
}

// judge says whether more was held at the end than in the beginning.
func (s *soak) judge() error {
	first, last := s.levels[0], s.levels[len(s.levels)-1]
	half := s.levels[len(s.levels)/2]
	if s.statuses["unreachable"] > s.tasks/4 {
		return fmt.Errorf("%d of %d tasks were not reached: something that was broken was not mended", s.statuses["unreachable"], s.tasks)
	}
	switch {
	case last.goroutines > first.goroutines+5:
		return fmt.Errorf("there are %d goroutines after %d", last.goroutines, first.goroutines)
	case last.files > first.files+5:
		return fmt.Errorf("there are %d open files after %d", last.files, first.files)
	case last.heap > half.heap*3/2:
		return fmt.Errorf("the heap has %d bytes after %d", last.heap, half.heap)
	case last.leftOver > 0:
		return fmt.Errorf("%d agents are left", last.leftOver)
	}
	return nil
}

func (s *soak) page(duration time.Duration) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\nOne process runs one site again and again for %v (`-section soak`): a machine, root on it behind sudo, a container behind that, and another machine; files, one of them\n"+
		"of 1 MiB, commands, output, a task that fails and is tried again. In five rounds of eight something happens at a random time. After each round nothing may be left on the targets.\n\n", soakHeading, duration)
	var did []string
	for _, name := range slices.Sorted(maps.Keys(s.disturbances)) {
		did = append(did, fmt.Sprintf("%d times %s", s.disturbances[name], name))
	}
	var ended []string
	for _, name := range slices.Sorted(maps.Keys(s.statuses)) {
		ended = append(ended, fmt.Sprintf("%d %s", s.statuses[name], name))
	}
	fmt.Fprintf(&out, "%d rounds, %d tasks (%s); %s.\n\n", s.rounds, s.tasks, strings.Join(ended, ", "), strings.Join(did, ", "))
	out.WriteString("| after | rounds | tasks | goroutines | open files | heap | resident | largest agent | its open files | its threads |\n|---|---|---|---|---|---|---|---|---|---|\n")
	mib := func(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
	for _, l := range s.levels {
		fmt.Fprintf(&out, "| %v | %d | %d | %d | %d | %s | %s | %s | %d | %d |\n", l.at.Round(time.Second), l.rounds, l.tasks, l.goroutines, l.files,
			mib(l.heap), mib(l.resident), mib(l.agents.resident), l.agents.files, l.agents.threads)
	}
	out.WriteString("\n")
	return out.String()
}
