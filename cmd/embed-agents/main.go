// Command embed-agents builds the agent for every platform and puts them, compressed, where cmd/runner/agents embeds
// them. Equal sources give equal agents, so that caches on targets stay valid: nothing of the machine, the time or the
// commit is in them. What is up to date is left as it is.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/andybalholm/brotli"

	"runner/cmd/runner/agents"
)

// platforms are those that targets may have, GOOS/GOARCH.
var platforms = []string{ //nolint:gochecknoglobals // a constant, but for the language
	"linux/amd64", "linux/arm64", "linux/arm", "linux/386", "linux/riscv64", "darwin/arm64", "darwin/amd64", "freebsd/amd64",
}

const (
	// atOnce is how many are built at the same time: each build uses several processors by itself.
	atOnce = 2
	// budget is what an agent may weigh as embedded, in bytes, on the platforms that matter most.
	budget = 1_600_000
	// window is the logarithm of how far back an agent's bytes are looked for: anywhere.
	window = 23
)

// weighed says whether the budget is for a platform.
func weighed(platform string) bool { return platform == "linux/amd64" || platform == "linux/arm64" }

type agent struct {
	platform   string
	hash       string
	size       int
	compressed int
	err        error
}

func main() {
	dir := flag.String("dir", "cmd/runner/agents/embedded", "where the agents go")
	only := flag.String("platforms", strings.Join(platforms, ","), "for which platforms, GOOS/GOARCH with commas between them; less than all are for work in progress: quickly compressed, whatever they weigh")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	quality := brotli.BestCompression
	if *only != strings.Join(platforms, ",") {
		quality = brotli.DefaultCompression
	}
	if err := run(ctx, *dir, strings.Split(*only, ","), quality); err != nil {
		fmt.Fprintln(os.Stderr, "embed-agents:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, platforms []string, quality int) error {
	if !listed(dir, platforms) { // they may have been compressed in another way
		if err := tidy(dir, nil); err != nil {
			return err
		}
	}
	built := make([]agent, len(platforms))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, platform := range platforms {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			built[i] = build(ctx, dir, platform, quality)
		})
	}
	all.Wait()

	var list strings.Builder
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, a := range built {
		if a.err != nil {
			return fmt.Errorf("cannot build the agent for %s: %w", a.platform, a.err)
		}
		goos, arch, _ := strings.Cut(a.platform, "/")
		fmt.Fprintf(&list, "%s %s %s %d\n", goos, arch, a.hash, a.size)
		_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t  %.16s\n", a.platform, a.size, a.compressed, a.hash)
	}
	_ = table.Flush()
	if err := replace(filepath.Join(dir, agents.ListName), []byte(list.String())); err != nil {
		return err
	}
	if err := tidy(dir, built); err != nil {
		return err
	}
	for _, a := range built {
		if quality == brotli.BestCompression && a.compressed > budget && weighed(a.platform) {
			return fmt.Errorf("the agent for %s has %d bytes compressed, more than %d", a.platform, a.compressed, budget)
		}
	}
	return nil
}

// listed says whether the directory holds agents for just these platforms.
func listed(dir string, platforms []string) bool {
	list, err := os.ReadFile(filepath.Join(dir, agents.ListName))
	if err != nil {
		return false
	}
	var held []string
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); len(f) > 1 {
			held = append(held, f[0]+"/"+f[1])
		}
	}
	return slices.Equal(held, platforms)
}

// tidy removes what earlier builds have left: all of the directory is embedded.
func tidy(dir string, built []agent) error {
	found, err := filepath.Glob(filepath.Join(dir, "*-*"))
	if err != nil {
		return err
	}
	for _, file := range found {
		if !slices.ContainsFunc(built, func(a agent) bool { return filepath.Base(file) == fileOf(a.platform) }) {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// fileOf is the name of the file that holds the agent for a platform.
func fileOf(platform string) string { return strings.ReplaceAll(platform, "/", "-") + ".br" }

// build makes one agent. Go's own cache knows whether there is anything to compile.
func build(ctx context.Context, dir, platform string, quality int) agent {
	a := agent{platform: platform}
	goos, arch, _ := strings.Cut(platform, "/")
	work, err := os.MkdirTemp("", "embed-agents-")
	if err != nil {
		a.err = err
		return a
	}
	defer os.RemoveAll(work) //nolint:errcheck // a temporary directory
	file := filepath.Join(work, "agent")
	// Without inlining an agent weighs an eighth less. It waits for the kernel and the network most of its time.
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-gcflags=all=-l", "-ldflags=-s -w -buildid=", "-o", file, "./cmd/runner-agent")
	// What tunes the code for the machine at hand must not be in it.
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "GOARM=6", "GO386=sse2",
		"GORISCV64=rva20u64", "GOFLAGS=-mod=readonly", "GOEXPERIMENT=")
	c.Stderr = os.Stderr
	if a.err = c.Run(); a.err != nil {
		return a
	}
	data, err := os.ReadFile(file)
	if err != nil {
		a.err = err
		return a
	}
	sum := sha256.Sum256(data)
	a.hash, a.size = hex.EncodeToString(sum[:]), len(data)
	agents.Absolute(arch, data)
	a.compressed, a.err = compress(filepath.Join(dir, fileOf(platform)), data, quality)
	return a
}

// compress writes data unless the file already holds just that, and returns the file's size.
func compress(file string, data []byte, quality int) (int, error) {
	if old, err := os.ReadFile(file); err == nil && holds(old, data) {
		return len(old), nil
	}
	var packed bytes.Buffer
	w := brotli.NewWriterOptions(&packed, brotli.WriterOptions{Quality: quality, LGWin: window})
	if _, err := w.Write(data); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	return packed.Len(), replace(file, packed.Bytes())
}

func holds(packed, data []byte) bool {
	old, err := io.ReadAll(io.LimitReader(brotli.NewReader(bytes.NewReader(packed)), int64(len(data))+1))
	return err == nil && bytes.Equal(old, data)
}

// replace writes a file as a whole, so that a build at the same time sees one or the other.
func replace(file string, data []byte) error {
	if old, err := os.ReadFile(file); err == nil && string(old) == string(data) {
		return nil
	}
	if err := os.WriteFile(file+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
