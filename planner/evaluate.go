package planner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/action/pattern/compile"
	"runner/agent/manifest"
	"runner/agent/wire"
	"runner/lang"
	"runner/lang/diag"
	"runner/lang/source"
	"runner/lang/value"
	"runner/planner/plan"
	"runner/planner/trees"
)

// Evaluator gives the values that only a run can give. It is the one place where the executor reaches expressions. It
// may be used by many goroutines.
type Evaluator struct {
	site    *lang.Site
	files   source.Files
	hosts   []*lang.Host // in the order of plan.Hosts
	timeout time.Duration
	tasks   map[string]*lang.Task
	rescues map[string]bool // addresses of tasks that stand in a rescue

	mu      sync.Mutex             // guards sources
	sources map[string]*sourceFile // by file

	trees trees.Trees

	claims claims
}

// Expand evaluates a task for a host (an index in plan.Hosts) with what is known so far.
func (e *Evaluator) Expand(address string, host int, state plan.State) ([]plan.Instance, error) {
	task := e.tasks[address]
	instances, diags := e.site.Expand(task, e.hosts[host], adapt{state})
	if diags.HasErrors() {
		return nil, &EvaluationError{e.site.Conceal(diags), barrierOf(instances)}
	}
	out := make([]plan.Instance, len(instances))
	for i, in := range instances {
		out[i] = plan.Instance{
			Address: in.Address, Key: in.Key, Keyed: in.Keyed, Skip: in.Skip,
			Args: in.Args, Unknown: in.Unknown, Secrets: in.Secrets, Hidden: plan.Hidden(in.Hidden), Sources: in.Sources, Trees: in.Trees, Destination: in.Destination,
			Environment: in.Environment, Timeout: in.Timeout, Notify: in.Notify, Lane: in.Lane, Retry: plan.Retry(in.Retry),
		}
		if task.Action == "" {
			requirement(&out[i])
		}
		if out[i].Timeout == 0 {
			out[i].Timeout = e.timeout
		}
		if action := task.Own(); action != nil {
			diags = append(diags, e.takeOwn(task, action, &out[i], in.Secrets)...)
			continue
		}
		if clash := e.claims.claim(&out[i], e.hosts[host].Name, e.rescues[address]); clash != "" {
			diags = append(diags, diag.Errorf(diag.InvalidValue, task.Range, "The same place for several", "%s", placeOfTask(task).Explain(clash)))
		}
		if err := e.takeContent(&out[i]); err != nil {
			diags = append(diags, sourceError(task, err))
		}
		takePatterns(&out[i], in.Patterns)
		if task.Action == "download" || task.Action == "extract" {
			takeRequest(&out[i])
		}
	}
	return out, evaluationError(e.site.Conceal(diags))
}

// barrierOf returns the condition that keeps a task from being evaluated; nil for its own.
func barrierOf(instances []lang.Instance) *lang.Barrier {
	for i := range instances {
		if b := instances[i].Barrier; b != nil {
			return b
		}
	}
	return nil
}

// Similar returns the same text for many hosts on which a task's instances differ, as long as no facts and no results are
// known, in nothing but their texts; "" for any other host.
func (e *Evaluator) Similar(address string, host int) string {
	return e.site.Similar(e.tasks[address], e.hosts[host])
}

// Alike returns the same text for hosts on which a task's instances are the same as long as no facts and no results are
// known; "" for a host that is like no other.
func (e *Evaluator) Alike(address string, host int) string {
	return e.site.Alike(e.tasks[address], e.hosts[host])
}

// requirement says of a precondition whether it is refused.
func requirement(in *plan.Instance) {
	holds, known := in.Args["condition"].(bool)
	message, _ := in.Args["error_message"].(string)
	switch {
	case in.Skip, !known, holds:
	case in.Hidden.All:
		in.Refusal = "A precondition does not hold. Why is sensitive."
	case message == "":
		in.Refusal = "A precondition does not hold."
	default:
		in.Refusal = message
	}
	in.Args = nil
	if known {
		in.Unknown = nil
	}
}

// Judge applies a task's own conditions to the result of one of its elements.
func (e *Evaluator) Judge(address string, host int, result plan.Result, state plan.State) (plan.Verdict, error) {
	v, diags := e.site.Judge(e.tasks[address], e.hosts[host], lang.Result(result), adapt{state})
	return plan.Verdict(v), evaluationError(e.site.Conceal(diags))
}

// Outputs evaluates the site's outputs; one that is not known is left out, a sensitive one is marked.
func (e *Evaluator) Outputs(state plan.State) ([]plan.Output, error) {
	var out []plan.Output
	var diags hcl.Diagnostics
	for _, o := range e.site.Outputs {
		value, known, d := e.site.Output(o, adapt{state})
		diags = append(diags, d...)
		if known && !d.HasErrors() {
			out = append(out, plan.Output{Name: o.Name, Value: value, Sensitive: o.Sensitive})
		}
	}
	return out, evaluationError(e.site.Conceal(diags))
}

// adapt shows a plan's state to the language.
type adapt struct{ plan.State }

// Results returns what a task gave on a host.
func (a adapt) Results(address, host string) (lang.Results, bool) {
	r, ok := a.State.Results(address, host)
	elements := make([]lang.Result, len(r.Elements))
	for i, e := range r.Elements {
		elements[i] = lang.Result(e)
	}
	return lang.Results{Keyed: r.Keyed, Elements: elements}, ok
}

// Failure returns what the rescue of a try works on.
func (a adapt) Failure(job string, try int, host string) (lang.Failure, bool) {
	f, ok := a.State.Failure(job, try, host)
	return lang.Failure{Result: lang.Result(f.Result), Address: f.Address, Error: f.Error, Sensitive: f.Sensitive}, ok
}

// takeContent moves what is large, or lies in a file, from the arguments to the instance's content. The action gets
// small content inside the call; of large content it gets size and digest, and asks for the bytes when it needs them.
func (e *Evaluator) takeContent(in *plan.Instance) error {
	for name, file := range in.Sources {
		if in.Trees[name] {
			if err := e.takeTree(in, file); err != nil {
				return fmt.Errorf("cannot read %s: %w", file, err)
			}
			continue
		}
		s, err := e.source(file)
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", file, err)
		}
		if s.data != nil {
			in.Args["content"] = s.data
			continue
		}
		in.Content = &plan.Content{Argument: "content", File: file, Size: s.size}
		in.Args["content_size"], in.Args["content_sha256"] = s.size, s.digest
	}
	for _, name := range []string{"content", "stdin"} { // no action takes both
		text, ok := in.Args[name].(string)
		if !ok || len(text) <= wire.MaxInline {
			continue
		}
		delete(in.Args, name)
		in.Content = &plan.Content{Argument: name, Data: []byte(text), Size: int64(len(text))}
		in.Args[name+"_size"] = int64(len(text))
		if name == "content" { // which is compared with what is there
			sum := sha256.Sum256([]byte(text))
			in.Args["content_sha256"] = hex.EncodeToString(sum[:])
		}
	}
	return nil
}

// takePatterns puts the programs of regular expressions, which the language has checked, at their place.
func takePatterns(in *plan.Instance, names []string) {
	for _, name := range names {
		text, _ := in.Args[name].(string)
		program, err := compile.Program(text)
		if err != nil {
			continue // the agent will not take it
		}
		if in.Patterns == nil {
			in.Patterns = map[string]string{}
		}
		in.Patterns[name], in.Args[name] = text, program
	}
}

// inlineTree is how many bytes of a description of a tree a call carries itself.
const inlineTree = 1 << 20

// takeTree puts the description of a tree into the arguments: what is in it, and its digests. Of little content all is there too.
func (e *Evaluator) takeTree(in *plan.Instance, root string) error {
	for _, name := range []string{"exclude", "include", "links"} {
		if slices.Contains(in.Unknown, name) {
			return nil // what is to be there is not known, and the action says so
		}
	}
	links, _ := in.Args["links"].(string)
	filter := manifest.Filter{Exclude: value.Texts(in.Args["exclude"]), Include: value.Texts(in.Args["include"])}
	t, err := e.trees.Of(root, links, filter, in.Args["checksum"] == true).Now(e.files)
	if err != nil {
		return err
	}
	in.Args["tree_sha256"] = t.SHA256
	if t.Content != nil {
		in.Args["content"] = t.Content
	}
	large := len(t.Encoded) > inlineTree
	if large {
		in.Args["tree_size"] = int64(len(t.Encoded))
	} else {
		in.Args["tree"] = t.Encoded
	}
	if large || t.Content == nil {
		in.Content = &plan.Content{Argument: "tree", File: root, Files: t.Files}
		if large {
			in.Content.Data = t.Encoded
		}
	}
	return nil
}

// takeRequest lets the controller make the request of an action, should the target have nothing to make it with.
func takeRequest(in *plan.Instance) {
	r := &plan.Request{}
	var known bool
	if r.URL, known = in.Args["url"].(string); !known {
		return
	}
	r.Username, _ = in.Args["username"].(string)
	r.Password, _ = in.Args["password"].(string)
	if headers, given := in.Args["headers"].(map[string]any); given {
		r.Headers = map[string]string{}
		for name, value := range headers {
			r.Headers[name], _ = value.(string)
		}
	}
	in.Content = &plan.Content{Request: r}
}

// sourceFile is what a file held when it was read, and what tells that it has been written since.
type sourceFile struct {
	info   fs.FileInfo
	data   []byte // nil: too much for a call
	size   int64
	digest string
}

// source reads a file, or tells what it held if it is the same as when another host asked.
func (e *Evaluator) source(file string) (*sourceFile, error) {
	f, err := e.files.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	e.mu.Lock() // one reads, others wait for it
	defer e.mu.Unlock()
	known := e.sources[file]
	if known != nil && trees.Same(known.info, info) {
		return known, nil
	}
	s := &sourceFile{info: info}
	head, err := io.ReadAll(io.LimitReader(f, wire.MaxInline+1))
	if err != nil {
		return nil, err
	}
	if len(head) <= wire.MaxInline {
		s.data = head
	}
	sum := sha256.New()
	sum.Write(head)
	rest, err := io.Copy(sum, f)
	if err != nil {
		return nil, err
	}
	s.size, s.digest = int64(len(head))+rest, hex.EncodeToString(sum.Sum(nil))
	e.sources[file] = s
	return s, nil
}
