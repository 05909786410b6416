// Package agents holds the agents inside this binary. `make` puts them there, compressed; without them the binary is
// its own agent, for its own platform. Its neighbours are agent/bootstrap, which hands agents on, and cmd/embed-agents,
// which builds them.
package agents

import (
	"bytes"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"

	"runner/agent/bootstrap"
)

// ListName is the file that describes the embedded agents: a line each with GOOS, GOARCH, SHA-256 and size of the
// executable, separated by spaces. The agents are beside it, as GOOS-GOARCH.br: after Absolute, compressed with brotli, which
// makes them a seventh smaller than what there is of zstd for Go.
const ListName = "list"

//go:embed all:embedded
var embedded embed.FS

// Agent is one embedded agent.
type Agent struct {
	bootstrap.Binary
	Compressed int64 // bytes, as embedded
}

// Source is the agents that this binary can hand on.
type Source struct{ agents []Agent }

// Load returns the embedded agents, or this binary itself where it was built without.
func Load() (*Source, error) {
	list, err := fs.ReadFile(embedded, "embedded/"+ListName)
	if err != nil {
		own, err := bootstrap.NewOwn().Binary()
		if err != nil {
			return nil, err
		}
		return &Source{agents: []Agent{{Binary: own}}}, nil
	}
	s := &Source{}
	for line := range strings.Lines(string(list)) {
		a, err := newAgent(line)
		if err != nil {
			return nil, fmt.Errorf("cannot read the list of embedded agents: %w", err)
		}
		s.agents = append(s.agents, a)
	}
	return s, nil
}

func newAgent(line string) (Agent, error) {
	var a Agent
	if _, err := fmt.Sscanf(line, "%s %s %s %d\n", &a.OS, &a.Arch, &a.Hash, &a.Size); err != nil {
		return a, err
	}
	name := "embedded/" + a.OS + "-" + a.Arch + ".br"
	info, err := fs.Stat(embedded, name)
	if err != nil {
		return a, err
	}
	a.Compressed = info.Size()
	plain := sync.OnceValues(func() ([]byte, error) { return expand(name, a.Arch, a.Size) })
	packed := sync.OnceValues(func() ([]byte, error) { return shrink(plain) })
	a.Open = func() (io.ReadCloser, error) {
		data, err := plain()
		return io.NopCloser(bytes.NewReader(data)), err
	}
	a.Gzip = func() (io.ReadCloser, int64, error) {
		data, err := packed()
		return io.NopCloser(bytes.NewReader(data)), int64(len(data)), err
	}
	return a, nil
}

// Agents lists them for whoever hands them on.
func (s *Source) Agents() []bootstrap.Binary {
	out := make([]bootstrap.Binary, len(s.agents))
	for i := range s.agents {
		out[i] = s.agents[i].Binary
	}
	return out
}

// List describes them. Compressed is 0 for the binary itself.
func (s *Source) List() []Agent { return s.agents }

// expand returns an executable for arch of so many bytes.
func expand(name, arch string, size int64) ([]byte, error) {
	packed, err := fs.ReadFile(embedded, name)
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(brotli.NewReader(bytes.NewReader(packed)), data); err != nil {
		return nil, fmt.Errorf("cannot expand %s: %w", name, err)
	}
	relative(arch, data)
	return data, nil
}

// shrink returns an executable as a target can expand it: what has gzip may have no zstd.
func shrink(plain func() ([]byte, error)) ([]byte, error) {
	data, err := plain()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}
