// Command runner changes machines over chains of hops, as a site says.
package main

import (
	"os"
	"strings"

	"runner/agent"
	"runner/agent/action/catalog"
	"runner/cmd/runner/cli"
)

func main() {
	// Without embedded agents this program is its own: then it is what targets, this machine among them, start.
	if status, ours := agent.Main(os.Args[1:], catalog.All()); ours {
		os.Exit(status)
	}
	environ := os.Environ()
	for _, pair := range environ { // they are for this program, not for what it starts on this machine
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "RUNNER_VAR_") {
			_ = os.Unsetenv(name)
		}
	}
	p := cli.Program{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: environ}
	os.Exit(p.Main(os.Args[1:]))
}
