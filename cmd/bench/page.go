package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// page writes the tables down, with what they were measured on and how.
func (b *bench) page(tables []table) (string, error) {
	version, err := exec.Command(b.runner, "version").Output()
	if err != nil {
		return "", fmt.Errorf("cannot ask %s for its version: %w", b.runner, err)
	}
	ssh, _ := exec.Command("ssh", "-V").CombinedOutput() // "" where it does not say
	var out strings.Builder
	fmt.Fprintf(&out, `# Benchmarks

Written by `+"`make bench`"+` (cmd/bench), section by section; each section is from one run. A real sshd, one account, one ssh hop; between it and the clients
cmd/delay, a proxy that holds every byte back for half the round-trip time each way. Each run of runner stands beside a
run of `+"`ssh host true`"+` over the same link just before it; the ratio is the median of those pairs, the rest are medians
of %d runs. Every run changes all 20 files. "First contact" begins without an agent on the target.

- Machine: %s, %d processors, %s
- %s
- %s

`, b.runs, kernel(), runtime.NumCPU(), processor(), strings.TrimSpace(string(ssh)), strings.SplitN(string(version), "\n", 2)[0])
	for _, t := range tables {
		t.write(&out)
	}
	out.WriteString(`## Weight

What ` + "`runner version`" + ` prints:

` + "```\n" + string(version) + "```\n")
	return out.String(), nil
}

func (t table) write(out *strings.Builder) {
	fmt.Fprintf(out, "## Round-trip time %v\n\n", t.rtt)
	out.WriteString("| | wall | × ssh | min–max | round trips after login | turns on the wire | bytes up | bytes down | CPU | memory |\n")
	out.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range t.rows {
		ratio, spread, trips := "1", "", ""
		if len(r.ratios) > 0 {
			slices.Sort(r.ratios)
			ratio = fmt.Sprintf("%.2f", r.ratios[len(r.ratios)/2])
			spread = fmt.Sprintf("%.2f–%.2f", r.ratios[0], r.ratios[len(r.ratios)-1])
			trips = fmt.Sprint(median(r.samples, func(s sample) int { return s.trips }))
		}
		fmt.Fprintf(out, "| %s | %.3f s | %s | %s | %s | %d | %d | %d | %d ms | %.1f MiB |\n", r.name,
			median(r.samples, func(s sample) time.Duration { return s.wall }).Seconds(), ratio, spread, trips,
			median(r.samples, func(s sample) int { return s.turns }),
			median(r.samples, func(s sample) int64 { return s.up }),
			median(r.samples, func(s sample) int64 { return s.down }),
			median(r.samples, func(s sample) time.Duration { return s.cpu }).Milliseconds(),
			float64(median(r.samples, func(s sample) int64 { return s.memory }))/(1<<20))
	}
	out.WriteString("\n")
}

func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return runtime.GOOS + " " + strings.TrimSpace(string(text)) + " " + runtime.GOARCH
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
