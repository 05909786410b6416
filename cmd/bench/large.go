package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"runner/cmd/bench/large"
)

// The large site, and the heading of what is measured of it.
const (
	largeHosts   = 10_000
	largeTasks   = 100
	manyHosts    = 1000
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
		if err := measured(&out, runs, runner, append(args, dir)); err != nil {
			return "", err
		}
	}
	many := filepath.Join(dir, "many")
	if err := large.WriteMany(many, manyHosts); err != nil {
		return "", err
	}
	fmt.Fprintf(&out, "\nPlans with a connection: %d hosts that are this machine, with seven files each, most of which differ from host to host. One agent\n"+
		"looks for all of them, so this is what it takes to compare and to show.\n\n| | wall | CPU | memory |\n|---|---|---|---|\n", manyHosts)
	saved := filepath.Join(dir, "many.plan")
	for _, args := range [][]string{{"plan", many}, {"plan", "--out", saved, many}, {"show", saved}} {
		if err := measured(&out, runs, runner, args); err != nil {
			return "", err
		}
	}
	out.WriteString("\n")
	return out.String(), nil
}

// measured measures one command; of its paths only that there is one is shown.
func measured(out *strings.Builder, runs int, runner string, args []string) error {
	var samples []sample
	for range runs {
		s, err := alone(exec.Command(runner, args...))
		if err != nil {
			return err
		}
		samples = append(samples, s)
	}
	var shown []string
	for _, a := range args {
		if !filepath.IsAbs(a) {
			shown = append(shown, a)
		}
	}
	fmt.Fprintf(out, "| `runner %s` | %.2f s | %.2f s | %.0f MiB |\n", strings.Join(shown, " "),
		median(samples, func(s sample) time.Duration { return s.wall }).Seconds(),
		median(samples, func(s sample) time.Duration { return s.cpu }).Seconds(),
		float64(median(samples, func(s sample) int64 { return s.memory }))/(1<<20))
	return nil
}

// alone runs a program that needs no link; its output is not kept.
func alone(cmd *exec.Cmd) (sample, error) {
	var stdout, stderr tail
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("cannot measure %s: %w\n%s%s", strings.Join(cmd.Args, " "), err, stdout, stderr)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return sample{
		wall: time.Since(begin), memory: usage.Maxrss << 10,
		cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
	}, nil
}

// tail keeps the end of what is written to it.
type tail string

func (t *tail) Write(p []byte) (int, error) {
	const most = 2000
	*t += tail(p)
	*t = (*t)[max(0, len(*t)-most):]
	return len(p), nil
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

// withSections returns a page with those sections of an old one that it has not: other measurements made them.
func withSections(page, old string) string {
	for i, section := range strings.Split(old, "\n## ") {
		heading, _, _ := strings.Cut(section, "\n")
		if i > 0 && !strings.Contains(page, "\n## "+heading+"\n") {
			page = replaceSection(page, "## "+heading+"\n", "## "+section)
		}
	}
	return page
}
