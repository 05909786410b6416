package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runner/cmd/testbed/bed"
)

// TestExtractFromTheControllerAndAServer unpacks an archive of the controller, one that is too large for a call and one that is not, and
// one of a server, on a machine and in a container that has no tools for it.
func TestExtractFromTheControllerAndAServer(t *testing.T) {
	r := newReached(t, bed.ServerOptions{Machine: true})
	const script = `mkdir -p shop/bin && echo hello >shop/bin/run && ln -s run shop/bin/again && tar -czf small.tar.gz shop
head -c 600000 /dev/urandom >shop/large && tar -czf large.tar.gz shop && rm -r shop`
	c := exec.Command("/bin/sh", "-ec", script)
	c.Dir = r.path
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	packed, err := os.ReadFile(filepath.Join(r.path, "large.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(packed) }))
	defer server.Close()
	r.write("site.hcl", fmt.Sprintf(`
job "unpack" {
  hosts = [host.machine, host.box]
  locals {
    at = { machine = "%s", box = "" }[self.name]
  }
  task "extract" "small" {
    source = "small.tar.gz"
    path   = "${local.at}/small"
  }
  task "extract" "large" {
    source = "large.tar.gz"
    path   = "${local.at}/large"
    strip  = 1
  }
  task "extract" "served" {
    url     = "%s/large.tar.gz"
    headers = { Accept = "*/*" } # which the container's wget would show, so the controller fetches
    path    = "${local.at}/served"
  }
}
`, r.account.Home, server.URL))
	planned := r.run("plan", "--json", "--detailed-exitcode").must(t, 2)
	for _, change := range planned.of("planned_change") {
		if change.text("action") != "create" || !strings.Contains(fmt.Sprint(change["after"]), "bin/again") {
			t.Errorf("planned %v", change)
		}
	}
	r.run("apply", "--json", "--auto-approve").must(t, 0)
	r.run("plan", "--json", "--detailed-exitcode").must(t, 0)
	if got := r.box.Run("cat", "/small/shop/bin/again", "/large/bin/run", "/served/shop/bin/again"); strings.Join(strings.Fields(got), " ") != "hello hello hello" {
		t.Errorf("in the container: %q", got)
	}
}
