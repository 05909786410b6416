package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const transferHeading = "## Large files\n"

// transferSize is that of the file, in MiB.
const transferSize = 200

const transferSite = `
variable "generation" { type = string }
host "target" {
  address = "127.0.0.1"
%[1]s}
job "file" {
  hosts = [host.target]
  task "file" "large" {
    path   = "%[2]s/large-${var.generation}"
    source = "large.bin"
  }
}
`

// runTransfer measures one large file that is new on the target.
func runTransfer(runner, write string, runs int, trips durations) (err error) {
	t := &host{}
	defer t.end(&err)
	b, err := newBench(t, runner, runs)
	if err != nil {
		return err
	}
	large := filepath.Join(b.dir, "large.bin")
	if err := random(large, transferSize<<20); err != nil {
		return err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\nA file of %d MiB of random bytes that is new on the target; the median of %d runs, in turn. runner writes it to stable storage before it says\n"+
		"that it is done, and compares digests; scp does neither.\n\n| round-trip time | with | wall | MiB/s | × scp | CPU | memory |\n|---|---|---|---|---|---|---|\n", transferHeading, transferSize, runs)
	for _, rtt := range trips {
		scp := 0.0
		for _, c := range []contestant{
			{"scp", func(port int) (*exec.Cmd, error) { return b.scp(port, large) }, 0},
			{"runner cp", func(port int) (*exec.Cmd, error) { return b.transfer(port, "cp", large) }, 0},
			{"runner apply, file", func(port int) (*exec.Cmd, error) { return b.transfer(port, "apply", large) }, 0},
		} {
			samples, err := b.samples(rtt, c)
			if err != nil {
				return err
			}
			wall := median(samples, func(s sample) time.Duration { return s.wall })
			rate := transferSize / wall.Seconds()
			if scp == 0 {
				scp = rate
			}
			fmt.Fprintf(&out, "| %v | %s | %.2f s | %.0f | %.2f | %.2f s | %.0f MiB |\n", rtt, c.name, wall.Seconds(), rate, rate/scp,
				median(samples, func(s sample) time.Duration { return s.cpu }).Seconds(),
				float64(median(samples, func(s sample) int64 { return s.memory }))/(1<<20))
		}
	}
	out.WriteString("\n")
	return section(write, transferHeading, out.String())
}

// random writes a file of random bytes. (All of them at once in memory would count as the memory of every program started later.)
func random(name string, size int64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, rand.Reader, size)
	return errors.Join(err, f.Close())
}

// clear removes what the runs before have copied.
func (b *bench) clear() error {
	all, err := filepath.Glob(filepath.Join(b.account.Home, "large-*"))
	for _, name := range all {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	b.generation++
	return err
}

func (b *bench) scp(port int, file string) (*exec.Cmd, error) {
	known, err := b.known(port)
	if err == nil {
		err = b.clear()
	}
	to := fmt.Sprintf("%s@127.0.0.1:%s/large-%d", b.account.Name, b.account.Home, b.generation)
	return exec.Command("scp", append(b.client(known), "-q", "-P", fmt.Sprint(port), file, to)...), err
}

func (b *bench) transfer(port int, command, file string) (*exec.Cmd, error) {
	known, err := b.known(port)
	if err == nil {
		err = b.clear()
	}
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(transferSite, b.hop(port, known), b.account.Home)
	if err := os.WriteFile(filepath.Join(b.dir, "site.hcl"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	generation := fmt.Sprintf("generation=%d", b.generation)
	args := []string{"apply", "--auto-approve", "--json", "--var", generation, b.dir}
	if command == "cp" {
		args = []string{"cp", "--site", b.dir, "--var", generation, file, fmt.Sprintf("target:%s/large-%d", b.account.Home, b.generation)}
	}
	cmd := exec.Command(b.runner, args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+b.bed.Dir())
	return cmd, nil
}
