package planner

import (
	"encoding/json"
	"maps"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/lang"
	"runner/planner/plan"
)

// hidden stands for what is sensitive.
const hidden = "(sensitive)"

// defaultConnectTimeout is how long a hop may take until its hello when neither the hop nor the site says.
const defaultConnectTimeout = 30 * time.Second

// tree collects connections: each hop once, with what lies before it as its parent.
type tree struct {
	options     Options
	timeout     time.Duration
	connections []plan.Connection
	index       map[string]int              // parent, transport and options → connection
	expanded    map[string][]map[string]any // memo of Options.Expand: a thousand hosts may share a jump host
}

func newTree(o Options, timeout time.Duration) *tree {
	if timeout == 0 {
		timeout = defaultConnectTimeout
	}
	return &tree{options: o, timeout: timeout, index: map[string]int{}, expanded: map[string][]map[string]any{}}
}

// chain adds hops behind a connection (-1: the controller) and returns the last one's index.
func (t *tree) chain(parent int, hops []*lang.Hop) (int, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	for _, hop := range hops {
		steps, err := t.expand(hop)
		if err != nil {
			diags = append(diags, hopError(hop, err))
			continue
		}
		for _, options := range steps {
			parent = t.add(parent, hop, options)
		}
	}
	return parent, diags
}

func (t *tree) expand(hop *lang.Hop) ([]map[string]any, error) {
	key := identity(-1, hop.Transport, hop.Options)
	if steps, ok := t.expanded[key]; ok {
		return steps, nil
	}
	steps, err := t.options.Expand(hop.Transport, hop.Options)
	if err != nil {
		return nil, err
	}
	t.expanded[key] = steps
	return steps, nil
}

func (t *tree) add(parent int, hop *lang.Hop, options map[string]any) int {
	key := identity(parent, hop.Transport, options)
	if i, ok := t.index[key]; ok {
		return i
	}
	timeout := t.timeout
	if s, ok := options["connect_timeout"].(string); ok {
		if d, err := time.ParseDuration(s); err == nil {
			timeout = d
		}
	}
	shown := maps.Clone(options)
	var secrets []string
	for _, name := range hop.Secrets {
		secrets = append(secrets, texts(hop.Options[name])...)
		secrets = append(secrets, texts(options[name])...) // where a path is resolved by now
		shown[name] = hidden
	}
	i := len(t.connections)
	t.index[key] = i
	t.connections = append(t.connections, plan.Connection{
		Parent: parent, Transport: hop.Transport, Title: t.options.Title(hop.Transport, shown), User: t.options.User(hop.Transport, shown),
		Options: options, Secrets: secrets, Timeout: timeout, Place: placeOf(hop.Range),
	})
	return i
}

// texts returns the texts in a plain value.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			out = append(out, texts(e)...)
		}
		return out
	}
	return nil
}

// identity is equal for hops that may share a connection. It holds secrets, so it stays in memory.
func identity(parent int, transport string, options map[string]any) string {
	encoded, err := json.Marshal(options) // sorts keys; options are plain values, which always encode
	if err != nil {
		panic("options of hop " + transport + " are not plain values: " + err.Error())
	}
	return strconv.Itoa(parent) + " " + transport + " " + string(encoded)
}

// mark finds the connections that tasks run at the end of, and the ssh hops that nothing but further ssh hops need: they are
// tunnelled through, no agent starts.
func (t *tree) mark(p *plan.Plan) {
	needed := make([]bool, len(t.connections))
	for _, h := range p.Hosts {
		if h.Connection >= 0 {
			needed[h.Connection] = true
		}
	}
	for _, job := range p.Jobs {
		for _, tasks := range [][]plan.Task{job.Tasks, job.Handlers} {
			for _, task := range tasks {
				for _, c := range task.Connections {
					needed[c] = true
				}
			}
		}
	}
	for i := range t.connections {
		t.connections[i].Target = needed[i]
	}
	leadsOn := make([]bool, len(t.connections))
	for _, c := range t.connections {
		if c.Parent < 0 {
			continue
		}
		leadsOn[c.Parent] = true
		if c.Transport != "ssh" || t.connections[c.Parent].Transport != "ssh" {
			needed[c.Parent] = true
		}
	}
	for i := range t.connections {
		t.connections[i].Transit = !needed[i] && leadsOn[i]
	}
}
