package cli

import (
	"context"

	"github.com/spf13/cobra"

	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/outline"
)

func (p *Program) graphCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "graph [PATH]",
		Short: "Draw the connections and the order of the jobs",
		Long: "Shows which connections a run needs, as a tree in which each hop stands once with the hosts that it leads to, and which\n" +
			"job waits for which. Connects to nothing.",
		Example:           "  runner graph\n  runner graph --format svg site.hcl > site.svg\n  runner graph --format dot | dot -Tpng > site.png",
		ValidArgsFunction: sitePaths,
	}
	return p.completeSelection(command(c, arguments.BindGraph, func(ctx context.Context, a arguments.Graph) error {
		s, err := p.open(a.Output, nil)
		if err != nil {
			return err
		}
		return s.end(s.graph(ctx, a))
	}))
}

func (s *session) graph(ctx context.Context, a arguments.Graph) exitCode {
	site, code := s.load(ctx, a.Site)
	if site == nil {
		return code
	}
	w, err := s.prepare(ctx, a.Site, site, false)
	if err != nil {
		return codeOf(err)
	}
	s.hide()
	switch a.Format {
	case arguments.GraphDOT:
		s.result(outline.Drawing(w.plan, a.Verbose).DOT(), nil)
	case arguments.GraphMermaid:
		s.result(outline.Drawing(w.plan, a.Verbose).Mermaid(), nil)
	case arguments.GraphSVG:
		s.result(outline.Drawing(w.plan, a.Verbose).SVG(), nil)
	case arguments.GraphText:
		s.result(outline.Graph(w.plan, a.Verbose, s.options.Color), nil)
	}
	return exitDone
}
