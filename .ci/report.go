// Command report reads what go test -json prints, shows what failed and what was skipped and why, and how long the
// packages took. Its exit status is 1 when anything failed or was skipped. The packages in which something failed are
// written to the file that it is given, a line each.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// event is one line of go test -json.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

func main() {
	var (
		passed, failed, skipped int
		output                  = map[string]*strings.Builder{}
		packages                []event
		bad                     []string
	)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // make's own words
			continue
		}
		name := e.Package + e.ImportPath + " " + e.Test
		if output[name] == nil {
			output[name] = &strings.Builder{}
		}
		switch e.Action {
		case "output", "build-output":
			output[name].WriteString(e.Output)
			continue
		case "build-fail":
			fmt.Print(output[name])
			failed++
			bad = append(bad, e.ImportPath)
		case "pass":
			passed++
		case "fail":
			failed++
			bad = append(bad, e.Package)
			fmt.Printf("FAILED %s\n%s", name, output[name])
		case "skip":
			if e.Test != "" { // a package without tests is "skipped" too
				skipped++
				fmt.Printf("SKIPPED %s\n%s", name, output[name])
			}
		default:
			continue
		}
		if e.Test == "" {
			packages = append(packages, e)
			passed -= btoi(e.Action == "pass")
		}
		delete(output, name)
	}
	slices.SortFunc(packages, func(a, b event) int { return int(1000 * (b.Elapsed - a.Elapsed)) })
	for _, p := range packages[:min(8, len(packages))] {
		fmt.Printf("%7.1f s  %s\n", p.Elapsed, p.Package)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	slices.Sort(bad)
	list := strings.Join(slices.Compact(bad), "\n")
	if err := os.WriteFile(os.Args[1], []byte(list), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if failed+skipped > 0 || passed == 0 || in.Err() != nil {
		os.Exit(1)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
