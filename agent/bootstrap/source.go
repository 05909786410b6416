package bootstrap

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"
	"sync"

	"runner/agent/wire"
)

// Source has agents to hand on.
type Source interface {
	// Agents lists what there is, one for each platform.
	Agents() []Binary
}

// Binary is an agent for one platform.
type Binary struct {
	OS, Arch string // GOOS and GOARCH
	Hash     string // SHA-256 of the executable, hex
	Size     int64  // bytes
	Open     func() (io.ReadCloser, error)
	// Gzip opens the executable compressed and tells how many bytes that has; nil: it is only to be had plain.
	Gzip func() (io.ReadCloser, int64, error)
}

// ShortHash is as much of a hash as names files.
func ShortHash(hash string) string { return hash[:min(len(hash), 16)] }

// platforms are patterns of what uname -sm prints; a question mark stands for the space.
var platforms = []struct{ os, arch, pattern string }{ //nolint:gochecknoglobals // a constant, but for the language
	{"linux", "amd64", "Linux?x86_64"},
	{"linux", "arm64", "Linux?aarch64"},
	{"linux", "arm", "Linux?arm*"},
	{"linux", "386", "Linux?i?86"},
	{"linux", "riscv64", "Linux?riscv64"},
	{"darwin", "arm64", "Darwin?arm64"},
	{"darwin", "amd64", "Darwin?x86_64"},
	{"freebsd", "amd64", "FreeBSD?amd64"},
}

// list is what the script gets: the name of the agent for each platform.
func list(src Source) string {
	var out []string
	for _, b := range src.Agents() {
		for _, p := range platforms {
			if p.os == b.OS && p.arch == b.Arch {
				out = append(out, p.pattern+"="+ShortHash(b.Hash))
			}
		}
	}
	return strings.Join(out, " ")
}

// Find returns the agent of src for a platform, by GOOS and GOARCH. The error is a *wire.Problem.
func Find(src Source, goos, goarch string) (Binary, error) {
	for _, b := range src.Agents() {
		if b.OS == goos && b.Arch == goarch {
			return b, nil
		}
	}
	return Binary{}, noAgent(src, goos+"/"+goarch)
}

// findUname is Find by what uname -sm prints.
func findUname(src Source, uname string) (Binary, error) {
	for _, p := range platforms {
		if ok, _ := path.Match(p.pattern, uname); ok {
			return Find(src, p.os, p.arch)
		}
	}
	return Binary{}, noAgent(src, fmt.Sprintf("%q", uname))
}

func noAgent(src Source, platform string) error {
	var have []string
	for _, b := range src.Agents() {
		have = append(have, b.OS+"/"+b.Arch)
	}
	return &wire.Problem{
		Code: wire.CodePlatform, Message: "there is no agent for " + platform,
		Hint: "This program carries agents for " + strings.Join(have, ", ") + " only.",
	}
}

// Own is the source of whoever hands itself on: the executable of this process, for its own platform.
type Own struct {
	sum func() (binary Binary, err error)
}

// NewOwn returns the source of this process's executable. It is read, once, when it is first asked for.
func NewOwn() *Own {
	return &Own{sum: sync.OnceValues(sum)}
}

// Binary is the executable itself.
func (o *Own) Binary() (Binary, error) { return o.sum() }

// Agents lists it, or nothing if it cannot be read.
func (o *Own) Agents() []Binary {
	b, err := o.sum()
	if err != nil {
		return nil
	}
	return []Binary{b}
}

func sum() (Binary, error) {
	f, err := openSelf()
	if err != nil {
		return Binary{}, fmt.Errorf("cannot read the agent itself: %w", err)
	}
	defer func() { _ = f.Close() }()
	digest := sha256.New()
	size, err := io.CopyBuffer(struct{ io.Writer }{digest}, f, make([]byte, 64<<10))
	if err != nil {
		return Binary{}, fmt.Errorf("cannot read the agent itself: %w", err)
	}
	return Binary{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Hash: hex.EncodeToString(digest.Sum(nil)), Size: size,
		Open: func() (io.ReadCloser, error) { return openSelf() },
	}, nil
}

// openSelf opens the running executable, on Linux also one that has been removed or replaced since.
func openSelf() (*os.File, error) {
	if runtime.GOOS == "linux" {
		if f, err := os.Open("/proc/self/exe"); err == nil {
			return f, nil
		}
	}
	file, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.Open(file)
}
