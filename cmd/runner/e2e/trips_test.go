package e2e

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"runner/cmd/delay/proxy"
	"runner/cmd/testbed/bed"
	"runner/transports"
	"runner/transports/ssh"
)

// closing is the turn that a run takes on the wire after it has printed its results: agents are told to end, and the
// connection says that they have.
const closing = 1

// slow puts a link of 40 ms between the runner and the machine. That is long beside anything else that takes time here,
// so that what the proxy counts as waiting is waiting.
func (r *reached) slow() *proxy.Proxy {
	r.t.Helper()
	link, err := proxy.Listen("127.0.0.1:0", proxy.Config{To: r.server.HostPort(), RTT: 40 * time.Millisecond})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = link.Close() })
	addr := link.Addr().(*net.TCPAddr)
	r.lead(addr.IP.String(), addr.Port)
	return link
}

// login returns how many turns it takes to connect and authenticate.
func (r *reached) login() int {
	r.t.Helper()
	link := r.slow()
	addr := link.Addr().(*net.TCPAddr)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := ssh.Dial(ctx, transports.Options{
		"address": addr.IP.String(), "port": float64(addr.Port), "user": r.account.Name, "keys": []any{r.Key()},
		"known_hosts": []any{r.path + "/known_hosts"}, "config": false, "agent": false,
	}, (&net.Dialer{}).DialContext)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = client.Close()
	return link.Stats().Turns
}

const many = `
job "many" {
  hosts = [host.%s]
  task "command" "x" {
    for_each = range(%d)
    argv     = ["/bin/true", each.value]
  }
}
`

// TestRoundTrips: after the login a run costs three round trips, whatever the depth and the number of tasks; one more for
// the facts of a peer behind the first hop, one for each result that a task waits for. Counted by a proxy on the wire.
func TestRoundTrips(t *testing.T) {
	r := newReached(t, bed.ServerOptions{Machine: true})
	login := r.login()
	for range 2 { // a busy machine splits what is sent at once: the least is what is needed
		login = min(login, r.login())
	}
	for _, c := range []struct {
		name, job string
		want      int
	}{
		{"warm up", fmt.Sprintf(many, "box", 1), 0},
		{"depth 1, 1 task", fmt.Sprintf(many, "machine", 1), 3},
		{"depth 1, 100 tasks", fmt.Sprintf(many, "machine", 100), 3},
		{"depth 3, 1 task", fmt.Sprintf(many, "box", 1), 3},
		{"depth 3, 100 tasks", fmt.Sprintf(many, "box", 100), 3},
		{"facts of the first hop", `job "f" {
  hosts = [host.machine]
  task "command" "x" { argv = ["/bin/echo", self.facts.arch] }
}`, 3},
		{"facts of the last hop", `job "f" {
  hosts = [host.box]
  task "command" "x" { argv = ["/bin/echo", self.facts.arch] }
}`, 4},
		{"two results", `job "r" {
  hosts = [host.box]
  task "command" "a" { argv = ["/bin/echo", "a"] }
  task "command" "b" { argv = ["/bin/echo", task.command.a.stdout] }
  task "command" "c" { argv = ["/bin/echo", "c"] }
  task "command" "d" { argv = ["/bin/echo", task.command.b.stdout] }
}`, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.write("site.hcl", c.job)
			counted := 0
			for try := 0; try < 3 && (try == 0 || counted > c.want); try++ {
				link := r.slow()
				got := r.run("apply", "--json", "--auto-approve").must(t, 0)
				if c.want == 0 {
					return // the agents are cached from now on
				}
				if said := got.last(t, "run_end").number("round_trips"); said != c.want {
					t.Errorf("round_trips is %d, want %d", said, c.want)
				}
				counted = link.Stats().Turns - login - closing
			}
			if counted != c.want {
				t.Errorf("%d round trips were counted on the wire, want %d", counted, c.want)
			}
		})
	}
}
