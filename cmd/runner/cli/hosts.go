package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/passwords"
	"runner/cmd/runner/cli/views"
	"runner/lang"
	"runner/planner"
)

func (p *Program) hostsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "hosts [PATH]",
		Short: "List the hosts with their chains",
		Long: "Lists every host of a site, also those that no job uses, with the hops that lead to it: jump hosts from ~/.ssh/config\n" +
			"are among them. Connects to nothing.",
		Example:           "  runner hosts\n  runner hosts --limit 'tier=web' --json site.hcl",
		ValidArgsFunction: sitePaths,
	}
	return p.completeSelection(command(c, arguments.BindHosts, func(ctx context.Context, a arguments.Hosts) error {
		o := a.Output
		o.JSON = false // the result is one object, not events
		s, err := p.open(o, nil)
		if err != nil {
			return err
		}
		return s.end(s.hosts(ctx, a))
	}))
}

func (s *session) hosts(ctx context.Context, a arguments.Hosts) exitCode {
	site, code := s.load(ctx, a.Site)
	if site == nil {
		return code
	}
	if named(a.Selection.Limit, site.Localhost()) {
		site.Hosts = withLocalhost(site)
	}
	ways, diags := planner.Ways(site, s.planning(a.Site, site, &passwords.Typed{}))
	if s.diagnose(diags) {
		return exitWrong
	}
	s.hide()
	if a.JSON {
		s.result(views.HostsJSON(ways))
	} else {
		s.result(views.Hosts(ways, s.options.Color), nil)
	}
	return exitDone
}

// result prints what a command was asked for, unless it could not be made. The view must be hidden.
func (s *session) result(text string, err error) {
	if err == nil {
		_, err = s.program.Out.WriteString(text)
	}
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("cannot print the result: %w", err)
	}
}

// named says whether a host is named by patterns, by its whole name.
func named(patterns []string, h *lang.Host) bool {
	return slices.ContainsFunc(patterns, func(list string) bool {
		return slices.Contains(planner.Patterns(list), h.Name)
	})
}

// withLocalhost are the hosts of a site and host.localhost, which is there for whoever names it.
func withLocalhost(site *lang.Site) []*lang.Host {
	local := site.Localhost()
	if slices.Contains(site.Hosts, local) {
		return site.Hosts
	}
	return append(slices.Clip(site.Hosts), local)
}
