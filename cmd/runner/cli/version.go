package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"runner/cmd/runner/agents"
	"runner/cmd/runner/build"
	"runner/cmd/runner/cli/arguments"
)

// versionInfo is what `runner version --json` prints.
type versionInfo struct {
	Version string      `json:"version"`
	Commit  string      `json:"commit"`
	Go      string      `json:"go"`
	OS      string      `json:"os"`
	Arch    string      `json:"arch"`
	Agents  []agentInfo `json:"agents"`
}

// agentInfo is one agent.
type agentInfo struct {
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	Size     int64  `json:"size"`     // of the executable, in bytes
	Embedded int64  `json:"embedded"` // compressed, in this program; 0: the program is its own agent
	Hash     string `json:"hash"`     // SHA-256 of the executable, hex
}

func (p *Program) versionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:               "version",
		Short:             "Print the version, the commit and the embedded agents",
		Example:           "  runner version --json",
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return command(c, arguments.BindVersion, func(_ context.Context, a arguments.Version) error {
		embedded, err := agents.Load()
		if err != nil {
			return fmt.Errorf("cannot list the agents: %w", err)
		}
		info := versionInfo{Version: build.Version(), Commit: build.Commit(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
		for _, a := range embedded.List() {
			info.Agents = append(info.Agents, agentInfo{OS: a.OS, Arch: a.Arch, Size: a.Size, Embedded: a.Compressed, Hash: a.Hash})
		}
		text := info.text()
		if a.JSON {
			encoded, err := json.Marshal(info)
			if err != nil {
				return fmt.Errorf("cannot print the version: %w", err)
			}
			text = string(encoded) + "\n"
		}
		if _, err := p.Out.WriteString(text); err != nil {
			return fmt.Errorf("cannot print the version: %w", err)
		}
		return nil
	})
}

func (v versionInfo) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "runner %s (commit %s, %s, %s/%s)\n", v.Version, v.Commit, v.Go, v.OS, v.Arch)
	for _, a := range v.Agents {
		size := fmt.Sprintf("%d bytes, %d embedded", a.Size, a.Embedded)
		if a.Embedded == 0 {
			size = fmt.Sprintf("%d bytes, this program itself", a.Size)
		}
		fmt.Fprintf(&b, "agent %-14s  %s  %s\n", a.OS+"/"+a.Arch, a.Hash, size)
	}
	return b.String()
}
