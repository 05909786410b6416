package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const syncHeading = "## Trees\n"

// What is brought over: many small files, a large one of which a hundredth is new, and empty ones.
const (
	smallFiles = 10_000
	largeSize  = 1 << 30 // bytes
	newParts   = 100     // of a ten-thousandth each
	emptyFiles = 1000
	emptyTrip  = 26 * time.Millisecond
	syncRuns   = 3
)

const syncSite = `
host "target" {
  address = "127.0.0.1"
%[1]s}
job "sync" {
  hosts = [host.target]
  task "sync" "tree" {
    source = "%[2]s"
    path   = "%[3]s"
    delete = true
  }
}
`

// tree is one that is brought over: from where, and what is to be there before.
type tree struct {
	name   string
	from   string
	before func() error
}

// runSync measures trees beside rsync, and empty files beside a bare ssh.
func runSync(runner, write string, runs int, trips durations) (err error) {
	t := &host{}
	defer t.end(&err)
	b, err := newBench(t, runner, min(runs, syncRuns))
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("rsync"); err != nil {
		return fmt.Errorf("rsync is needed to compare with: %w", err)
	}
	trees, err := b.syncTrees()
	if err != nil {
		return err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n`sync` beside `rsync -a --delete`: %d files of about 1 KiB, and one file of %d MiB of random bytes, of which 1 %% in %d places is another one on the target; the median of\n"+
		"%d runs, in turn. \"Unchanged\" finds nothing to do. runner has all of it on stable storage before it says that it is done, and compares the digests of what it has written; CPU and memory are those of the client.\n\n"+
		"| round-trip time | what | with | wall | sent | received | CPU | memory |\n|---|---|---|---|---|---|---|---|\n", syncHeading, smallFiles, largeSize>>20, newParts, b.runs)
	for _, rtt := range trips {
		if rtt != 0 && rtt != 25*time.Millisecond {
			continue
		}
		for _, tree := range trees {
			for _, c := range []contestant{
				{"rsync", func(port int) (*exec.Cmd, error) { return b.rsync(port, tree) }, 0},
				{"runner", func(port int) (*exec.Cmd, error) { return b.sync(port, tree) }, 0},
			} {
				samples, err := b.samples(rtt, c)
				if err != nil {
					return err
				}
				mib := func(bytes int64) string { return fmt.Sprintf("%.2f MiB", float64(bytes)/(1<<20)) }
				fmt.Fprintf(&out, "| %v | %s | %s | %.2f s | %s | %s | %.2f s | %.0f MiB |\n", rtt, tree.name, c.name,
					median(samples, func(s sample) time.Duration { return s.wall }).Seconds(),
					mib(median(samples, func(s sample) int64 { return s.up })), mib(median(samples, func(s sample) int64 { return s.down })),
					median(samples, func(s sample) time.Duration { return s.cpu }).Seconds(),
					float64(median(samples, func(s sample) int64 { return s.memory }))/(1<<20))
			}
		}
	}
	if err := b.syncEmpty(&out); err != nil {
		return err
	}
	out.WriteString("\n")
	return section(write, syncHeading, out.String())
}

// target is where trees are brought to.
func (b *bench) target() string { return filepath.Join(b.account.Home, "tree") }

// syncTrees makes what is brought over.
func (b *bench) syncTrees() ([]tree, error) {
	small, large, old := filepath.Join(b.dir, "small"), filepath.Join(b.dir, "large"), filepath.Join(b.dir, "old")
	for i := range smallFiles {
		name := filepath.Join(small, fmt.Sprintf("d%d/f%d", i%100, i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return nil, err
		}
		if err := random(name, 500+int64(i%1000)); err != nil {
			return nil, err
		}
	}
	for _, dir := range []string{large, old} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := random(filepath.Join(old, "large"), largeSize); err != nil {
		return nil, err
	}
	if err := renew(filepath.Join(old, "large"), filepath.Join(large, "large")); err != nil {
		return nil, err
	}
	// What rsync goes by is whole seconds: the two must not have been written in the same one.
	before := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(old, "large"), before, before); err != nil {
		return nil, err
	}
	removed := func() error { return os.RemoveAll(b.target()) }
	instead := func(gone func() error, dir string) func() error {
		return func() error { return errors.Join(gone(), b.place(dir)) }
	}
	return []tree{
		{"10,000 files, fresh", small, b.aside},
		{"10,000 files, unchanged", small, instead(b.aside, small)},
		{"1 GiB, fresh", large, removed},
		{"1 GiB, 1 % changed", large, instead(removed, old)},
		{"1 GiB, unchanged", large, instead(removed, large)},
	}, nil
}

// aside has nothing where many files have been, and leaves them elsewhere: ext4 does not use the inodes of what was removed in the last
// seconds, and looks at each of them whenever it needs one (recently_deleted in fs/ext4/ialloc.c), which makes what is measured slower
// by as much again.
func (b *bench) aside() error {
	if _, err := os.Lstat(b.target()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	gone, err := os.MkdirTemp(b.account.Home, "gone-")
	if err != nil {
		return err
	}
	return os.Rename(b.target(), filepath.Join(gone, "tree"))
}

// renew copies a file with a hundredth of it changed.
func renew(from, to string) error {
	if out, err := exec.Command("cp", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot copy: %w\n%s", err, out)
	}
	f, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	const part = largeSize / 100 / newParts
	for range newParts {
		w := io.NewOffsetWriter(f, mathrand.Int64N(largeSize-part)) //nolint:gosec // no secret
		if _, err := io.CopyN(w, rand.Reader, part); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// place has a tree on the target as if it had been brought there.
func (b *bench) place(dir string) error {
	out, err := exec.Command("cp", "-a", dir, b.target()).CombinedOutput()
	if err == nil {
		out, err = exec.Command("chown", "-R", b.account.Name+":", b.target()).CombinedOutput()
	}
	if err == nil {
		out, err = exec.Command("sync", "-f", b.target()).CombinedOutput()
	}
	if err != nil {
		return fmt.Errorf("cannot prepare the target: %w\n%s", err, out)
	}
	return nil
}

func (b *bench) rsync(port int, t tree) (*exec.Cmd, error) {
	known, err := b.known(port)
	if err == nil {
		err = t.before()
	}
	ssh := strings.Join(append([]string{"ssh", "-p", fmt.Sprint(port)}, b.client(known)...), " ")
	return exec.Command("rsync", "-a", "--delete", "-e", ssh, t.from+"/", b.account.Name+"@127.0.0.1:"+b.target()+"/"), err
}

func (b *bench) sync(port int, t tree) (*exec.Cmd, error) {
	known, err := b.known(port)
	if err == nil {
		err = t.before()
	}
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(syncSite, b.hop(port, known), t.from, b.target())
	if err := os.WriteFile(filepath.Join(b.dir, "site.hcl"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(b.runner, "apply", "--auto-approve", "--json", b.dir)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+b.bed.Dir())
	return cmd, nil
}

// syncEmpty brings empty files over a link, each time beside a bare ssh.
func (b *bench) syncEmpty(out *strings.Builder) error {
	empty := filepath.Join(b.dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		return err
	}
	for i := range emptyFiles {
		if err := os.WriteFile(filepath.Join(empty, fmt.Sprintf("f%d", i)), nil, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\n%d empty files over %v, beside `ssh host true` just before; medians, and that of the ratios of wall time.\n\n| what | wall | × ssh | round trips |\n|---|---|---|---|\n", emptyFiles, emptyTrip)
	for _, t := range []tree{
		{"fresh", empty, b.aside},
		{"unchanged", empty, func() error { return nil }},
	} {
		r := row{}
		for round := range 2*b.runs + 1 {
			beside, err := b.sample(emptyTrip, b.ssh)
			if err != nil {
				return err
			}
			s, err := b.sample(emptyTrip, func(port int) (*exec.Cmd, error) { return b.sync(port, t) })
			if err != nil {
				return err
			}
			if round > 0 { // the first one fills caches
				r.samples = append(r.samples, s)
				r.ratios = append(r.ratios, float64(s.wall)/float64(beside.wall))
			}
		}
		slices.Sort(r.ratios)
		fmt.Fprintf(out, "| %s | %.0f ms | %.2f | %d |\n", t.name, 1000*median(r.samples, func(s sample) time.Duration { return s.wall }).Seconds(),
			r.ratios[len(r.ratios)/2], median(r.samples, func(s sample) int { return s.trips }))
	}
	return nil
}
