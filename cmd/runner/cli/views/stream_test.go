package views

import (
	"fmt"
	"strings"
	"time"

	"runner/executor/event"
	"runner/planner/plan"
)

// recordedPlan is the plan of a site with so many web servers behind ssh and sudo, a container on the first, and a
// database behind a bastion.
func recordedPlan(hosts int) *plan.Plan {
	p := &plan.Plan{Site: "/srv/site", Parallelism: 64}
	add := func(c plan.Connection) int {
		p.Connections = append(p.Connections, c)
		return len(p.Connections) - 1
	}
	var all []int
	sudo := 0
	for i := range hosts - 2 {
		ssh := add(plan.Connection{Parent: -1, Transport: "ssh", Title: fmt.Sprintf("ssh deploy@web%d.example.net", i+1)})
		last := add(plan.Connection{Parent: ssh, Transport: "sudo", Title: "sudo root"})
		if i == 0 {
			sudo = last
		}
		p.Hosts = append(p.Hosts, plan.Host{Name: fmt.Sprintf(`web["web%d"]`, i+1), Connection: last})
		all = append(all, i)
	}
	app := add(plan.Connection{Parent: sudo, Transport: "docker", Title: "docker app"})
	p.Hosts = append(p.Hosts, plan.Host{Name: "app", Connection: app})
	bastion := add(plan.Connection{Parent: -1, Transport: "ssh", Title: "ssh ops@bastion", Transit: true})
	db := add(plan.Connection{Parent: bastion, Transport: "ssh", Title: "ssh deploy@db"})
	p.Hosts = append(p.Hosts, plan.Host{Name: "db", Connection: db})
	all = append(all, hosts-2, hosts-1)
	place := plan.Place{File: "site.hcl", Line: 3, Column: 3, EndLine: 3, EndColumn: 22, Byte: 44, EndByte: 63}
	task := func(action, name string, needs ...string) plan.Task {
		return plan.Task{Address: "job.site.task." + action + "." + name, Action: action, Name: name, Needs: needs, Selected: true, Place: place}
	}
	p.Jobs = []plan.Job{{Name: "site", Hosts: all, Tasks: []plan.Task{
		task("directory", "site"), task("file", "conf"), task("command", "who"),
		task("shell", "stamp", "job.site.task.command.who"),
	}}}
	return p
}

// recordedLook is what a preview of that plan tells.
func recordedLook(p *plan.Plan) []event.Event {
	events := []event.Event{event.Outline{Plan: p, Preview: true}}
	for i, h := range p.Hosts {
		change := func(address string, verb event.Verb, before, after any, diff string, unknown ...string) {
			events = append(events, event.PlannedChange{
				Job: "site", Address: "job.site.task." + address, Host: h.Name, Action: verb,
				Before: before, After: after, Diff: diff, Unknown: unknown,
			})
		}
		if i == 1 { // changed by hand
			change("directory.site", event.Update, map[string]any{"path": "/srv/site", "mode": "0700"}, map[string]any{"path": "/srv/site", "mode": "0755"}, "")
		} else {
			change("directory.site", event.Create, nil, map[string]any{"path": "/srv/site", "mode": "0755"}, "")
		}
		for _, key := range []string{"f10", "f2"} {
			if i == 1 {
				change(`file.conf["`+key+`"]`, event.Update, map[string]any{"path": "/srv/site/" + key, "mode": "0640"},
					map[string]any{"path": "/srv/site/" + key, "mode": "0640"}, "--- /srv/site/"+key+"\n+++ /srv/site/"+key+"\n@@ -1,2 +1,2 @@\n port = 80\n-name = \x1b[31mold\n+name = new\n")
			} else {
				change(`file.conf["`+key+`"]`, event.Create, nil, map[string]any{"path": "/srv/site/" + key, "mode": "0640", "password": event.Hidden}, "")
			}
		}
		change("command.who", event.Read, nil, nil, "")
		change("shell.stamp", event.Run, nil, map[string]any{"creates": "/srv/site/who"}, "", "script")
	}
	return append(events, event.PlanSummary{
		Create: 3*len(p.Hosts) - 3, Update: 3, Run: len(p.Hosts), Hosts: len(p.Hosts), Connections: len(p.Connections),
		Reused: 2, Pipelines: len(p.Pipelines()),
	})
}

// recordedRun is what applying it tells, up to the middle and from there. The second host fails, the database cannot be
// reached.
func recordedRun(p *plan.Plan) (before, after []event.Event) {
	before = []event.Event{event.Outline{Plan: p}}
	for i, h := range p.Hosts {
		chain := p.Chain(h.Connection)
		for n, c := range chain {
			title := p.Connections[c].Title
			before = append(before, event.Connection{Host: h.Name, Hop: n, Transport: p.Connections[c].Transport, Title: title, Status: event.Opening})
			if h.Name == "db" && n == 1 {
				before = append(before, event.Connection{
					Host: h.Name, Hop: n, Transport: "ssh", Title: title, Status: event.ConnFailed, Error: "connection refused",
					Failure: &event.Failure{Message: "connection refused", Hint: "Is a server listening there?", Place: p.Jobs[0].Tasks[0].Place},
				})
				continue
			}
			before = append(before, event.Connection{Host: h.Name, Hop: n, Transport: p.Connections[c].Transport, Title: title, Status: event.Ready, Seconds: 0.25})
		}
		end := func(address string, status event.Status, verb event.Verb) event.TaskEnd {
			return event.TaskEnd{
				Job: "site", Address: "job.site.task." + address, Host: h.Name, Status: status, Attempts: 1,
				Seconds: 0.0125, Action: verb, Started: event.Time(time.Date(2026, 5, 1, 12, 0, 0, 5, time.UTC)),
			}
		}
		counts := event.Counts{}
		if h.Name == "db" {
			for _, t := range []string{"directory.site", "file.conf", "command.who", "shell.stamp"} {
				e := end(t, event.Unreachable, "")
				e.Error = "ssh deploy@db: connection refused"
				before = append(before, e)
			}
			before = append(before, event.HostEnd{Host: h.Name, Job: "site", Counts: event.Counts{Unreachable: 4}})
			continue
		}
		start := func(address string) event.Event {
			return event.TaskStart{Job: "site", Address: "job.site.task." + address, Host: h.Name, Attempt: 1}
		}
		before = append(before, start("directory.site"), end("directory.site", event.OK, event.None), start(`file.conf["f2"]`))
		e := end(`file.conf["f2"]`, event.Changed, event.Update)
		e.Before = map[string]any{"path": "/srv/site/f2", "mode": "0600"}
		e.After = map[string]any{"path": "/srv/site/f2", "mode": "0640"}
		e.Diff = "--- /srv/site/f2\n+++ /srv/site/f2\n@@ -1 +1 @@\n-a\n+b\n"
		before = append(before, e, start("command.who"))
		after = append(after, event.Output{Host: h.Name, Address: "job.site.task.command.who", Stream: "stdout", Text: "ro"},
			event.Output{Host: h.Name, Address: "job.site.task.command.who", Stream: "stdout", Text: "ot\x1b]0;x\x07\n"},
			end("command.who", event.OK, event.Read), start("shell.stamp"))
		stamp := end("shell.stamp", event.Changed, event.Run)
		counts.OK, counts.Changed = 2, 2
		if i == 1 {
			stamp = end("shell.stamp", event.Failed, event.Run)
			stamp.Error, stamp.Reason = "exited with status 2", "exit"
			stamp.Result = map[string]any{"stderr": strings.Repeat("line\n", 12) + "no such \u202efile"}
			stamp.Failure = &event.Failure{Message: stamp.Error, Place: p.Jobs[0].Tasks[3].Place}
			counts.Changed, counts.Failed = 1, 1
		}
		after = append(after, stamp, event.HostEnd{Host: h.Name, Job: "site", Counts: counts})
	}
	n := len(p.Hosts)
	after = append(after, event.RunEnd{
		Run: "r1", Status: event.RunFailed, Counts: event.Counts{OK: 2 * (n - 1), Changed: 2*(n-1) - 1, Failed: 1, Unreachable: 4},
		Hosts: n, Seconds: 1.5, RoundTrips: 4, BytesSent: 12345, BytesReceived: 999, Connections: len(p.Connections) - 1, Reused: 2,
		Outputs: map[string]any{"release": "1.4.2", "ports": []any{80.0, 443.0}, "pass word": event.Hidden},
	})
	return before, after
}
