package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runner/cmd/delay/proxy"
	"runner/cmd/testbed/bed"
)

// link puts a link between the runner and the machine.
func (r *reached) link(cfg proxy.Config) *proxy.Proxy {
	r.t.Helper()
	cfg.To = r.server.HostPort()
	link, err := proxy.Listen("127.0.0.1:0", cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = link.Close() })
	addr := link.Addr().(*net.TCPAddr)
	r.lead(addr.IP.String(), addr.Port)
	return link
}

// TestFaultCut cuts the ssh connection at every phase: after ever more bytes, from the first of the version exchange to
// the last of the run. Each run ends by itself, says which hop was lost, and leaves nothing. G17 G21 G27.
func TestFaultCut(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{Machine: true})
	r.write("site.hcl", fmt.Sprintf(many, "box", 50))
	link := r.link(proxy.Config{})
	r.run("apply", "--json", "--auto-approve").must(t, 0) // the agents are cached from now on
	_ = link.Close()
	link = r.link(proxy.Config{})
	r.run("apply", "--json", "--auto-approve").must(t, 0)
	stats := link.Stats()
	whole := stats.BytesUp + stats.BytesDown
	const cuts = 24
	for i := range int64(cuts) {
		at := 1 + whole*i/cuts
		r.link(proxy.Config{CutAfter: at})
		got := r.run("apply", "--json", "--auto-approve", "--log-level", "error")
		if got.code != 4 && got.code != 0 { // the last cuts may come when all is said
			t.Errorf("cut after %d of %d bytes: exit code %d\n%s", at, whole, got.code, tail(got.stderr))
		}
		if got.code == 0 && i > 0 && i < cuts/2 { // a connection that ends before it began is made again
			t.Errorf("cut after %d of %d bytes: all is well?", at, whole)
		}
		if ends := got.of("task_end"); len(ends) != 50 {
			t.Errorf("cut after %d of %d bytes: %d ends, want 50", at, whole, len(ends))
		}
		for _, e := range got.of("task_end") {
			if s := e.text("status"); s == "unreachable" && e.text("error") == "" && e.text("reason") == "" {
				t.Errorf("cut after %d of %d bytes: nobody says why %v", at, whole, e)
			}
		}
		if got.took > 20*time.Second {
			t.Errorf("cut after %d of %d bytes: it took %v", at, whole, got.took)
		}
	}
}

// TestFaultDrop: packets are lost from some moment on. That is found within 15 s, and the target is clean after 33 s. G17 G24.
func TestFaultDrop(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{Machine: true})
	link := r.link(proxy.Config{})
	seconds := nextSleep()
	r.write("site.hcl", fmt.Sprintf(long, "box", seconds))
	run := r.start("apply", "--json", "--auto-approve")
	eventually(t, "the task runs", func() bool { return len(r.tasks(seconds)) > 0 })
	link.Drop()
	dropped := time.Now()
	got := run.end(25*time.Second).must(t, 4)
	if took := time.Since(dropped); took > 17*time.Second { // 15 s, and 2 s to close
		t.Errorf("the run ended %v after the last packet", took)
	}
	if s := got.of("task_end")[0].text("status"); s != "unknown" {
		t.Errorf("the task ended %q", s)
	}
	for deadline := dropped.Add(35 * time.Second); len(r.tasks(seconds)) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the task's process lives on 35 s after the last packet")
		}
	}
}

// TestBanner: a megabyte of text before the login changes nothing; a megabyte from the account's own start-up files is a
// named error that quotes it; so is one that they take too long. G5.
func TestBanner(t *testing.T) {
	t.Parallel()
	s := newSite(t, "root", "sshd", "sudo", "docker")
	banner := filepath.Join(s.Dir(), "banner")
	text := strings.Repeat("[sudo] password for you: \x00 runner-need runner-none\n", 1<<20/50)
	if err := os.WriteFile(banner, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r := &reached{site: s}
	r.account = s.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}})
	r.box = s.Container(bed.BoxOptions{})
	r.server = s.SSHD(bed.ServerOptions{Config: []string{"Banner " + banner}})
	r.lead(r.server.Address, r.server.Port)
	s.vars = []string{"password=" + r.account.Password}
	r.write("site.hcl", fmt.Sprintf(many, "box", 1))
	r.run("apply", "--json", "--auto-approve").must(t, 0)

	rc := filepath.Join(r.account.Home, ".bashrc")
	old, _ := os.ReadFile(rc)
	if err := os.WriteFile(rc, append([]byte("cat "+banner+"\n"), old...), 0o644); err != nil {
		t.Fatal(err)
	}
	got := r.run("apply", "--json", "--auto-approve").must(t, 4)
	if e := got.of("task_end")[0]; e.text("reason") != "noise" || !strings.Contains(e.text("error"), "ssh ") {
		t.Errorf("the end is %v", e)
	}

	short := "echo '[sudo] password for you:'; echo runner-need; head -c 60000 " + banner + "\n"
	if err := os.WriteFile(rc, append([]byte(short), old...), 0o644); err != nil {
		t.Fatal(err)
	}
	r.run("apply", "--json", "--auto-approve").must(t, 0)

	if err := os.WriteFile(rc, append([]byte("echo which drive?; read drive\n"), old...), 0o644); err != nil {
		t.Fatal(err)
	}
	r.write("site.hcl", "runner {\n  connect_timeout = \"3s\"\n}\n"+fmt.Sprintf(many, "machine", 1))
	got = r.run("apply", "--auto-approve").must(t, 4)
	for _, part := range []string{"login shell has not started the agent", "which drive?", "~/.bashrc"} {
		if !strings.Contains(got.stdout, part) {
			t.Errorf("%q is not in:\n%s", part, got.stdout)
		}
	}
}

// noexec begins a loop over directories, which stay as they are but allow no execution any more.
const noexec = `noexec() { mount --bind $d $d && mount -o remount,bind,noexec $d; }; for d in `

// TestNoPlace: a home and temporary directories that do not allow execution, or cannot be written to. Where one place is
// left it is found, where none is, the error says so.
func TestNoPlace(t *testing.T) {
	for _, c := range []struct {
		name, mounts string
		code         int
	}{
		{"home noexec", noexec + "$HOME; do noexec; done", 0},
		{"home and /tmp noexec", noexec + "$HOME /tmp; do noexec; done", 0},
		{"home read-only", "mount --bind $HOME $HOME && mount -o remount,bind,ro $HOME", 0},
		{"everything noexec", noexec + "$HOME /tmp /var/tmp /dev/shm /run; do noexec; done", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newReached(t, bed.ServerOptions{Machine: true})
			inside := r.server.Inside(t)
			script := strings.ReplaceAll(c.mounts, "$HOME", r.account.Home)
			out, err := exec.Command("nsenter", "--target", fmt.Sprint(inside), "--mount", "sh", "-c", script).CombinedOutput()
			if err != nil {
				t.Fatalf("cannot mount: %v: %s", err, out)
			}
			r.write("site.hcl", fmt.Sprintf(many, "machine", 3))
			got := r.run("apply", "--json", "--auto-approve").must(t, c.code)
			if c.code == 4 && got.of("task_end")[0].text("reason") != "noexec" {
				t.Errorf("the end is %v", got.of("task_end")[0])
			}
		})
	}
}
