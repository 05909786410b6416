// Command bench measures what the project claims, on a real sshd behind a link of a given delay, beside `ssh host true`
// over the same link in the same run. It needs root, sshd and ssh, as tests do. It prints a table in Markdown and, with
// -write, puts it into a file. Times on a shared machine are noisy: what counts are the ratios, which are taken between
// runs that follow each other.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	runner := flag.String("runner", "bin/runner", "the `binary` to measure")
	write := flag.String("write", "", "write the tables to this `file` too")
	runs := flag.Int("runs", 5, "runs of each kind; the median is shown")
	flag.Parse()
	if err := run(*runner, *write, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(runner, write string, runs int) (err error) {
	t := &host{}
	defer t.end(&err)
	b, err := newBench(t, runner, runs)
	if err != nil {
		return err
	}
	var tables []table
	for _, rtt := range []time.Duration{0, time.Millisecond, 25 * time.Millisecond, 250 * time.Millisecond} {
		m, err := b.measure(rtt)
		if err != nil {
			return err
		}
		tables = append(tables, m)
	}
	text, err := b.page(tables)
	if err != nil {
		return err
	}
	if _, err := os.Stdout.WriteString(text); err != nil {
		return err
	}
	if write == "" {
		return nil
	}
	return os.WriteFile(write, []byte(text), 0o644)
}
