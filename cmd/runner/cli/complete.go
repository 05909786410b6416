package cli

import (
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"runner/agent/action"
	"runner/cmd/runner/build"
	"runner/executor/record"
	"runner/lang"
	"runner/lang/diag"
	"runner/transports/catalog"
)

// completeSite completes from what a site declares: the one that the command line names so far. A site with errors has
// nothing to offer.
func (p *Program) completeSite(path func(args []string) string, words func(*lang.Site) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		site, _, diags := lang.Load(path(args), lang.Options{
			Catalog: lang.Catalog{Actions: action.Schemas(), Transports: catalog.Schemas()},
			Version: build.Version(),
			Environ: p.Environ,
		})
		if diags.HasErrors() {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		// Lists are joined by commas: what stands before the last one stays.
		before := ""
		if i := strings.LastIndex(prefix, ","); i >= 0 {
			before = prefix[:i+1]
		}
		var out []string
		for _, w := range words(site) {
			out = append(out, before+w)
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeSelection completes the flags that choose hosts and tasks.
func (p *Program) completeSelection(c *cobra.Command) *cobra.Command {
	path := func(args []string) string {
		if len(args) > 0 {
			return args[0]
		}
		return "."
	}
	for flag, words := range map[string]func(*lang.Site) []string{"limit": hostPatterns, "target": addresses, "tags": tags, "skip-tags": tags} {
		if err := c.RegisterFlagCompletionFunc(flag, p.completeSite(path, words)); err != nil {
			panic(err) // the flag is there, and nobody has asked for it before
		}
	}
	return c
}

// hostPatterns are the names of hosts as patterns that need no quotes within quotes, their labels, and the groups of
// inventories.
func hostPatterns(site *lang.Site) []string {
	var out []string
	seen := map[string]bool{}
	for _, h := range site.Hosts {
		out = append(out, strings.ReplaceAll(h.Name, `"`, ""))
		for name, value := range h.Labels {
			if label := name + "=" + value; !seen[label] {
				seen[label] = true
				out = append(out, label)
			}
		}
		for _, group := range h.GroupNames() {
			if group = "@" + group; !seen[group] {
				seen[group] = true
				out = append(out, group)
			}
		}
	}
	return out
}

func addresses(site *lang.Site) []string {
	var out []string
	for _, j := range site.Jobs {
		out = append(out, "job."+j.Name)
		for _, t := range j.Tasks {
			out = append(out, t.Address)
		}
	}
	return out
}

func tags(site *lang.Site) []string {
	var out []string
	seen := map[string]bool{}
	for _, j := range site.Jobs {
		for _, t := range j.Tasks {
			for _, tag := range t.Tags {
				if !seen[tag] {
					seen[tag] = true
					out = append(out, tag)
				}
			}
		}
	}
	return out
}

// completeRuns offers the last runs that are wanted, with what they were. Where nothing is on record, nothing is made.
func (p *Program) completeRuns(wanted func(*record.Store, *record.Summary) bool) []string {
	const most = 20
	if _, err := os.Stat(p.stateDir()); err != nil {
		return nil
	}
	store, err := p.records()
	if err != nil {
		return nil
	}
	defer store.Close() //nolint:errcheck // it was only read
	runs, err := store.List("", most)
	if err != nil {
		return nil
	}
	var out []string
	for i := range runs {
		if r := &runs[i]; wanted(store, r) {
			what := []string{r.Start.Command, string(r.Status), r.Began.Local().Format(time.DateTime), r.Start.Site}
			out = append(out, cobra.CompletionWithDesc(r.ID, diag.HarmlessLine(strings.Join(what, " "))))
		}
	}
	return out
}
