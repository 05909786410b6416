// Command bench measures what the project claims, on a real sshd behind a link of a given delay, beside `ssh host true`
// over the same link in the same run. It needs root, sshd and ssh, as tests do. It prints a table in Markdown and, with
// -write, puts it into a file. Times on a shared machine are noisy: what counts are the ratios, which are taken between
// runs that follow each other.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	runner := flag.String("runner", "bin/runner", "the `binary` to measure")
	write := flag.String("write", "", "write the tables to this `file` too")
	runs := flag.Int("runs", 5, "runs of each kind; the median is shown")
	trips := durations{0, time.Millisecond, 25 * time.Millisecond, 250 * time.Millisecond}
	flag.Var(&trips, "rtt", "round-trip `times` of the link, joined by commas")
	section := flag.String("section", "", "measure only this `section`: large (needs no sshd and no root)")
	flag.Parse()
	measure := run
	switch *section {
	case "":
	case "large":
		measure = runLarge
	default:
		fmt.Fprintf(os.Stderr, "bench: there is no section %q\n", *section)
		os.Exit(2)
	}
	if err := measure(*runner, *write, *runs, trips); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// durations is a list of durations as a flag.
type durations []time.Duration

func (d *durations) String() string { return strings.Trim(fmt.Sprint([]time.Duration(*d)), "[]") }

// Set takes the whole list.
func (d *durations) Set(text string) error {
	*d = nil
	for part := range strings.SplitSeq(text, ",") {
		one, err := time.ParseDuration(part)
		if err != nil {
			return err
		}
		*d = append(*d, one)
	}
	return nil
}

// runLarge measures the large site alone, and leaves the rest of the file as it is.
func runLarge(runner, write string, runs int, _ durations) error {
	section, err := largeSites(runner, runs)
	if err != nil {
		return err
	}
	if _, err := os.Stdout.WriteString(section); err != nil || write == "" {
		return err
	}
	page, err := os.ReadFile(write)
	if err != nil {
		return err
	}
	return os.WriteFile(write, []byte(replaceSection(string(page), largeHeading, section)), 0o644)
}

func run(runner, write string, runs int, trips durations) (err error) {
	t := &host{}
	defer t.end(&err)
	b, err := newBench(t, runner, runs)
	if err != nil {
		return err
	}
	var tables []table
	for _, rtt := range trips {
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
	section, err := largeSites(runner, runs)
	if err != nil {
		return err
	}
	text = replaceSection(text, largeHeading, section)
	if _, err := os.Stdout.WriteString(text); err != nil {
		return err
	}
	if write == "" {
		return nil
	}
	return os.WriteFile(write, []byte(text), 0o644)
}
