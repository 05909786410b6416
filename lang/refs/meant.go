package refs

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
)

// meant suggests what a name that stands for nothing may be: something that needs a word in front of it, what is called
// otherwise in YAML or in Ansible, a name that is like it, or text without its quotes.
func (w *walk) meant(t hcl.Traversal) string {
	name := t.RootName()
	if here := elsewhere()[name]; here != "" {
		return diag.Meant(here)
	}
	names, module := w.analyzer.names, w.place.Module
	_, isVariable := module.Variables[name]
	_, isLocal := module.Locals[name]
	_, isHost := names.Hosts[name]
	_, isJob := names.Jobs[name]
	for _, is := range []struct {
		so   bool
		kind string
	}{
		{isVariable, "var"},
		{isLocal, "local"},
		{w.place.Roots&Result != 0 && slices.Contains(append(flags(), w.place.Results...), name), "result"},
		{isHost, "host"},
		{names.Chains[name], "chain"},
		{isJob, "job"},
	} {
		if is.so {
			return diag.Meant(is.kind + "." + name)
		}
	}
	if like := diag.DidYouMean(name, diag.Candidates(roots())); like != "" || len(t) > 1 {
		return like
	}
	return " Text stands in double quotes: " + diag.Quote(name) + "."
}

// elsewhere are words of YAML, Python and Ansible.
func elsewhere() map[string]string {
	return map[string]string{
		"yes": "true", "Yes": "true", "on": "true", "On": "true", "True": "true", "TRUE": "true",
		"no": "false", "No": "false", "off": "false", "Off": "false", "False": "false", "FALSE": "false",
		"None": "null", "nil": "null", "Null": "null", "NULL": "null",
		"item": "each.value", "ansible_facts": "self.facts", "inventory_hostname": "self.name", "ansible_host": "self.address",
		"hostvars": "host", "groups": "inventory",
	}
}
