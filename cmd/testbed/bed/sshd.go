package bed

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// ServerOptions say what an sshd is like.
type ServerOptions struct {
	Address string   // IP address; a loopback address of its own unless set
	Port    int      // a random one unless set
	Config  []string // sshd_config lines that win over the bed's own
	Machine bool     // in process and mount namespaces of its own, with an empty /srv and a boot id: a machine of its own to an agent
	Etc     bool     // a Machine with copies of /etc and of crontabs as they are when it starts: with accounts of its own
}

// Server is a private sshd with its own host key. Accounts of the bed log in with the bed's key or their password.
type Server struct {
	Address    string // IP address
	Port       int
	HostKey    string // an authorized_keys line
	KnownHosts string // a file that knows this server by address and port
	machine    bool
	boot       string // a Machine's file with its boot id
	argv       []string
	bed        *Bed
	cmd        *exec.Cmd
	log        string
	ended      chan struct{}
}

// SSHD starts an sshd and waits until it listens. Needs root and sshd.
func (b *Bed) SSHD(options ServerOptions) *Server {
	b.t.Helper()
	s := &Server{Address: options.Address, Port: options.Port, machine: options.Machine, bed: b}
	var random [4]byte
	_, _ = rand.Read(random[:])
	if s.Address == "" {
		s.Address = fmt.Sprintf("127.%d.%d.%d", 64+random[0]%128, random[1], 1+random[2]%254)
	}
	if s.Port == 0 {
		s.Port = 20000 + int(binary.BigEndian.Uint16(random[2:])%20000)
	}
	name := fmt.Sprintf("sshd-%s-%d", s.Address, s.Port)
	s.log = b.path(name + ".log")
	s.HostKey = b.keypair(name + ".key")
	s.KnownHosts = b.path(name + ".known_hosts")
	b.write(name+".known_hosts", 0o644, fmt.Sprintf("[%s]:%d %s\n", s.Address, s.Port, s.HostKey))
	if s.Port == 22 {
		b.write(name+".known_hosts", 0o644, fmt.Sprintf("%s %s\n", s.Address, s.HostKey))
	}
	config := append(options.Config,
		"ListenAddress "+net.JoinHostPort(s.Address, fmt.Sprint(s.Port)),
		"HostKey "+b.path(name+".key"),
		"AuthorizedKeysFile "+b.path("authorized")+"/%u",
		"StrictModes no", // the keys lie below /tmp
		"PidFile none", "UseDNS no", "UsePAM yes", "PrintMotd no", "PrintLastLog no", "LogLevel VERBOSE",
		"PasswordAuthentication yes", "KbdInteractiveAuthentication no", "MaxSessions 1000",
		"Subsystem sftp internal-sftp",
	)
	// Of this one sshd takes the last line, not the first.
	if !slices.ContainsFunc(options.Config, func(line string) bool { return strings.HasPrefix(line, "MaxStartups ") }) {
		config = append(config, "MaxStartups 1000")
	}
	b.write(name+".conf", 0o644, strings.Join(config, "\n")+"\n")
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		b.t.Fatalf("cannot make sshd's empty directory: %v", err)
	}
	sshd, err := program("sshd")
	if err != nil {
		b.t.Fatal(err)
	}
	argv := []string{sshd, "-D", "-E", s.log, "-f", b.path(name + ".conf")}
	if options.Machine {
		s.boot = b.path(name + ".boot")
		// While other tests make accounts, files of /etc come and go: cp says so, and copies the rest.
		mount := `mount -t tmpfs -o mode=755 none /srv && mount --bind "$0" /proc/sys/kernel/random/boot_id && `
		if options.Etc {
			mount += `mount -t tmpfs -o mode=755 none /mnt && { cp -a /etc /var/spool/cron /mnt 2>/dev/null; true; } && mount --bind /mnt/etc /etc && mount --bind /mnt/cron /var/spool/cron && `
		}
		mount += `exec "$@"`
		argv = append([]string{"unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", mount, s.boot}, argv...)
		s.NewBoot()
	}
	s.argv = argv
	b.servers = append(b.servers, s)
	b.t.Cleanup(s.Stop)
	s.Start()
	return s
}

// Start starts the server, which was stopped, and waits until it listens.
func (s *Server) Start() {
	s.bed.t.Helper()
	s.cmd, s.ended = exec.Command(s.argv[0], s.argv[1:]...), make(chan struct{})
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.cmd.Start(); err != nil {
		s.bed.t.Fatalf("cannot start sshd: %v", err)
	}
	go func(cmd *exec.Cmd, ended chan<- struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(s.cmd, s.ended)
	s.await()
}

// Boot is a Machine's boot id.
func (s *Server) Boot() string {
	s.bed.t.Helper()
	text, err := os.ReadFile(s.boot)
	if err != nil {
		s.bed.t.Fatalf("cannot read the test bed: %v", err)
	}
	return strings.TrimSpace(string(text))
}

// NewBoot gives a Machine that is stopped another boot id, as its next start has one.
func (s *Server) NewBoot() {
	s.bed.t.Helper()
	var id [16]byte
	_, _ = rand.Read(id[:])
	text := fmt.Sprintf("%x-%x-%x-%x-%x\n", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	if err := os.WriteFile(s.boot, []byte(text), 0o644); err != nil {
		s.bed.t.Fatalf("cannot write to the test bed: %v", err)
	}
}

func (s *Server) await() {
	s.bed.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		conn, err := net.DialTimeout("tcp", s.HostPort(), time.Second)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-s.ended:
			s.bed.t.Fatalf("sshd ended at once: %s", s.Log())
		case <-time.After(10 * time.Millisecond):
		}
	}
	s.bed.t.Fatalf("sshd does not listen: %s", s.Log())
}

// HostPort is the address and port as Dial takes them.
func (s *Server) HostPort() string { return net.JoinHostPort(s.Address, fmt.Sprint(s.Port)) }

// Log is what the server has logged so far.
func (s *Server) Log() string {
	text, _ := os.ReadFile(s.log)
	return string(text)
}

// PID is the listening process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Sessions are the processes that serve the connections of the moment, outermost first.
func (s *Server) Sessions() []int {
	var out []int
	for _, p := range descendants(s.PID()) {
		if strings.HasPrefix(p.command, "sshd:") {
			out = append(out, p.pid)
		}
	}
	return out
}

// Stop ends the server. Sessions go on, as they do when a real one is restarted, but for those of a Machine.
func (s *Server) Stop() {
	end := syscall.SIGTERM
	if s.machine {
		end = syscall.SIGKILL // unshare blocks others; all that runs in the namespace ends with it
	}
	_ = s.cmd.Process.Signal(end)
	select {
	case <-s.ended:
	case <-time.After(5 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// Client prepares OpenSSH's own client, logged in as the account, for what shall be compared with it.
func (s *Server) Client(ctx context.Context, a *Account, args ...string) *exec.Cmd {
	all := append([]string{
		"-F", "none", "-i", s.bed.Key(), "-p", fmt.Sprint(s.Port), "-o", "UserKnownHostsFile=" + s.KnownHosts,
		"-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-l", a.Name, s.Address,
	}, args...)
	return exec.CommandContext(ctx, "ssh", all...)
}

// Key is the private key file that every account of the bed accepts.
func (b *Bed) Key() string {
	b.t.Helper()
	path := b.path("id")
	if _, err := os.Stat(path); err != nil {
		b.keypair("id")
	}
	return path
}

// authorize lets the bed's key log in as the account on every server of the bed.
func (b *Bed) authorize(a *Account) {
	b.t.Helper()
	public, err := os.ReadFile(b.Key() + ".pub")
	if err != nil {
		b.t.Fatalf("cannot read the key: %v", err)
	}
	b.Authorize(a, string(public))
}

// Authorize replaces the authorized keys of an account: lines, with options if wanted.
func (b *Bed) Authorize(a *Account, keys string) {
	b.t.Helper()
	b.write(filepath.Join("authorized", a.Name), 0o644, keys)
}

// keypair makes an Ed25519 key pair in OpenSSH's format and returns the public half.
func (b *Bed) keypair(name string) string {
	b.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.t.Fatalf("cannot make a key: %v", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "runner test")
	if err != nil {
		b.t.Fatalf("cannot encode a key: %v", err)
	}
	wrapped, err := ssh.NewPublicKey(public)
	if err != nil {
		b.t.Fatalf("cannot encode a key: %v", err)
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(wrapped)))
	b.write(name, 0o600, string(pem.EncodeToMemory(block)))
	b.write(name+".pub", 0o644, line+"\n")
	return line
}

func (b *Bed) write(name string, mode os.FileMode, text string) {
	b.t.Helper()
	path := b.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatalf("cannot write to the test bed: %v", err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		b.t.Fatalf("cannot write to the test bed: %v", err)
	}
}

// Inside returns a process of a Machine whose namespaces are the machine's.
func (s *Server) Inside(t testing.TB) int {
	t.Helper()
	for _, p := range descendants(s.PID()) {
		return p.pid
	}
	t.Fatal("the machine has no process")
	return 0
}

// Descendants are all processes below the server, outermost first.
func (s *Server) Descendants() []int {
	var out []int
	for _, p := range descendants(s.PID()) {
		out = append(out, p.pid)
	}
	return out
}
