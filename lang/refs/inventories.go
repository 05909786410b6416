package refs

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
)

// InventoryPrefix is what the names of inventories have in front among those of host blocks: inventory.TYPE.NAME.
const InventoryPrefix = "inventory."

// ResourceAttributes are what resource has, in an inventory of type terraform.
func ResourceAttributes() []string {
	return []string{"address", "mode", "type", "name", "module", "key", "values"}
}

// inventoryRef follows inventory.TYPE.NAME.hosts["NAME"] and inventory.TYPE.NAME.groups["GROUP"]["NAME"].
func (w *walk) inventoryRef(t hcl.Traversal) flow {
	var parts []string
	for _, step := range t[1:min(3, len(t))] {
		if name, ok := stepName(step); ok {
			parts = append(parts, name)
		}
	}
	if len(parts) < 2 {
		w.errorf(diag.UnknownReference, t.SourceRange(), "Incomplete reference",
			"%q alone stands for nothing: a type and a name must follow, as in inventory.TYPE.NAME.hosts.", t.RootName())
		return nil
	}
	full := InventoryPrefix + strings.Join(parts, ".")
	hosts := w.analyzer.names.Hosts
	if _, ok := hosts[full]; !ok && w.analyzer.names.Partial {
		w.missing(full, t)
		return nil
	} else if !ok {
		var candidates []string
		for _, name := range diag.Candidates(hosts) {
			if strings.HasPrefix(name, InventoryPrefix) {
				candidates = append(candidates, name)
			}
		}
		w.errorf(diag.UnknownReference, upTo(t, 3), "Unknown inventory", "The site declares no inventory %s of type %s.%s",
			diag.Quote(parts[1]), diag.Quote(parts[0]), diag.OneOf(full, candidates))
		return nil
	}
	w.uses.Refs = append(w.uses.Refs, Ref{Host, full, t.SourceRange()})
	w.uses.Hosts = union(w.uses.Hosts, []string{full})
	s := source{kind: host, host: full, depth: unknown, loose: true}
	if len(t) == 3 {
		return flow{s}
	}
	known := []string{"hosts", "groups"}
	switch what, _ := stepName(t[3]); what {
	case "hosts":
		s.depth, s.loose = 1, false
	case "groups":
		s.depth, s.loose, s.groups = 2, false, true
	default:
		w.errorf(diag.UnknownReference, upTo(t, 4), "Unknown reference", "An inventory has only hosts and groups.%s", diag.DidYouMean(what, known))
		return nil
	}
	return w.steps(flow{s}, t[4:])
}
