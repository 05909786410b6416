// Package completion finds the words that shells complete command lines with: what a site declares, and the runs that are on
// record. Which of them goes where is for package cli, its neighbour.
package completion

import (
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	actions "runner/agent/action/catalog"
	"runner/cmd/runner/build"
	"runner/executor/record"
	"runner/lang"
	"runner/lang/diag"
	"runner/transports/catalog"
)

// Site completes from what a site declares: the one that the command line names so far. A site with errors has nothing to
// offer.
func Site(environ []string, path func(args []string) string, words func(*lang.Site) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		site, _, diags := lang.Load(path(args), lang.Options{
			Catalog: lang.Catalog{Actions: actions.Schemas(), Transports: catalog.Schemas()},
			Version: build.Version(),
			Environ: environ,
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

// Runs offers the last runs in a state directory that are wanted, with what they were. Where nothing is on record, nothing is
// made.
func Runs(dir string, wanted func(*record.Store, *record.Summary) bool) []string {
	const most = 20
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	store, err := record.Open(dir)
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
