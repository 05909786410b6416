package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runner/lang/diag"
)

// article puts one in front of what has none.
func article(what string) string {
	switch {
	case strings.HasPrefix(what, "the "):
		return what
	case strings.ContainsAny(what[:1], "aeiou"):
		return "an " + what
	}
	return "a " + what
}

// suggest is a suggestion, or a list of what there is if nothing is near.
func suggest(name string, candidates []string, what string) string {
	if s := diag.DidYouMean(name, candidates); s != "" {
		return s
	}
	return fmt.Sprintf(" %s are %s.", what, strings.Join(candidates, ", "))
}

// likeAction suggests an action: one of a like name, or what does here what a module of Ansible does.
func (d *declarer) likeAction(name string) string {
	known := append(slices.Sorted(maps.Keys(d.Actions)), laterActions()...)
	for _, dir := range d.modules() {
		known = append(known, d.Own.Names(dir)...)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	elsewhere := map[string]string{
		"apk": "package", "apt": "package", "copy": "file", "debug": "print", "dnf": "package", "link": "symlink", "mkdir": "directory",
		"systemd": "service", "systemd_service": "service", "template": "file", "uri": "http", "wait_for": "wait", "yum": "package",
	}
	there := name
	if elsewhere[there] == "" {
		there = diag.Suggest(name, diag.Candidates(elsewhere))
	}
	if here := elsewhere[there]; diag.Suggest(name, known) == "" && slices.Contains(known, here) {
		return diag.Meant(here)
	}
	return suggest(name, known, "The actions")
}
