package facts

import (
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"testing"

	"runner/agent/wire"
)

func TestGather(t *testing.T) {
	f := Gather()
	for _, want := range []struct {
		name, got string
		argv      []string
	}{
		{"arch", f.Arch, []string{"uname", "-m"}},
		{"kernel", f.Kernel, []string{"uname", "-r"}},
		{"hostname", f.Hostname, []string{"uname", "-n"}},
		{"user", f.User.Name, []string{"id", "-un"}},
		{"gid", strconv.Itoa(f.User.GID), []string{"id", "-g"}},
		{"cpus", strconv.Itoa(f.CPUs), []string{"nproc"}},
	} {
		out, err := exec.CommandContext(t.Context(), want.argv[0], want.argv[1:]...).Output()
		if err != nil {
			t.Fatalf("%v: %v", want.argv, err)
		}
		if got := strings.TrimSpace(string(out)); got != want.got {
			t.Errorf("%s is %q, %v says %q", want.name, want.got, want.argv, got)
		}
	}
	lo, ok := f.Interfaces["lo"]
	if !ok || !lo.Up || lo.MTU == 0 || len(lo.Addresses) == 0 || lo.Addresses[0] != "127.0.0.1/8" {
		t.Errorf("loopback interface is %+v", lo)
	}
	root := wire.MountFacts{}
	for _, m := range f.Mounts {
		if m.Path == "/" {
			root = m
		}
	}
	if root.Type == "" || root.Options == "" {
		t.Errorf("no root among the mounts: %+v", f.Mounts)
	}
	if f.MemoryBytes < 1<<20 || f.TimeZone == "" || f.OS.Family == "" || f.Env["PATH"] != os.Getenv("PATH") {
		t.Errorf("memory %d, zone %q, family %q", f.MemoryBytes, f.TimeZone, f.OS.Family)
	}
}

// TestG19IdentityOfNamespaces: the same machine is another target in a pid namespace or behind another root, and the
// same one in a namespace that changes neither.
func TestG19IdentityOfNamespaces(t *testing.T) {
	if os.Getenv("FACTS_IDENTITY") != "" {
		_, _ = os.Stdout.WriteString(Identity().Machine + "\n")
		os.Exit(0)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to make namespaces")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	identity := func(argv ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), argv[0], append(argv[1:], self, "-test.run=^"+path.Base(t.Name())+"$")...)
		cmd.Env = append(os.Environ(), "FACTS_IDENTITY=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", argv, err)
		}
		return strings.TrimSpace(string(out))
	}
	here := Identity().Machine
	if got := identity("env"); got != here {
		t.Errorf("another process of this machine is target %s, want %s", got, here)
	}
	if got := identity("unshare", "--net", "--uts", "--mount"); got != here {
		t.Errorf("without a pid namespace of its own it is target %s, want %s", got, here)
	}
	if got := identity("unshare", "--pid", "--fork", "--mount-proc"); got == here {
		t.Error("a pid namespace is the same target as its machine")
	}
}

func TestUnescape(t *testing.T) {
	table := `36 35 98:0 / /mnt/a\040b\134 rw,noatime master:1 - ext3 //srv/a\043b rw,errors=continue` + "\n"
	got := mounts(table)
	want := wire.MountFacts{Path: `/mnt/a b\`, Device: "//srv/a#b", Type: "ext3", Options: "rw,noatime"}
	if len(got) != 1 || got[0] != want {
		t.Errorf("mounts(%q) = %+v, want %+v", table, got, want)
	}
}

func BenchmarkGather(b *testing.B) {
	for b.Loop() {
		Gather()
		Identity()
	}
}
