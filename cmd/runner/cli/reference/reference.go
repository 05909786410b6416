// Package reference prints for a terminal what an action, a transport, a function or a block of the language takes and gives,
// from what the language itself checks sites against. Its neighbour cli asks it for `runner help`; the pages of the
// documentation are printed from the same by cmd/refdoc.
package reference

import (
	"fmt"
	"maps"
	"strings"

	actions "runner/agent/action/catalog"
	"runner/agent/schema"
	"runner/lang"
	"runner/lang/config"
	"runner/lang/function"
	transports "runner/transports/catalog"
)

// Kinds are those of what there is a text about.
func Kinds() []string { return []string{"action", "transport", "function", "block"} }

// Of returns the texts about all things of a kind, by name; nil for another kind.
func Of(kind string) map[string]string {
	out := map[string]string{}
	switch kind {
	case "action":
		all := lang.Actions()
		maps.Copy(all, actions.Schemas())
		for name, b := range all {
			out[name] = block(b) + "\nEvery task takes more, such as when, for_each, run_as and notify: runner help block task\n"
		}
	case "transport":
		for name, b := range transports.Schemas() {
			out[name] = block(b)
		}
	case "function":
		for _, d := range function.Reference() {
			out[d.Name] = call(d)
		}
	case "block":
		for name, s := range config.Schemas() {
			var blocks []string
			for _, b := range s.Blocks {
				blocks = append(blocks, b.Type)
			}
			out[name] = "A " + name + " in a site.\n" + names("Arguments", s.Arguments) + names("Blocks", blocks)
		}
	default:
		return nil
	}
	return out
}

func names(title string, all []string) string {
	if len(all) == 0 {
		return ""
	}
	return "\n" + title + ":\n  " + strings.Join(all, "\n  ") + "\n"
}

func call(d function.Doc) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s(%s)\n\n%s\n", d.Name, d.Parameters, plain(d.Text))
	for i, e := range d.Examples {
		if i == 0 {
			b.WriteString("\nExamples:\n")
		}
		fmt.Fprintf(&b, "  %s\n    %s\n", e.Call, e.Result)
	}
	return b.String()
}

// block prints an action or a transport: the arguments that it needs first.
func block(s schema.Block) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nExample:\n", plain(s.Doc))
	for line := range strings.SplitSeq(strings.TrimSpace(s.Example), "\n") {
		b.WriteString(strings.TrimRight("  "+line, " ") + "\n")
	}
	attributes(&b, "Arguments", s.NeededFirst())
	attributes(&b, "Results, beside changed, failed, skipped and duration", s.Results)
	return b.String()
}

func attributes(b *strings.Builder, title string, all []schema.Attribute) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	for _, a := range all {
		what := string(a.Type)
		if len(a.OneOf) > 0 {
			what = `"` + strings.Join(a.OneOf, `", "`) + `"`
		}
		if a.Required {
			what += ", required"
		}
		fmt.Fprintf(b, "  %s (%s)\n      %s\n", a.Name, what, plain(a.Doc))
	}
}

// plain is text of the reference without what marks code in it.
func plain(s string) string { return strings.ReplaceAll(s, "`", "") }
