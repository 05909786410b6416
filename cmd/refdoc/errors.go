package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"

	actions "runner/agent/action/catalog"
	"runner/lang"
	"runner/lang/diag"
	"runner/transports/catalog"
)

// A site for each code, errors/CODE.hcl, that has this error and no other.
//
//go:embed errors
var errorSites embed.FS

// withoutSite says why a code has no site that shows it.
func withoutSite() map[diag.Code]string {
	return map[diag.Code]string{
		diag.NoSite:          "It is about the path on the command line.",
		diag.TooDeep:         "It takes more brackets, blocks or hops than fit here.",
		diag.UnknownVariable: "It is about a value from the command line or a file, such as `--var relase=1.4.3`.",
		diag.BadHop:          "It is about a hop together with the ssh configuration, such as one with `ProxyCommand`.",
		diag.OwnAction:       "It is about an [action of one's own](own-actions.md), such as a file in `actions/` that is not executable.",
		diag.Inventory:       "It is about the file that an inventory names, such as a line of it that says nothing.",
		diag.Vault:           "It is about a value in the file that an inventory names, and the argument `vault_password`.",
		diag.NoMatch:         "It is about the command line, such as `--limit wbe1`.",
		diag.Arguments:       "It is about the command line, such as `--limt web1`.",
		diag.NoTerminal:      "It is about where runner runs: `apply` asks before it changes anything.",
		diag.Password:        "It is about the command line and its terminal.",
		diag.Resources:       "It is about the controller's own limits.",
		diag.Records:         "It is about what runs leave behind on the controller.",
		diag.Resume:          "It is about a run that another one is to go on with.",
		diag.Agents:          "It is about the program itself.",
		diag.PlanFile:        "It is about `plan --out` and `apply PLANFILE`, such as a sensitive variable that was not given again.",
		diag.PlanRefused:     "It is about the file that `apply` was given.",
		diag.Stale:           "It is about what is on a host, such as a file that somebody has changed since.",
		diag.TaskFailed:      "It is about what is on a host, such as a directory where a file should be.",
		diag.Unreachable:     "It is about a host that is not there.",
		diag.Locked:          "It is about `--lock-timeout`, and says which run is waited for. Or a task has waited for two seconds while another process works on the same target: it says which.",
	}
}

func errorCodes() (string, error) {
	var list, shows strings.Builder
	list.WriteString("# Error codes\n\n" + generated +
		"Every error has a code that does not change from version to version. It stands behind the summary, and in the field `code` of\n" +
		"the `diagnostic` events of `--json`. All errors that can be found without a connection are reported together, before the first one.\n\n" +
		"| code | given when |\n|---|---|\n")
	for _, d := range diag.Codes() {
		name := string(d.Code)
		fmt.Fprintf(&list, "| [%s](#%s) | %s |\n", code(name), name, cell(d.Doc))
		fmt.Fprintf(&shows, "\n## %s\n\n%s", name, d.Doc)
		site, err := errorSites.ReadFile("errors/" + name + ".hcl")
		if err != nil {
			fmt.Fprintf(&shows, " %s\n", withoutSite()[d.Code])
			continue
		}
		text, _, err := report(site)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&shows, "\n\n```hcl error %s\n%s```\n\n```text shown\n%s```\n", name, site, text)
	}
	return list.String() + shows.String(), nil
}

// report is what people see of the errors of a site, and the errors.
func report(site []byte) (string, hcl.Diagnostics, error) {
	dir, err := os.MkdirTemp("", "runner-refdoc-")
	if err != nil {
		return "", nil, fmt.Errorf("cannot write a site: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "site.hcl")
	if err := os.WriteFile(path, site, 0o600); err != nil {
		return "", nil, fmt.Errorf("cannot write a site: %w", err)
	}
	_, files, diags := load(path)
	text := strings.ReplaceAll(shown(files, diags), dir+"/", "")
	return strings.Trim(text, "\n") + "\n", diags, nil
}

// load loads a site with all actions and transports.
func load(path string) (*lang.Site, map[string]*hcl.File, hcl.Diagnostics) {
	return lang.Load(path, lang.Options{
		Catalog: lang.Catalog{Actions: actions.Schemas(), Transports: catalog.Schemas()},
		Version: "0.1.0",
	})
}

func shown(files map[string]*hcl.File, diags hcl.Diagnostics) string {
	var b strings.Builder
	_ = diag.Printer{Files: files}.Print(&b, diags)
	return b.String()
}
