package completion

import (
	"strings"

	"runner/lang"
)

// HostPatterns are the names of hosts as patterns that need no quotes within quotes, their labels, and the groups of
// inventories.
func HostPatterns(site *lang.Site) []string {
	var out []string
	seen := map[string]bool{}
	for _, h := range site.Hosts {
		out = append(out, strings.ReplaceAll(h.Name, `"`, ""))
		for name, value := range h.Labels {
			if label := name + "=" + value; !seen[label] {
				seen[label] = true
				out = append(out, label)
			}
		}
		for _, group := range h.GroupNames() {
			if group = "@" + group; !seen[group] {
				seen[group] = true
				out = append(out, group)
			}
		}
	}
	return out
}

// Addresses are those of jobs and tasks.
func Addresses(site *lang.Site) []string {
	var out []string
	for _, j := range site.Jobs {
		out = append(out, "job."+j.Name)
		for _, t := range j.Tasks {
			out = append(out, t.Address)
		}
	}
	return out
}

// Tags are those of tasks.
func Tags(site *lang.Site) []string {
	var out []string
	seen := map[string]bool{}
	for _, j := range site.Jobs {
		for _, t := range j.Tasks {
			for _, tag := range t.Tags {
				if !seen[tag] {
					seen[tag] = true
					out = append(out, tag)
				}
			}
		}
	}
	return out
}

// HostNames are the names of hosts, without quotes: shells would take them for their own.
func HostNames(site *lang.Site) []string {
	var out []string
	for _, h := range site.Hosts {
		out = append(out, strings.ReplaceAll(h.Name, `"`, ""))
	}
	return out
}

// HostPlaces are the names of hosts, as they stand before a path.
func HostPlaces(site *lang.Site) []string {
	var out []string
	for _, h := range site.Hosts {
		out = append(out, strings.ReplaceAll(h.Name, `"`, "")+":")
	}
	return out
}
