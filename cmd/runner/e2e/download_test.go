package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"runner/cmd/testbed/bed"
)

// TestDownloadByTheTargetOrTheController: the machine has curl; the container has a wget that would show the headers, so the
// controller fetches for it. What it cannot fetch is an error that says why.
func TestDownloadByTheTargetOrTheController(t *testing.T) {
	r := newReached(t, bed.ServerOptions{Machine: true})
	content := strings.Repeat("what the server gives\n", 200_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != "/content" || q.Header.Get("X-Token") != r.account.Password {
			http.NotFound(w, q)
			return
		}
		_, _ = w.Write([]byte(content))
	}))
	defer server.Close()
	r.write("site.hcl", fmt.Sprintf(`
job "get" {
  hosts = [host.machine, host.box]
  task "download" "content" {
    url     = "%s/content"
    path    = { machine = "%s/content", box = "/content" }[self.name]
    sha256  = "%x"
    headers = { X-Token = var.password }
  }
  task "download" "again" {
    url     = "%[1]s/content"
    path    = { machine = "%[2]s/content", box = "/content" }[self.name]
    force   = true
    headers = { X-Token = var.password }
  }
}
job "fail" {
  hosts = [host.box]
  task "download" "nothing" {
    url     = "%[1]s/nothing"
    path    = "/nothing"
    headers = { X-Token = "wrong" }
  }
}
`, server.URL, r.account.Home, sha256.Sum256([]byte(content))))
	r.run("plan", "--json", "--detailed-exitcode", "--target", "job.get").must(t, 2)
	for i, status := range []string{"changed", "ok"} {
		out := r.run("apply", "--json", "--auto-approve", "--target", "job.get").must(t, 0)
		for _, end := range out.of("task_end") {
			again := strings.HasSuffix(end.text("address"), "again") // what it would fetch is there by then
			if got := end.text("status"); got != status && (!again || got != "ok") {
				t.Errorf("run %d: %s on %s is %s", i, end.text("address"), end.text("host"), end.text("status"))
			}
		}
	}
	if got := r.box.Run("cat", "/content"); got != strings.TrimSpace(content) && got != content {
		t.Errorf("%d bytes in the container", len(got))
	}
	out := r.run("apply", "--json", "--auto-approve", "--target", "job.fail").must(t, 3)
	if failed := fmt.Sprint(out.last(t, "task_end")["error"]); !strings.Contains(failed, "404 Not Found") || !strings.Contains(failed, server.URL+"/nothing") {
		t.Errorf("error %s", failed)
	}
}
