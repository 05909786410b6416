// Command bench measures what the project claims, on a real sshd behind a link of a given delay, beside `ssh host true`
// over the same link in the same run. It needs root, sshd and ssh, as tests do. It prints a table in Markdown and, with
// -write, puts it into a file. Times on a shared machine are noisy: what counts are the ratios, which are taken between
// runs that follow each other.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	runner := flag.String("runner", "bin/runner", "the `binary` to measure")
	write := flag.String("write", "", "write the tables to this `file` too")
	runs := flag.Int("runs", 5, "runs of each kind; the median is shown")
	trips := durations{0, time.Millisecond, 25 * time.Millisecond, 250 * time.Millisecond}
	flag.Var(&trips, "rtt", "round-trip `times` of the link, joined by commas")
	only := flag.String("section", "", "measure only this `section`: trips, large (needs no sshd and no root), fleet, tools, transfer, sync, role or soak")
	sizes := counts{10, 100, 1000}
	flag.Var(&sizes, "machines", "`numbers` of machines of the section fleet, joined by commas, the smallest first")
	duration := flag.Duration("duration", 30*time.Minute, "`how long` the section soak takes")
	login := flag.String("handshakes", "", "log in to these `addresses` and out again, and nothing else")
	user, key := flag.String("user", "", "with -handshakes: the `account`"), flag.String("key", "", "with -handshakes: the `file` of its key")
	flag.Parse()
	if *login != "" {
		end(handshakes(*login, *user, *key))
		return
	}
	fleet := func(runner, write string, _ int, _ durations) error { return runFleet(runner, write, sizes) }
	measure := func(runner, write string, runs int, trips durations) error {
		for _, part := range []func(string, string, int, durations) error{run, runTools, runTransfer, runSync, fleet, runRole} {
			if err := part(runner, write, runs, trips); err != nil {
				return err
			}
		}
		return nil
	}
	switch *only {
	case "":
	case "trips":
		measure = run
	case "large":
		measure = runLarge
	case "fleet":
		measure = fleet
	case "tools":
		measure = runTools
	case "transfer":
		measure = runTransfer
	case "sync":
		measure = runSync
	case "role":
		measure = runRole
	case "soak":
		measure = func(runner, write string, _ int, _ durations) error { return runSoak(runner, write, *duration) }
	default:
		end(fmt.Errorf("there is no section %q", *only))
	}
	end(measure(*runner, *write, *runs, trips))
}

// end ends the program if something went wrong.
func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// counts is a list of numbers as a flag.
type counts []int

func (c *counts) String() string { return strings.Trim(fmt.Sprint([]int(*c)), "[]") }

// Set takes the whole list.
func (c *counts) Set(text string) error {
	*c = nil
	for part := range strings.SplitSeq(text, ",") {
		one, err := strconv.Atoi(part)
		if err != nil || one < 1 {
			return fmt.Errorf("%q is no number of machines", part)
		}
		*c = append(*c, one)
	}
	return nil
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
	text, err := largeSites(runner, runs)
	if err != nil {
		return err
	}
	return section(write, largeHeading, text)
}

// section prints a section, and puts it into the file if there is one.
func section(write, heading, text string) error {
	if _, err := os.Stdout.WriteString(text); err != nil || write == "" {
		return err
	}
	page, err := os.ReadFile(write)
	if err != nil {
		return err
	}
	return os.WriteFile(write, []byte(replaceSection(string(page), heading, text)), 0o644)
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
	large, err := largeSites(runner, runs)
	if err != nil {
		return err
	}
	text = replaceSection(text, largeHeading, large)
	if _, err := os.Stdout.WriteString(text); err != nil {
		return err
	}
	if write == "" {
		return nil
	}
	old, err := os.ReadFile(write)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(write, []byte(withSections(text, string(old))), 0o644)
}
