package ansible

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"go.yaml.in/yaml/v3"

	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/inventory/document"
)

// folder is group_vars or host_vars.
type folder struct {
	path    string
	entries map[string]fs.DirEntry // nil if there is no such folder
}

// openFolder lists group_vars or host_vars beside the inventory.
func (b *builder) openFolder(name string) folder {
	f := folder{path: filepath.Join(b.dir, name)}
	if b.dir == "" {
		return f
	}
	entries, err := b.reader.From.ReadDir(f.path)
	if err != nil {
		if info, statErr := b.reader.From.Stat(f.path); statErr == nil && info.IsDir() {
			b.fail(inventory.Unreadable(f.path, err))
		}
		return f
	}
	f.entries = make(map[string]fs.DirEntry, len(entries))
	for _, e := range entries {
		f.entries[e.Name()] = e
	}
	return f
}

// varsOf returns the variables that the files of a folder give a host or group: those of the first of NAME, NAME.yml,
// NAME.yaml and NAME.json that exists, which may be directories.
func (b *builder) varsOf(f folder, name string) map[string]variable {
	if f.entries == nil || strings.HasPrefix(name, "/") {
		return nil
	}
	var vars map[string]variable
	for _, extension := range yamlExtensions() {
		path := filepath.Join(f.path, name+extension)
		if strings.Contains(name, "/") {
			if !filepath.IsLocal(name) {
				return nil
			}
		} else if f.entries[name+extension] == nil {
			continue
		}
		info, err := b.reader.From.Stat(path)
		if err != nil {
			continue
		}
		if info.IsDir() {
			b.varsIn(path, &vars, 0)
		} else {
			b.varsFile(path, &vars)
		}
		break
	}
	return vars
}

// varsIn adds the variables of all files in a directory.
func (b *builder) varsIn(dir string, vars *map[string]variable, depth int) {
	entries, err := b.reader.From.ReadDir(dir)
	switch {
	case err != nil:
		b.fail(inventory.Unreadable(dir, err))
		return
	case depth > inventory.MaxDepth:
		b.fail(diag.Errorf(diag.TooDeep, hcl.Range{}, "Inventory nested too deeply", "More than %d directories lie in one another at %s.", inventory.MaxDepth, dir))
		return
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		path, extension := filepath.Join(dir, name), filepath.Ext(name)
		info, err := b.reader.From.Stat(path)
		switch {
		case err != nil:
			b.fail(inventory.Unreadable(path, err))
		case info.IsDir() && extension == "":
			b.varsIn(path, vars, depth+1)
		case !info.IsDir() && slices.Contains(yamlExtensions(), extension):
			b.varsFile(path, vars)
		}
		if tooMany(b.diags) {
			return
		}
	}
}

// varsFile adds the variables of one file.
func (b *builder) varsFile(path string, vars *map[string]variable) {
	file, d := b.open(path)
	if d != nil {
		b.fail(d)
		return
	}
	doc, d := document.Parse(file)
	if d != nil {
		b.fail(d)
		return
	}
	b.adopt(doc)
	if doc.Root == nil {
		return
	}
	root := document.Resolve(doc.Root)
	if root.Kind != yaml.MappingNode {
		if v, d := doc.Value(root); d == nil && (v == nil || v == "" || v == false) {
			return
		}
		b.fail(doc.At(root).Errorf(diag.Inventory, "Invalid inventory", "A file of variables holds a map: NAME: VALUE."))
		return
	}
	pairs, d := doc.Pairs(root)
	if d != nil {
		b.fail(d)
		return
	}
	for _, p := range pairs {
		value, d := doc.Value(p.Value)
		if d == nil {
			if file.Private && value != nil {
				value = inventory.Secret{Value: value}
			}
			d = b.model.set(vars, p.Name, value, doc.At(p.Key))
		}
		if d != nil {
			b.fail(d)
			return
		}
	}
}
