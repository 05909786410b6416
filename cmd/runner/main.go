// Command runner changes machines over chains of hops, as a site says.
package main

import (
	"os"

	"runner/agent"
	"runner/agent/action"
	"runner/cmd/runner/cli"
)

func main() {
	// Without embedded agents this program is its own: then it is what targets, this machine among them, start.
	if status, ours := agent.Main(os.Args[1:], action.All()); ours {
		os.Exit(status)
	}
	p := cli.Program{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ()}
	os.Exit(p.Main(os.Args[1:]))
}
