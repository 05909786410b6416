package bed

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// Need skips the test with a printed reason unless everything it names is there; where CI is "true", it fails instead.
// The names are "linux", "root", "docker" (a daemon that answers), "throwaway" (see Throwaway), "locales" (German ones), and otherwise programs such
// as "sshd", "sudo" or "fish".
func Need(t testing.TB, things ...string) {
	t.Helper()
	for _, thing := range things {
		if err := check(thing); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("needs %s: %v", thing, err)
			}
			t.Skipf("needs %s: %v", thing, err)
		}
	}
}

func check(thing string) error {
	switch thing {
	case "linux":
		if runtime.GOOS != "linux" {
			return fmt.Errorf("this is %s", runtime.GOOS)
		}
	case "root":
		if os.Geteuid() != 0 {
			return errors.New("this is an ordinary user")
		}
	case "docker":
		conn, err := net.DialTimeout("unix", DockerSocket, 5*time.Second)
		if err != nil {
			return fmt.Errorf("%w (make testbed starts it)", err)
		}
		return conn.Close()
	case "throwaway":
		if os.Getenv(thrownAway) == "" {
			return errors.New("only root can have a throw-away file system, and only where it may mount one")
		}
	case "locales":
		if out, err := exec.Command("locale", "-a").Output(); err != nil || !slices.Contains(lines(string(out)), GermanLocale) {
			return errors.New("no German locale")
		}
	default:
		if _, err := program(thing); err != nil {
			return fmt.Errorf("%w (make testbed installs it)", err)
		}
	}
	return nil
}

// program finds a program, also among those that ordinary users do not have in their path.
func program(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", err
}
