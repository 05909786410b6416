package saved

import (
	"bytes"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang"
	"runner/lang/source"
)

// literals looks for what a file of a site makes sensitive where it stands, whether or not that was evaluated: whether one
// is written in the file itself, and the files that are read inside of sensitive(…). A text beside a variable is taken for
// what stands around the secret, and not for one.
func literals(name string, content []byte) (written bool, files []string) {
	if strings.HasSuffix(name, ".json") {
		return bytes.Contains(content, []byte(`sensitive(\"`)), nil
	}
	if !strings.HasSuffix(name, ".hcl") {
		return false, nil
	}
	file, diags := hclsyntax.ParseConfig(content, name, hcl.InitialPos)
	if diags.HasErrors() { // it was parsed before, or is none of the site's
		return false, nil
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return false, nil
	}
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && call.Name == "sensitive" {
			found := inside(call, filepath.Dir(name))
			written = written || found.literal && !found.source
			files = append(files, found.files...)
		}
		return nil
	})
	return written, files
}

// argument is what the argument of a call of sensitive has in it.
type argument struct {
	literal bool     // a text or a number that is long enough to be a secret
	source  bool     // something that comes from elsewhere
	files   []string // that are read, absolute
}

func inside(call *hclsyntax.FunctionCallExpr, dir string) argument {
	var out argument
	names := map[hclsyntax.Node]bool{} // of files and environment variables: no secrets themselves
	_ = hclsyntax.VisitAll(call, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.FunctionCallExpr:
			reads := strings.HasPrefix(n.Name, "file") || n.Name == "templatefile"
			if len(n.Args) == 0 || !reads && n.Name != "env" {
				return nil
			}
			_ = hclsyntax.VisitAll(n.Args[0], func(part hclsyntax.Node) hcl.Diagnostics {
				names[part] = true
				return nil
			})
			out.source = true
			if value, diags := n.Args[0].Value(nil); reads && !diags.HasErrors() && value.Type() == cty.String && value.IsKnown() && !value.IsNull() {
				out.files = append(out.files, source.Within(dir, value.AsString()))
			}
		case *hclsyntax.ScopeTraversalExpr:
			out.source = out.source || n.Traversal.RootName() != "path"
		case *hclsyntax.LiteralValueExpr:
			switch v := n.Val; {
			case names[n] || v.IsNull() || !v.IsKnown():
			case v.Type() == cty.String:
				out.literal = out.literal || len(v.AsString()) >= lang.Shortest
			case v.Type() == cty.Number:
				out.literal = out.literal || len(v.AsBigFloat().Text('f', -1)) >= lang.Shortest
			}
		}
		return nil
	})
	return out
}

// names are those of files, and of directories with everything in them.
type names map[string]bool

func (n names) has(name string) bool {
	for ; !n[name]; name = filepath.Dir(name) {
		if name == filepath.Dir(name) {
			return false
		}
	}
	return true
}

// secretFiles are those of which the language says so, and those that are read inside of sensitive(…).
func (k *keeper) secretFiles() names {
	out := names{}
	for _, name := range k.memory.Files {
		out[source.Within(k.content.File.Site.Dir, name)] = true
	}
	for name, n := range k.content.File.Site.Nodes {
		if !n.Read {
			continue
		}
		written, files := literals(name, k.content.Blobs[n.Digest])
		if written {
			out[name] = true
		}
		for _, f := range files {
			out[f] = true
		}
	}
	return out
}
