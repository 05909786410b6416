// Package local describes the hop to the controller's own machine and user: the agent is a child process of the
// controller, in its directory and with its environment (G32). Its neighbours are the other transports and agent/child.
package local

import (
	"runner/agent/schema"
	"runner/agent/wire"
	"runner/transports"
)

// Transport returns the local hop.
func Transport() transports.Transport {
	return transports.Transport{
		Block: schema.Block{
			Name:      "local",
			Doc:       "The machine and user that runner itself runs on and as.",
			Arguments: []schema.Attribute{transports.Timeout()},
			Check:     transports.CheckTimeout,
			Example:   `hop "local" { connect_timeout = "20s" }`,
		},
		Open: func(o transports.Options) (wire.Open, error) {
			if err := transports.CheckTimeout(o); err != nil {
				return wire.Open{}, err
			}
			return wire.Open{Attempts: []wire.Attempt{{
				Entry:    wire.EntryShell, // behind nothing: /bin/sh itself
				Failures: []wire.Failure{{Code: wire.CodeHop, Hint: "runner needs /bin/sh to start its agent on this machine."}},
			}}}, nil
		},
		Title: func(transports.Options) string { return "local" },
	}
}
