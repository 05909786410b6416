// Command runner-agent is what runs on targets. It is put there and started by its parent; by hand it does nothing.
package main

import (
	"fmt"
	"os"

	"runner/agent"
	"runner/agent/action/catalog"
)

func main() {
	status, ours := agent.Main(os.Args[1:], catalog.All())
	if !ours {
		fmt.Fprintln(os.Stderr, "runner-agent", agent.Version, "is started by runner, not by hand")
		status = 2
	}
	os.Exit(status)
}
