package lang

import "runner/lang/value"

// GroupNames are the groups of its inventory that a host is in.
func (h *Host) GroupNames() []string {
	list, _ := value.Plain(h.parts["groups"]).([]any)
	out := make([]string, 0, len(list))
	for _, name := range list {
		if text, ok := name.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
