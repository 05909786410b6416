package syntax

import (
	"slices"

	"runner/lang/diag"
)

// meant suggests what an unknown argument or block may be: one of a like name, or what does here what Ansible or
// Terraform have under the name.
func meant(name string, candidates []string) string {
	if text := diag.DidYouMean(name, candidates); text != "" {
		return text
	}
	elsewhere := map[string][]string{
		"become":              {"run_as"},
		"become_user":         {"run_as"},
		"block":               {"try"},
		"cmd":                 {"argv", "script"},
		"delegate_to":         {"on"},
		"dest":                {"path"},
		"ignore_errors":       {"on_failure"},
		"loop":                {"for_each"},
		"max_fail_percentage": {"rollout"},
		"module":              {"role"},
		"no_log":              {"sensitive"},
		"play":                {"job"},
		"provisioner":         {"task"},
		"retries":             {"retry"},
		"serial":              {"rollout"},
		"src":                 {"source"},
		"terraform":           {"runner"},
		"until":               {"retry"},
		"with_dict":           {"for_each"},
		"with_items":          {"for_each"},
	}
	ofHop := []string{"user", "port", "key", "keys", "password", "identity_file", "private_key", "container"}
	if slices.Contains(ofHop, name) && slices.Contains(candidates, "via") {
		return " How a host is reached stands in its hops, such as hop \"ssh\" { user = \"deploy\" }."
	}
	for _, here := range elsewhere[name] {
		if slices.Contains(candidates, here) {
			return diag.Meant(here)
		}
	}
	return ""
}
