// Command runner changes machines over chains of hops, as a site says.
package main

import (
	"os"

	"runner/cmd/runner/cli"
)

func main() {
	p := cli.Program{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ()}
	os.Exit(p.Main(os.Args[1:]))
}
