package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"runner/cmd/bench/large"
)

// The large site, and the heading of what is measured of it.
const (
	largeHosts   = 10_000
	largeTasks   = 100
	largeHeading = "## Large sites\n"
)

// largeSites measures what a site of very many hosts takes that is only read and planned.
func largeSites(runner string, runs int) (string, error) {
	dir, err := os.MkdirTemp("", "runner-bench-")
	if err != nil {
		return "", fmt.Errorf("cannot make a site: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is in the directory for what is temporary
	if err := large.Write(dir, largeHosts, largeTasks); err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\nA site of %d hosts, which a YAML file lists, and %d tasks (cmd/bench/large); the median of %d runs. No connection is made.\n\n",
		largeHeading, largeHosts, largeTasks, runs)
	out.WriteString("| | wall | CPU | memory |\n|---|---|---|---|\n")
	for _, args := range [][]string{{"validate"}, {"plan", "--offline"}} {
		var samples []sample
		for range runs {
			s, err := alone(exec.Command(runner, append(args, dir)...))
			if err != nil {
				return "", err
			}
			samples = append(samples, s)
		}
		fmt.Fprintf(&out, "| `runner %s` | %.2f s | %.2f s | %.0f MiB |\n", strings.Join(args, " "),
			median(samples, func(s sample) time.Duration { return s.wall }).Seconds(),
			median(samples, func(s sample) time.Duration { return s.cpu }).Seconds(),
			float64(median(samples, func(s sample) int64 { return s.memory }))/(1<<20))
	}
	out.WriteString("\n")
	return out.String(), nil
}

// alone runs a program that needs no link; its output is not kept.
func alone(cmd *exec.Cmd) (sample, error) {
	var stderr strings.Builder
	cmd.Stderr = &stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("cannot measure %s: %w\n%s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return sample{
		wall: time.Since(begin), memory: usage.Maxrss << 10,
		cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
	}, nil
}

// replaceSection puts a section of a page in place of the one with the same heading, or at the end.
func replaceSection(page, heading, section string) string {
	before, rest, found := strings.Cut(page, heading)
	if !found {
		return strings.TrimRight(page, "\n") + "\n\n" + strings.TrimRight(section, "\n") + "\n"
	}
	after := ""
	if i := strings.Index(rest, "\n## "); i >= 0 {
		after = rest[i+1:]
	}
	return strings.TrimRight(before+section+after, "\n") + "\n"
}
