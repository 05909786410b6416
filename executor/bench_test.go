package executor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"runner/agent/bootstrap"
	"runner/agent/wire"
	"runner/executor"
	"runner/executor/broker"
	"runner/executor/event"
	"runner/planner/plan"
	"runner/transports"
	"runner/transports/local"
)

// recorder keeps events.
type recorder struct {
	mu     sync.Mutex
	events []event.Event
	seen   func(event.Event) // called with each; it may be nil
}

func (r *recorder) Emit(e event.Event) {
	r.mu.Lock()
	r.events = append(r.events, e)
	r.mu.Unlock()
	if r.seen != nil {
		r.seen(e)
	}
}

// ends returns how tasks ended, as "address status" without the job, in order.
func (r *recorder) ends() []string {
	var out []string
	for _, e := range r.events {
		if end, ok := e.(event.TaskEnd); ok {
			out = append(out, short(end.Address)+" "+string(end.Status))
		}
	}
	return out
}

// planned returns what a preview found, as "address verb".
func (r *recorder) planned() []string {
	var out []string
	for _, e := range r.events {
		if p, ok := e.(event.PlannedChange); ok {
			out = append(out, short(p.Address)+" "+string(p.Action))
		}
	}
	return out
}

func short(address string) string { return address[strings.LastIndex(address, ".")+1:] }

// script has tasks as functions of the state.
type script map[string]func(state plan.State) []plan.Instance

// Judge asks the judge of a task.
func (b *bench) Judge(address string, _ int, r plan.Result, _ plan.State) (plan.Verdict, error) {
	if judge := b.judges[address]; judge != nil {
		return judge(r)
	}
	return plan.Verdict{}, fmt.Errorf("%s has no conditions", address)
}

func (b *bench) Expand(address string, host int, state plan.State) ([]plan.Instance, error) {
	var out []plan.Instance
	switch {
	case b.perHost[address] != nil:
		out = b.perHost[address](b.Hosts[host].Name, state)
	case b.script[address] != nil:
		out = b.script[address](state)
	case b.errors[address] != nil:
		return nil, b.errors[address]
	default:
		return nil, fmt.Errorf("%s cannot be evaluated", address)
	}
	for i := range out {
		out[i].Address = address
		if out[i].Keyed {
			out[i].Address += fmt.Sprintf("[%q]", out[i].Key)
		}
	}
	return out, nil
}

// bench is a plan for this machine, and what evaluates it.
type bench struct {
	plan.Plan
	script
	perHost   map[string]func(host string, state plan.State) []plan.Instance // wins over script
	judges    map[string]func(plan.Result) (plan.Verdict, error)
	outputs   func(plan.State)
	interrupt context.CancelCauseFunc // ends the run
	sink      recorder
	run       executor.Config
	errors    map[string]error // by address: why a task cannot be evaluated
}

func newBench(hosts ...string) *bench {
	b := &bench{
		script: script{}, judges: map[string]func(plan.Result) (plan.Verdict, error){},
		perHost: map[string]func(string, plan.State) []plan.Instance{},
	}
	for i, name := range hosts {
		b.Connections = append(b.Connections, plan.Connection{
			Parent: -1, Transport: "local", Title: "local", Timeout: 20 * time.Second,
			Options: map[string]any{"copy": float64(i)}, // each host has an agent of its own
		})
		b.Hosts = append(b.Hosts, plan.Host{Name: name, Connection: i})
	}
	return b
}

// Outputs shows a test what the run has learned.
func (b *bench) Outputs(s plan.State) ([]plan.Output, error) {
	if b.outputs != nil {
		b.outputs(s)
	}
	return nil, nil
}

// job adds a job on all hosts.
func (b *bench) job(name string, after ...int) *plan.Job {
	hosts := make([]int, len(b.Hosts))
	for i := range hosts {
		hosts[i] = i
	}
	b.Jobs = append(b.Jobs, plan.Job{Name: name, Hosts: hosts, After: after})
	return &b.Jobs[len(b.Jobs)-1]
}

// sh adds a task that runs a line of shell.
func (b *bench) sh(job *plan.Job, name, line string) *plan.Task {
	return b.task(job, name, func(plan.State) []plan.Instance {
		return []plan.Instance{{Args: map[string]any{"argv": []any{"/bin/sh", "-c", line}}}}
	})
}

// killer is a line of shell that kills the agent, when all that goes with it has been sent: a host takes no results before.
func (b *bench) killer(t *testing.T) string {
	t.Helper()
	sent := filepath.Join(t.TempDir(), "sent")
	b.sink.seen = func(e event.Event) {
		if _, ok := e.(event.TaskStart); ok {
			_ = os.WriteFile(sent, nil, 0o600)
		}
	}
	return "until test -e " + sent + "; do sleep 0.01; done; kill -9 $PPID; sleep 5"
}

func (b *bench) task(job *plan.Job, name string, f func(plan.State) []plan.Instance) *plan.Task {
	address := "job." + job.Name + ".task.command." + name
	b.script[address] = f
	job.Tasks = append(job.Tasks, plan.Task{
		Address: address, Action: "command", Name: name, OnFailure: plan.Stop, Selected: true,
	})
	return &job.Tasks[len(job.Tasks)-1]
}

// handler adds a handler that runs a line of shell.
func (b *bench) handler(job *plan.Job, name, line string) {
	b.sh(job, name, line)
	last := len(job.Tasks) - 1
	handler := job.Tasks[last]
	handler.Address = "job." + job.Name + ".handler." + name
	b.script[handler.Address] = b.script[job.Tasks[last].Address]
	delete(b.script, job.Tasks[last].Address)
	job.Handlers = append(job.Handlers, handler)
	job.Tasks = job.Tasks[:last]
}

// apply runs the plan.
func (b *bench) apply(t *testing.T, ctx context.Context) executor.Summary { //nolint:revive // t comes first in tests
	t.Helper()
	b.run.Broker = broker.New(broker.Config{
		Connections: b.Connections,
		Transports:  map[string]transports.Transport{"local": local.Transport(), "ssh": {}},
		SSH: func(context.Context, plan.Connection, broker.DialFunc, func(string) error) (broker.SSHClient, error) {
			return shellHere{}, nil
		},
		Agents: bootstrap.NewOwn(),
		Dir:    t.TempDir(),
	})
	t.Cleanup(func() { _ = b.run.Broker.Close() })
	for _, job := range b.Jobs {
		for _, task := range slices.Concat(job.Tasks, job.Handlers) {
			b.notifies(task)
		}
	}
	b.run.Plan, b.run.Evaluator, b.run.Sink = &b.Plan, b, &b.sink
	if b.run.Mode == 0 {
		b.run.Mode = wire.ModeApply
	}
	return executor.Run(ctx, b.run)
}

// notifies lets a task's instances name all the handlers that the task names.
func (b *bench) notifies(task plan.Task) {
	if per := b.perHost[task.Address]; per != nil {
		b.perHost[task.Address] = func(host string, s plan.State) []plan.Instance {
			out := per(host, s)
			for i := range out {
				out[i].Notify = task.Notify
			}
			return out
		}
		return
	}
	expand := b.script[task.Address]
	if expand == nil {
		return
	}
	b.script[task.Address] = func(s plan.State) []plan.Instance {
		out := expand(s)
		for i := range out {
			out[i].Notify = task.Notify
		}
		return out
	}
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func (r *recorder) result(name string) map[string]any {
	for _, e := range r.events {
		if end, ok := e.(event.TaskEnd); ok && short(end.Address) == name {
			m, _ := end.Result.(map[string]any)
			return m
		}
	}
	return nil
}
