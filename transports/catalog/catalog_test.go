package catalog_test

import (
	"slices"
	"testing"

	"runner/transports"
	"runner/transports/catalog"
)

// Every transport is documented, takes connect_timeout, and gives people a title without its secrets.
func TestCatalog(t *testing.T) {
	for name, tr := range catalog.All() {
		if tr.Name != name || tr.Doc == "" || tr.Example == "" || tr.Title == nil || tr.Check == nil {
			t.Errorf("%s is not complete", name)
		}
		var names []string
		options := transports.Options{}
		for _, a := range tr.Arguments {
			names = append(names, a.Name)
			if a.Doc == "" || !a.Static {
				t.Errorf("%s: %s is not documented, or may depend on facts", name, a.Name)
			}
			if a.Secret {
				options[a.Name] = "s3cret"
			}
		}
		if !slices.Contains(names, "connect_timeout") {
			t.Errorf("%s takes no connect_timeout", name)
		}
		if title := tr.Title(options); title == "" || title == "s3cret" {
			t.Errorf("%s has the title %q", name, title)
		}
	}
	for _, name := range []string{"ssh", "sudo", "docker", "local"} {
		if _, ok := catalog.Schemas()[name]; !ok {
			t.Errorf("there is no transport %s", name)
		}
	}
}
