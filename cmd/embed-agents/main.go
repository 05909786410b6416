// Command embed-agents builds the agents for all platforms and puts them, compressed, where cmd/runner/agents embeds
// them. What is up to date is left alone. It runs in the module's directory.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"runner/cmd/runner/agents"
)

const dir = "cmd/runner/agents/embedded"

// most is how large an agent may be, compressed, for the platforms that nearly everybody has; see ARCHITECTURE.md.
const most = 1_600_000

type platform struct{ os, arch string }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "embed-agents:", err)
		os.Exit(1)
	}
}

func run() error {
	platforms := []platform{
		{"linux", "amd64"},
		{"linux", "arm64"},
		{"linux", "arm"},
		{"linux", "386"},
		{"linux", "riscv64"},
		{"darwin", "arm64"},
		{"darwin", "amd64"},
		{"freebsd", "amd64"},
	}
	before, _ := os.ReadFile(filepath.Join(dir, agents.ListName)) // it need not be there
	lines := make([]string, len(platforms))
	var builds errgroup.Group
	builds.SetLimit(runtime.NumCPU())
	for i, p := range platforms {
		builds.Go(func() (err error) {
			lines[i], err = p.build(string(before))
			return err
		})
	}
	if err := builds.Wait(); err != nil {
		return err
	}
	list := strings.Join(lines, "")
	if list == string(before) {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, agents.ListName), []byte(list), 0o644) //nolint:gosec // not secret
}

// build builds the agent for a platform and returns its line of the list. Equal sources give equal bytes.
func (p platform) build(before string) (string, error) {
	temp, err := os.MkdirTemp("", "runner-agent-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp) //nolint:errcheck // it is in a directory for such things
	out := filepath.Join(temp, "agent")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", out, "./cmd/runner-agent") //nolint:gosec // no part of it comes from outside
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch)
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build the agent for %s/%s: %w\n%s", p.os, p.arch, err, said)
	}
	data, err := os.ReadFile(out) //nolint:gosec // just built
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	line := fmt.Sprintf("%s %s %s %d\n", p.os, p.arch, hex.EncodeToString(sum[:]), len(data))
	file := filepath.Join(dir, p.os+"-"+p.arch+".zst")
	if _, err := os.Stat(file); err == nil && strings.Contains(before, line) {
		return line, nil
	}
	packed, err := pack(data)
	if err != nil {
		return "", err
	}
	if p.os == "linux" && (p.arch == "amd64" || p.arch == "arm64") && len(packed) > most {
		return "", fmt.Errorf("the agent for %s/%s has %d bytes compressed, more than %d", p.os, p.arch, len(packed), most)
	}
	fmt.Printf("agent %s/%s: %d bytes, %d compressed\n", p.os, p.arch, len(data), len(packed))
	return line, os.WriteFile(file, packed, 0o644) //nolint:gosec // not secret
}

func pack(data []byte) ([]byte, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		return nil, err
	}
	packed := e.EncodeAll(data, nil)
	return packed, e.Close()
}
