package bootstrap

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// one is a source with one agent for this platform.
type one struct{ Binary }

func (o one) Agents() []Binary { return []Binary{o.Binary} }

// G25: the agent, and so whatever it runs, has the account's own umask, whether its copy was there or has just been made;
// the copy is the user's alone all the same.
func TestG25UmaskIsTheAccounts(t *testing.T) {
	const hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	const agent = "#!/bin/sh\nif [ \"$1\" = ok ]; then echo ok; else umask; fi\n"
	home := t.TempDir()
	src := one{Binary{OS: runtime.GOOS, Arch: runtime.GOARCH, Hash: hash, Size: int64(len(agent))}}
	old := syscall.Umask(0o026)
	defer syscall.Umask(old)
	for _, how := range []string{"stored", "cached"} {
		argv := Argv("feed", src)
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
		cmd.Stdin = strings.NewReader(fmt.Sprintf("%d plain\n%s", len(agent), agent))
		out, err := cmd.CombinedOutput()
		if asked := strings.Contains(string(out), "runner-need"); err != nil || asked != (how == "stored") || !strings.HasSuffix(string(out), "0026\n") {
			t.Fatalf("%s: %v\n%s", how, err, out)
		}
		for path, want := range map[string]os.FileMode{"": os.ModeDir | 0o700, "agent-" + ShortHash(hash): 0o700} {
			info, err := os.Stat(filepath.Join(home, ".cache/runner", path))
			if err != nil || info.Mode() != want {
				t.Errorf("%s: %v %v", path, info.Mode(), err)
			}
		}
	}
}
