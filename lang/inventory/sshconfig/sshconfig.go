// Package sshconfig lists the hosts of OpenSSH's client configuration: each name that stands behind Host without a
// wildcard. What the file says about them is not for this package: the ssh hop that a host gets reads the same file.
// Package transports/ssh/config does that.
package sshconfig

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/source"
)

// maxDepth is how deeply files may include one another, as OpenSSH has it.
const maxDepth = 16

// Read lists the hosts of a file and of those that it includes. Relative includes are looked for in ~/.ssh, as ssh does
// for whoever runs it; home is what ~ stands for. The hops get config as the path of their configuration.
func Read(files source.Files, path, config, home string) (*inventory.Inventory, hcl.Diagnostics) {
	r := &reader{files: inventory.Reader{From: files}, home: home, config: config, seen: map[string]bool{}, out: &inventory.Inventory{}}
	file, d := r.files.Read(path)
	if d != nil {
		return nil, hcl.Diagnostics{d}
	}
	if d := r.file(file, 0); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	return r.out, nil
}

type reader struct {
	home, config string
	files        inventory.Reader
	seen         map[string]bool
	out          *inventory.Inventory
}

func (r *reader) file(file *inventory.File, depth int) *hcl.Diagnostic {
	offset := 0
	for line := range strings.Lines(file.Text) {
		text := strings.Trim(line, " \t\r\n\f")
		start := offset + strings.Index(line, text)
		offset += len(line)
		if text == "" || text[0] == '#' {
			continue
		}
		at := file.At(start, start+len(text))
		end := strings.IndexAny(text, " \t=\"")
		if end < 0 {
			end = len(text)
		}
		keyword := strings.ToLower(text[:end])
		if keyword != "host" && keyword != "include" {
			continue
		}
		rest := strings.TrimLeft(text[end:], " \t")
		rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
		args, err := words(rest)
		if err != nil {
			return at.Errorf(diag.Syntax, "Invalid ssh configuration", "This line cannot be taken apart: %s.", err)
		}
		if keyword == "host" {
			if d := r.hosts(args, at); d != nil {
				return d
			}
		} else if d := r.include(args, at, depth); d != nil {
			return d
		}
	}
	return nil
}

// hosts adds the names of a line that are no patterns.
func (r *reader) hosts(args []string, at inventory.Place) *hcl.Diagnostic {
	for _, name := range args {
		if name == "" || strings.ContainsAny(name, "*?!") || r.seen[name] {
			continue
		}
		if len(r.out.Hosts) == inventory.MaxHosts {
			return at.Errorf(diag.TooLarge, "Inventory too large", "The configuration has more than %d hosts.", inventory.MaxHosts)
		}
		r.seen[name] = true
		r.out.Hosts = append(r.out.Hosts, &inventory.Host{
			Name: name,
			Connection: inventory.Connection{
				Address: name,
				Hop:     inventory.Hop{Transport: "ssh", Options: map[string]any{"config": r.config}},
			},
			Range: at.Range(),
		})
	}
	return nil
}

func (r *reader) include(args []string, at inventory.Place, depth int) *hcl.Diagnostic {
	if depth+1 >= maxDepth {
		return at.Errorf(diag.TooDeep, "Inventory nested too deeply", "More than %d files include one another here.", maxDepth)
	}
	for _, arg := range args {
		switch {
		case strings.HasPrefix(arg, "~/"):
			arg = filepath.Join(r.home, arg[2:])
		case !filepath.IsAbs(arg):
			arg = filepath.Join(r.home, ".ssh", arg)
		}
		paths, err := source.Glob(r.files.From, arg)
		if err != nil {
			return at.Errorf(diag.Syntax, "Invalid ssh configuration", "This is no pattern of files.")
		}
		for _, path := range paths {
			if info, err := r.files.From.Stat(path); err != nil || info.IsDir() {
				continue // as OpenSSH does for what it cannot read
			}
			file, d := r.files.Read(path)
			if d == nil {
				d = r.file(file, depth+1)
			}
			if d != nil {
				return d
			}
		}
	}
	return nil
}

var errQuote = errors.New("a quote is not closed")

// words takes arguments apart: they may be quoted, a backslash stands before a quote, a backslash or a space that is
// meant, and a comment may follow.
func words(text string) ([]string, error) {
	var out []string
	var current []byte
	inside, quote := false, byte(0)
	end := func() {
		if inside {
			out = append(out, string(current))
		}
		inside, current = false, nil
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text) && (slices.Contains([]byte(`'"\`), text[i+1]) || quote == 0 && text[i+1] == ' '):
			i++
			inside, current = true, append(current, text[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			current = append(current, c)
		case c == '"' || c == '\'':
			inside, quote = true, c
		case c == ' ' || c == '\t':
			end()
		case c == '#' && !inside:
			return out, nil
		default:
			inside, current = true, append(current, c)
		}
	}
	if quote != 0 {
		return nil, errQuote
	}
	end()
	return out, nil
}
