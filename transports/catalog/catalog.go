// Package catalog lists the kinds of hops there are. It is the one place that a new one is added to; the command line
// hands its list to the language, which checks sites against it, and to the broker, which opens hops.
package catalog

import (
	"runner/agent/schema"
	"runner/transports"
	"runner/transports/docker"
	"runner/transports/local"
	"runner/transports/ssh"
	"runner/transports/sudo"
)

// All returns the transports by name.
func All() map[string]transports.Transport {
	all := map[string]transports.Transport{}
	for _, t := range []transports.Transport{ssh.Transport(), sudo.Transport(), docker.Transport(), local.Transport()} {
		all[t.Name] = t
	}
	return all
}

// Schemas returns what the language checks hops against.
func Schemas() map[string]schema.Block {
	all := map[string]schema.Block{}
	for name, t := range All() {
		all[name] = t.Block
	}
	return all
}
