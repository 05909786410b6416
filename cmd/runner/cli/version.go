package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"runner/cmd/runner/build"
	"runner/cmd/runner/cli/arguments"
)

// versionInfo is what `runner version --json` prints.
type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func (p *Program) versionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:               "version",
		Short:             "Print the version, the commit and the embedded agents",
		Example:           "  runner version --json",
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return command(c, arguments.BindVersion, func(_ context.Context, a arguments.Version) error {
		info := versionInfo{Version: build.Version(), Commit: build.Commit(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
		if a.JSON {
			enc := json.NewEncoder(p.Out)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(info); err != nil {
				return fmt.Errorf("cannot print the version: %w", err)
			}
			return nil
		}
		_, err := fmt.Fprintf(p.Out, "runner %s (commit %s, %s, %s/%s)\n", info.Version, info.Commit, info.Go, info.OS, info.Arch)
		if err != nil {
			return fmt.Errorf("cannot print the version: %w", err)
		}
		return nil
	})
}
