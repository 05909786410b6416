package executor

import (
	"slices"

	"runner/executor/broker"
	"runner/executor/event"
	"runner/planner/plan"
)

// Connections returns what a broker tells its events to. A hop is reported for the first host that needs it; when it is
// ready, or has failed, for all others too, as reused.
func Connections(p *plan.Plan, sink event.Sink) func(broker.Event) {
	type use struct{ host, hop int }
	users := make([][]use, len(p.Connections))
	seen := map[[3]int]bool{}
	need := func(host, last int) {
		for hop, c := range p.Chain(last) {
			if key := [3]int{c, host, hop}; !seen[key] {
				seen[key] = true
				users[c] = append(users[c], use{host, hop})
			}
		}
	}
	for host := range p.Hosts {
		need(host, p.Hosts[host].Connection)
	}
	for _, job := range p.Jobs { // what only tasks and handlers lead to
		for _, task := range slices.Concat(job.Tasks, job.Handlers) {
			for _, host := range job.Hosts {
				if last, ok := task.Connections[host]; ok {
					need(host, last)
				}
			}
		}
	}
	return func(e broker.Event) {
		connection := &p.Connections[e.Connection]
		if e.Status == broker.Waiting || e.Status == broker.Queued {
			summary, detail := "Waiting for another run", e.Err.Error()
			if e.Status == broker.Queued {
				summary, detail = "Waiting for another process", "a task waits for "+detail+", which works on the same target"
			}
			sink.Emit(event.Diagnostic{
				Severity: "warning", Code: "locked", Summary: summary, Detail: connection.Title + ": " + detail + ".",
				File: connection.Place.File, Range: event.RangeOf(connection.Place), Host: p.Hosts[users[e.Connection][0].host].Name,
			})
			return
		}
		for i, u := range users[e.Connection] {
			if i > 0 && e.Status != broker.Opened && e.Status != broker.Failed {
				return
			}
			out := event.Connection{
				Host: p.Hosts[u.host].Name, Hop: u.hop, Transport: connection.Transport, User: connection.User,
				Status: event.ConnectionStatus(e.Status), Reused: i > 0, Seconds: e.Seconds, Title: connection.Title,
			}
			if e.Err != nil {
				out.Failure = FailureOf(e.Err, connection.Place)
				out.Error = out.Failure.Text()
			}
			sink.Emit(out)
		}
	}
}
