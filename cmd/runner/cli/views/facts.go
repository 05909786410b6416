package views

import (
	"fmt"

	"runner/agent/wire"
	"runner/cmd/runner/cli/jsonlines"
	"runner/executor/event"
)

// Facts is one JSON object with the facts of hosts, by name: {"hosts":{"web":{…}}}. The environment of their accounts
// is hidden: it may hold secrets.
func Facts(hosts map[string]wire.Facts) (string, error) {
	out := make(map[string]map[string]any, len(hosts))
	for name, facts := range hosts {
		encoded, err := wire.Marshal(facts) // gives them the names of the language
		if err != nil {
			return "", fmt.Errorf("cannot read the facts of %s: %w", name, err)
		}
		var plain map[string]any
		if err := wire.Unmarshal(encoded, &plain); err != nil {
			return "", fmt.Errorf("cannot read the facts of %s: %w", name, err)
		}
		plain["env"] = event.Hidden
		out[name] = plain
	}
	return jsonlines.Object(map[string]any{"hosts": out})
}
