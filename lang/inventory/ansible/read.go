package ansible

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/inventory/document"
	"runner/lang/inventory/vault"
	"runner/lang/source"
)

// Options are what a reader needs beside the source.
type Options struct {
	Files source.Files // nil: the disk
	// Passwords decrypt what ansible-vault encrypted, by vault id; vault.DefaultID is for what has none.
	Passwords map[string]string
	// Transports are the names of the hops that exist, for ansible_become_method.
	Transports []string
}

// Read reads an inventory from a file, or from all files of a directory in the order of their names.
func Read(path string, opts Options) (*inventory.Inventory, hcl.Diagnostics) {
	b := newBuilder(opts)
	info, err := b.opts.Files.Stat(path)
	if err != nil {
		return nil, hcl.Diagnostics{inventory.Unreadable(path, err)}
	}
	b.dir = path
	if info.IsDir() {
		b.directory(path, 0)
	} else {
		b.dir = filepath.Dir(path)
		b.file(path)
	}
	if b.diags.HasErrors() {
		return nil, b.diags
	}
	return b.finish()
}

// builder reads the files of one inventory.
type builder struct {
	opts   Options
	reader inventory.Reader
	keys   vault.Keys
	model  *model
	dir    string // that group_vars and host_vars lie in; "" for none
	diags  hcl.Diagnostics
}

func newBuilder(opts Options) *builder {
	if opts.Files == nil {
		opts.Files = source.Disk{}
	}
	return &builder{opts: opts, reader: inventory.Reader{From: opts.Files}, keys: vault.Keys{Passwords: opts.Passwords}, model: newModel()}
}

// ignored says whether a file of a directory is none of its inventories.
func ignored(name string) bool {
	if strings.HasPrefix(name, ".") || name == "host_vars" || name == "group_vars" || name == "vars_plugins" {
		return true
	}
	for _, end := range []string{".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".ini", ".cfg", ".retry"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// directory reads the files of a directory and those below it.
func (b *builder) directory(path string, depth int) {
	if depth > inventory.MaxDepth {
		b.fail(diag.Errorf(diag.TooDeep, hcl.Range{}, "Inventory nested too deeply", "More than %d directories lie in one another at %s.", inventory.MaxDepth, path))
		return
	}
	entries, err := b.reader.From.ReadDir(path)
	if err != nil {
		b.fail(inventory.Unreadable(path, err))
		return
	}
	for _, e := range entries {
		if ignored(e.Name()) {
			continue
		}
		name := filepath.Join(path, e.Name())
		info, err := b.reader.From.Stat(name)
		switch {
		case err != nil:
			b.fail(inventory.Unreadable(name, err))
		case info.IsDir():
			b.directory(name, depth+1)
		default:
			b.file(name)
		}
		if tooMany(b.diags) {
			return
		}
	}
}

// tooMany says whether there are so many errors that no more are looked for.
func tooMany(diags hcl.Diagnostics) bool {
	n := 0
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			n++
		}
	}
	return n >= mostErrors
}

func (b *builder) fail(d *hcl.Diagnostic) { b.diags = append(b.diags, d) }

// yamlExtensions are those of files that may be YAML, in the order in which files of variables are looked for. An
// inventory with another is INI.
func yamlExtensions() []string { return []string{"", ".yml", ".yaml", ".json"} }

// file reads one file.
func (b *builder) file(path string) {
	file, d := b.open(path)
	if d != nil {
		b.fail(d)
		return
	}
	extension := filepath.Ext(path)
	switch {
	case strings.HasPrefix(file.Text, "#!"):
		b.fail(file.At(0, len("#!")).Errorf(diag.NotSupported, "Inventory program",
			"This is a program, and programs among the files of an inventory are not run. Use an inventory of type exec with argv = [%q, \"--list\"].", path))
		return
	case extension == ".toml":
		b.fail(file.At(0, 0).Errorf(diag.NotSupported, "Inventory in TOML", "Inventories in TOML cannot be read. Write it as YAML: ansible-inventory -i %s --list --yaml prints it.", path))
		return
	case !slices.Contains(yamlExtensions(), extension):
		b.diags = append(b.diags, readINI(b.model, file)...)
		return
	}
	if !mayBeYAML(file.Text) {
		b.diags = append(b.diags, readINI(b.model, file)...)
		return
	}
	doc, d := document.Parse(file)
	if d == nil && isInventory(doc) {
		b.adopt(doc)
		b.diags = append(b.diags, readYAML(b.model, doc)...)
		return
	}
	// No YAML, or none that is an inventory: what is left is INI. If it is not that either, its extension or what was
	// found first says which error is of interest.
	attempt := readINI(b.model, file)
	if d != nil && attempt.HasErrors() && (extension != "" || strings.HasPrefix(file.Text, "---") || diag.CodeOf(d) != diag.Syntax) {
		attempt = hcl.Diagnostics{d}
	}
	b.diags = append(b.diags, attempt...)
}

// mayBeYAML says whether a text can be a map in YAML, by the first line that is no comment.
func mayBeYAML(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		return line[0] != '[' && line[0] != ';'
	}
	return false
}

// open reads a file, and decrypts it if it is encrypted.
func (b *builder) open(path string) (*inventory.File, *hcl.Diagnostic) {
	file, d := b.reader.Read(path)
	if d != nil || !vault.Is(file.Text) {
		return file, d
	}
	text, d := b.decrypt(file.Text, file.At(0, strings.IndexByte(file.Text+"\n", '\n')))
	if d != nil {
		return nil, d
	}
	return &inventory.File{Name: path, Text: text, Private: true}, nil
}

// adopt lets a document decrypt, and counts its values with those of the others.
func (b *builder) adopt(doc *document.Document) {
	doc.Decrypt = b.decrypt
	doc.Values = &b.model.values
}

// decrypt decrypts a text that stands at a place.
func (b *builder) decrypt(text string, at inventory.Place) (string, *hcl.Diagnostic) {
	out, err := b.keys.Decrypt(text)
	if err == nil {
		return out, nil
	}
	hint := ""
	if errors.Is(err, vault.ErrNoPassword) {
		hint = ` Give it with the argument vault_password = var.NAME, of a variable that is sensitive.`
		if id := vault.IDOf(text); id != "" {
			hint = ` Give it with the argument vault_password = { "` + diag.HarmlessLine(id) + `" = var.NAME }, of a variable that is sensitive.`
		}
	}
	return "", at.Errorf(diag.Vault, "Encrypted value", "This is encrypted with ansible-vault and cannot be decrypted: %s.%s", err, hint)
}
