package planner

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"runner/lang"
)

// Way is how a host is reached.
type Way struct {
	Host *lang.Host
	Hops []Hop // as they are used, outermost first: jump hosts from ~/.ssh/config among them
}

// Hop is one step of a way, for people and programs to read.
type Hop struct {
	Transport string
	Title     string
	User      string         // "": nothing says it before the connection
	Options   map[string]any // resolved; what is sensitive among them is "(sensitive)"
}

// Ways returns the hosts of a site with the hops that lead to them, in the order of the site. A selection of tasks
// leaves those on which one of them runs. Nothing is connected to.
func Ways(site *lang.Site, o Options) ([]Way, hcl.Diagnostics) {
	picked, diags := o.Selection.apply(site)
	if diags.HasErrors() {
		return nil, diags
	}
	var working map[*lang.Host]bool // nil: all
	if s := o.Selection; len(s.Tags)+len(s.SkipTags)+len(s.Targets) > 0 {
		working = picked.working(site)
	}
	w := wayfinder{tree: newTree(o, site.Settings.ConnectTimeout), hops: map[*lang.Hop][]Hop{}}
	var out []Way
	for _, h := range site.Hosts {
		if picked.hosts != nil && !picked.hosts[h.Name] || working != nil && !working[h] {
			continue
		}
		way := Way{Host: h}
		for _, hop := range h.Hops {
			way.Hops = append(way.Hops, w.resolve(hop)...)
		}
		out = append(out, way)
	}
	return out, append(diags, w.diags...)
}

// working are the hosts on which a selected task runs.
func (s selected) working(site *lang.Site) map[*lang.Host]bool {
	out := map[*lang.Host]bool{}
	for _, j := range site.Jobs {
		if s.jobs[j.Name] && slices.ContainsFunc(j.Tasks, s.takes) {
			for _, h := range j.Hosts {
				out[h] = true
			}
		}
	}
	return out
}

// wayfinder resolves hops, those that hosts share once.
type wayfinder struct {
	tree  *tree
	hops  map[*lang.Hop][]Hop
	diags hcl.Diagnostics
}

func (w *wayfinder) resolve(hop *lang.Hop) []Hop {
	if out, ok := w.hops[hop]; ok {
		return out
	}
	steps, err := w.tree.expand(hop)
	if err != nil {
		w.diags = append(w.diags, hopError(hop, err))
	}
	out := make([]Hop, 0, len(steps))
	for _, options := range steps {
		shown := maps.Clone(options)
		for _, name := range hop.Secrets {
			if shown[name] != nil {
				shown[name] = hidden
			}
		}
		out = append(out, Hop{
			Transport: hop.Transport, Options: shown,
			Title: w.tree.options.Title(hop.Transport, shown), User: w.tree.options.User(hop.Transport, shown),
		})
	}
	w.hops[hop] = out
	return out
}
