package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"runner/cmd/testbed/bed"
)

const fleetHeading = "## Many machines\n"

// sshAtOnce is how many ssh clients work side by side.
const sshAtOnce = 50

// fleetSite is ten small tasks on each machine: a directory, five files and four commands. What is printed is one host each.
const fleetSite = `
variable "generation" { type = string }
variable "hosts" { type = map(string) }

host "m" {
  for_each = var.hosts
  address  = each.value
  vars     = { dir = "%[2]s/${each.key}" }
%[1]s}

job "work" {
  hosts = host.m
  task "directory" "dir" {
    path = self.vars.dir
  }
  task "file" "conf" {
    for_each = range(5)
    path     = "${self.vars.dir}/${each.value}.conf"
    content  = "number ${each.value} of ${self.name}, generation ${var.generation}\n"
  }
  task "command" "true" {
    for_each = range(4)
    argv     = ["/bin/true", each.value]
  }
}
`

// fleetScript is the same work for a shell. Its arguments are the directory and the generation.
const fleetScript = `set -e
mkdir -p "$1"
for i in 0 1 2 3 4; do
  printf 'number %s of %s, generation %s\n' $i "$1" "$2" >"$1/.$i.new"
  if ! cmp -s "$1/.$i.new" "$1/$i.conf"; then mv "$1/.$i.new" "$1/$i.conf"; fi
done
for i in 0 1 2 3; do /bin/true $i; done
`

// fleet is many machines: an sshd each, with process and mount namespaces of its own.
type fleet struct {
	bench   *bench
	servers []*bed.Server
	known   string // a file
	port    int
	key     ssh.Signer
}

// fleetPort is the port of all machines: they differ in their addresses.
const fleetPort = 2222

func (b *bench) newFleet(n int) (*fleet, error) {
	f := &fleet{bench: b, port: fleetPort, known: filepath.Join(b.bed.Dir(), "fleet.known_hosts")}
	var known strings.Builder
	for i := range n {
		s := b.bed.SSHD(bed.ServerOptions{
			Address: fmt.Sprintf("127.%d.%d.%d", 200+i/62500, i/250%250, 1+i%250), Port: fleetPort, Machine: true,
		})
		fmt.Fprintf(&known, "[%s]:%d %s\n", s.Address, s.Port, s.HostKey)
		f.servers = append(f.servers, s)
	}
	if err := os.WriteFile(f.known, []byte(known.String()), 0o600); err != nil {
		return nil, err
	}
	private, err := os.ReadFile(b.bed.Key())
	if err != nil {
		return nil, err
	}
	f.key, err = ssh.ParsePrivateKey(private)
	return f, err
}

// fleetSample is what one way to do the work has taken.
type fleetSample struct {
	name  string
	hosts int
	sample
}

// measure measures a number of machines: the ssh clients, then runner, then the handshakes alone; runner twice, of which
// the second counts (the first is a machine's first contact).
func (f *fleet) measure(hosts int) ([]fleetSample, error) {
	dir, err := f.write(hosts)
	if err != nil {
		return nil, err
	}
	var out []fleetSample
	for range 2 {
		out = nil
		f.bench.generation++
		byShell, err := f.shells(hosts)
		if err != nil {
			return nil, err
		}
		out = append(out, fleetSample{fmt.Sprintf("`ssh host script`, %d at a time", sshAtOnce), hosts, byShell})
		f.bench.generation++
		cmd := exec.Command(f.bench.runner, "apply", "--auto-approve", "--json", "--var", fmt.Sprintf("generation=%d", f.bench.generation), dir)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(dir, "state"))
		s, err := alone(cmd)
		if err != nil {
			return nil, err
		}
		out = append(out, fleetSample{"runner", hosts, s})
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s, err := alone(exec.Command(self, "-handshakes", f.addresses(hosts), "-user", f.bench.account.Name, "-key", f.bench.bed.Key()))
	if err != nil {
		return nil, err
	}
	return append(out, fleetSample{"handshakes alone", hosts, s}), nil
}

func (f *fleet) addresses(hosts int) string {
	var out []string
	for _, s := range f.servers[:hosts] {
		out = append(out, s.HostPort())
	}
	return strings.Join(out, ",")
}

// write writes the site.
func (f *fleet) write(hosts int) (string, error) {
	dir := filepath.Join(f.bench.bed.Dir(), fmt.Sprint("fleet-", hosts))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	var values strings.Builder
	values.WriteString("hosts = {\n")
	for i, s := range f.servers[:hosts] {
		fmt.Fprintf(&values, "  m%04d = %q\n", i, s.Address)
	}
	values.WriteString("}\n")
	if err := os.WriteFile(filepath.Join(dir, "hosts.auto.vars.hcl"), []byte(values.String()), 0o600); err != nil {
		return "", err
	}
	site := fmt.Sprintf(fleetSite, f.bench.hop(f.port, f.known), f.bench.account.Home)
	return dir, os.WriteFile(filepath.Join(dir, "site.hcl"), []byte(site), 0o600)
}

// shells does the work by ssh clients, some at a time.
func (f *fleet) shells(hosts int) (sample, error) {
	var total sample
	var mu sync.Mutex // guards total and failed
	var failed error
	slots := make(chan struct{}, sshAtOnce)
	var all sync.WaitGroup
	begin := time.Now()
	for i, server := range f.servers[:hosts] {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			cmd := exec.Command("ssh", append(f.bench.client(f.known), "-p", fmt.Sprint(f.port), "-l", f.bench.account.Name, server.Address,
				"sh", "-s", fmt.Sprintf("%s/m%04d", f.bench.account.Home, i), fmt.Sprint(f.bench.generation))...)
			cmd.Stdin = strings.NewReader(fleetScript)
			s, err := alone(cmd)
			mu.Lock()
			defer mu.Unlock()
			total.cpu += s.cpu
			total.memory = max(total.memory, s.memory)
			if err != nil {
				failed = err
			}
		})
	}
	all.Wait()
	total.wall = time.Since(begin)
	return total, failed
}

// handshakes logs in to machines, as many at a time as runner does, and out again: what that costs nobody can save.
func handshakes(addresses, user, keyFile string) error {
	private, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	key, err := ssh.ParsePrivateKey(private)
	if err != nil {
		return err
	}
	const atOnce = 64
	slots := make(chan struct{}, atOnce)
	errs := make(chan error, 1)
	var all sync.WaitGroup
	for address := range strings.SplitSeq(addresses, ",") {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if err := login(address, user, key); err != nil {
				select {
				case errs <- err:
				default:
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

func login(address, user string, key ssh.Signer) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	c, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), //nolint:gosec // its own server
	})
	if err != nil {
		return err
	}
	return ssh.NewClient(c, channels, requests).Close()
}

// runFleet measures many machines alone, and leaves the rest of the file as it is.
func runFleet(runner, write string, sizes []int) (err error) {
	slices.Sort(sizes)
	t := &host{}
	defer t.end(&err)
	b, err := newBench(t, runner, 1)
	if err != nil {
		return err
	}
	f, err := b.newFleet(sizes[len(sizes)-1])
	if err != nil {
		return err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\nTen small tasks, a directory, five files and four commands, on each of N machines: an sshd each, on a loopback address of its own, in process and mount\n"+
		"namespaces of its own, so that each is a target of its own. The agent is cached. Everything shares the same processors, the machines too: wall\n"+
		"times compare what the whole takes. The CPU is that of the clients alone. \"Handshakes alone\" logs in and out with the same library.\n\n", fleetHeading)
	out.WriteString("| | N | wall | × ssh | CPU | CPU a host | without handshakes | memory | above 10 hosts, a host |\n|---|---|---|---|---|---|---|---|---|\n")
	var small int64
	for _, n := range sizes {
		samples, err := f.measure(n)
		if err != nil {
			return err
		}
		shell, ours, bare := samples[0], samples[1], samples[2]
		if small == 0 {
			small = ours.memory
		}
		a := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000/float64(n)) }
		fmt.Fprintf(&out, "| %s | %d | %.2f s | 1 | %.2f s | %s | | | |\n", shell.name, n, shell.wall.Seconds(), shell.cpu.Seconds(), a(shell.cpu))
		above := ""
		if n > sizes[0] {
			above = fmt.Sprintf("%d KiB", (ours.memory-small)/int64(n-sizes[0])>>10)
		}
		fmt.Fprintf(&out, "| %s | %d | %.2f s | %.2f | %.2f s | %s | %s | %.0f MiB | %s |\n", ours.name, n, ours.wall.Seconds(),
			ours.wall.Seconds()/shell.wall.Seconds(), ours.cpu.Seconds(), a(ours.cpu), a(ours.cpu-bare.cpu), float64(ours.memory)/(1<<20), above)
		fmt.Fprintf(&out, "| %s | %d | %.2f s | | %.2f s | %s | | %.0f MiB | |\n", bare.name, n, bare.wall.Seconds(), bare.cpu.Seconds(), a(bare.cpu), float64(bare.memory)/(1<<20))
	}
	out.WriteString("\n")
	return section(write, fleetHeading, out.String())
}
