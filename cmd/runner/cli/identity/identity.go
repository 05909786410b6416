// Package identity is what hosts are told from others by: so that what was planned for one, or done there, is not taken for
// another one's. Its neighbours saved and recorded keep it.
package identity

import (
	"fmt"
	"slices"
	"strings"

	"runner/executor/broker"
	"runner/planner/plan"
	"runner/planner/planfile"
)

// Hosts says what the hosts of a plan are known by, after a walk that has lost some of them.
func Hosts(p *plan.Plan, b *broker.Broker, lost map[string]bool) []planfile.Host {
	var out []planfile.Host
	for _, h := range p.Hosts {
		host := planfile.Host{Name: h.Name, Reached: h.Connection >= 0 && !lost[h.Name], Lost: lost[h.Name]}
		if host.Reached {
			host.Known = Of(p, b, h)
		}
		out = append(out, host)
	}
	return out
}

// Of is what a host is told from others by, in words, as far as the connections to it are open.
func Of(p *plan.Plan, b *broker.Broker, h plan.Host) []string {
	var out []string
	for _, c := range p.Chain(h.Connection) {
		if key := b.HostKey(c); key != "" {
			out = append(out, fmt.Sprintf("the host key of %s, %s", p.Connections[c].Title, key))
		}
	}
	hello, ok := b.Hello(h.Connection)
	if !ok {
		return out
	}
	f := hello.Facts
	if f.MachineID != "" {
		out = append(out, "the machine id "+f.MachineID)
	}
	switch {
	case container(f.Virtualization):
		out = append(out, "the container "+f.Hostname)
	case len(out) == 0: // better than nothing
		out = append(out, "the host name "+f.Hostname)
	}
	return out
}

// container says whether a kind of virtualization is one in which the host's name tells containers apart.
func container(virtualization string) bool {
	return slices.Contains([]string{"docker", "podman", "container-other"}, virtualization)
}

// Change says how two lists of what a host is known by differ.
func Change(was, is []string) string {
	var parts []string
	for _, w := range was {
		if !slices.Contains(is, w) {
			parts = append(parts, "The plan was made for "+w+".")
		}
	}
	for _, i := range is {
		if !slices.Contains(was, i) {
			parts = append(parts, "Now it is "+i+".")
		}
	}
	return strings.Join(parts, " ")
}
