package e2e

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runner/cmd/testbed/bed"
)

const syncing = `
job "sync" {
  hosts = [host.root, host.box]
  task "directory" "srv" { path = "/srv" }
  task "sync" "tree" {
    source  = "tree"
    path    = "/srv/tree"
    delete  = true
    exclude = ["*.bak"]
  }
}
`

// TestSyncChain brings a tree to the ends of a chain through ssh, sudo and a container, changes both sides, and counts what it takes: no
// round trip more where nothing is asked for, one where something is. G28 G33.
func TestSyncChain(t *testing.T) {
	r := newReached(t, bed.ServerOptions{Machine: true})
	r.write("site.hcl", syncing)
	tree := filepath.Join(r.path, "tree")
	for i := range 30 {
		if err := os.MkdirAll(filepath.Join(tree, fmt.Sprintf("d%d/e", i%3)), 0o755); err != nil {
			t.Fatal(err)
		}
		r.write(fmt.Sprintf("tree/d%d/e/f%d", i%3, i), strings.Repeat("x", i*100))
	}
	if err := os.Symlink("d1/e", filepath.Join(tree, "link")); err != nil {
		t.Fatal(err)
	}
	defer r.box.Run("rm", "-rf", "/srv")
	same := func() {
		t.Helper()
		const list = `cd "$0" && find . | sort && find . -type f ! -name "*.bak" -exec sha256sum {} + | sort && find . -type l -exec readlink {} +`
		out, err := exec.Command("sh", "-c", list, tree).Output()
		if err != nil {
			t.Fatal(err)
		}
		want := string(out)
		for where, got := range map[string]string{
			"root": on(t, r.server, "sh", "-c", list, "/srv/tree"), "box": r.box.Run("sh", "-c", list, "/srv/tree"),
		} {
			if strings.TrimSpace(got) != strings.TrimSpace(want) {
				t.Errorf("in %s there is\n%s\nand not\n%s", where, got, want)
			}
		}
	}
	apply := func(changed, trips int) {
		t.Helper()
		end := r.run("apply", "--json", "--auto-approve").must(t, 0).last(t, "run_end")
		if got := end.number("changed"); got != changed {
			t.Errorf("%d were changed, want %d", got, changed)
		}
		if got := end.number("round_trips"); got != trips {
			t.Errorf("it took %d round trips, want %d", got, trips)
		}
	}
	r.run("apply", "--json", "--auto-approve").must(t, 0) // the agents are cached from now on
	same()
	r.write("tree/d0/e/more", "")
	apply(2, 3)
	same()
	apply(0, 3)

	big := make([]byte, 3<<20)
	rand.Read(big)
	r.write("tree/big", string(big[:240<<10])) // with the others it is too much for a call, and it fits into a window
	apply(2, 4)
	same()
	apply(0, 3)
	r.write("tree/big", string(big))
	r.run("apply", "--json", "--auto-approve").must(t, 0)

	// A plan file has what the tree was: it is brought there although the source is another one by then.
	r.write("tree/big", string(append([]byte("before"), big...)))
	r.write("tree/new", "new")
	if err := os.Remove(filepath.Join(tree, "d2/e/f2")); err != nil {
		t.Fatal(err)
	}
	file := r.saved()
	planned := filepath.Join(r.path, "planned")
	if err := os.Rename(tree, planned); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	r.write("tree/something", "else")
	saved := r.elsewhere("apply", "--json", "--var", r.vars[0], file).must(t, 0).last(t, "run_end")
	if sent := saved.number("bytes_sent"); saved.number("changed") != 2 || sent > 1<<20 {
		t.Errorf("%d were changed, and %d bytes sent", saved.number("changed"), sent)
	}
	tree = planned
	same()
	if strings.Contains(on(t, r.server, "ls", "/srv/tree"), "something") {
		t.Error("what came after the plan was brought there")
	}
}

const fetching = `
job "fetch" {
  hosts = [host.root, host.box]
  task "directory" "srv" { path = "/srv" }
  task "shell" "tree" {
    script  = "mkdir -p /srv/tree/d && cd /srv/tree/d && head -c 3000000 /dev/urandom > big && echo small > small && ln -s small link"
    creates = "/srv/tree"
  }
  task "fetch" "tree" {
    path        = "/srv/tree"
    destination = "out/${self.name}"
    delete      = true
  }
  task "command" "behind" {
    argv    = ["/bin/true"]
    changes = false
  }
}
`

// TestFetchChain fetches trees from behind ssh, sudo and a container: once, and then only what differs. G28.
func TestFetchChain(t *testing.T) {
	r := newReached(t, bed.ServerOptions{Machine: true})
	r.write("site.hcl", fetching)
	defer r.box.Run("rm", "-rf", "/srv")
	const sums = `cd "$0" && find . -type f -exec sha256sum {} + | sort && find . -type l -exec readlink {} +`
	same := func() {
		t.Helper()
		for host, want := range map[string]string{"root": on(t, r.server, "sh", "-c", sums, "/srv/tree"), "box": r.box.Run("sh", "-c", sums, "/srv/tree")} {
			got, err := exec.Command("sh", "-c", sums, filepath.Join(r.path, "out", host)).Output()
			if err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(want) || !strings.Contains(want, "small") {
				t.Errorf("of %s there is\n%s\nand not\n%s, %v", host, got, want, err)
			}
		}
	}
	r.run("apply", "--json", "--auto-approve").must(t, 0)
	same()
	end := r.run("apply", "--json", "--auto-approve").must(t, 0).last(t, "run_end")
	if end.number("changed") != 0 || end.number("round_trips") != 3 || end.number("bytes_received") > 100<<10 {
		t.Errorf("the second time %d were changed in %d round trips and %d bytes", end.number("changed"), end.number("round_trips"), end.number("bytes_received"))
	}
	r.box.Run("sh", "-c", "echo other > /srv/tree/d/small")
	on(t, r.server, "rm", "/srv/tree/d/small")
	end = r.run("apply", "--json", "--auto-approve").must(t, 0).last(t, "run_end")
	if end.number("changed") != 2 || end.number("bytes_received") > 100<<10 {
		t.Errorf("%d were changed, and %d bytes came", end.number("changed"), end.number("bytes_received"))
	}
	for host, want := range map[string]bool{"root": false, "box": true} {
		if _, err := os.Stat(filepath.Join(r.path, "out", host, "d", "small")); (err == nil) != want {
			t.Errorf("of %s: %v", host, err)
		}
	}
}
