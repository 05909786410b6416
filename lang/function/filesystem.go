package function

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"runner/lang/diag"
	"runner/lang/function/files"
	"runner/lang/source"
)

func (s *scope) filesystem() []entry {
	templateParams := "path, variables"
	return []entry{
		{
			Doc: Doc{"abspath", File, "path", "The path as an absolute one; a relative path starts at the module's directory.", []Example{
				{`abspath("/etc/../srv")`, `"/srv"`},
			}},
			function: ofText(func(path string) (string, error) {
				if !filepath.IsAbs(path) {
					path = filepath.Join(s.Dir, path)
				}
				return filepath.ToSlash(filepath.Clean(path)), nil
			}),
		},
		{
			Doc: Doc{"basename", File, "path", "The last part of the path.", []Example{
				{`basename("/etc/nginx/nginx.conf")`, `"nginx.conf"`},
			}},
			function: ofText(func(path string) (string, error) { return filepath.Base(path), nil }),
		},
		{
			Doc: Doc{"dirname", File, "path", "The path without its last part.", []Example{
				{`dirname("/etc/nginx/nginx.conf")`, `"/etc/nginx"`},
			}},
			function: ofText(func(path string) (string, error) { return filepath.Dir(path), nil }),
		},
		{
			Doc: Doc{"file", File, "path", "The content of a file on the controller, which must be UTF-8.", []Example{
				{`file("hello.txt")`, `"hello\n"`},
			}},
			function: ofText(func(path string) (string, error) {
				content, err := s.files.Read(path)
				if err == nil && !utf8.Valid(content) {
					err = fmt.Errorf("%s is not UTF-8 text; use filebase64, or give it as source", diag.Quote(path))
				}
				return string(content), err
			}),
		},
		{
			Doc: Doc{"filebase64", File, "path", "The content of a file on the controller, in base64.", []Example{
				{`filebase64("hello.txt")`, `"aGVsbG8K"`},
			}},
			function: ofText(func(path string) (string, error) {
				content, err := s.files.Read(path)
				return base64.StdEncoding.EncodeToString(content), err
			}),
		},
		{
			Doc: Doc{"fileexists", File, "path", "Whether there is a file on the controller. A directory at the path is an error.", []Example{
				{`fileexists("hello.txt")`, `true`},
			}},
			function: define(cty.Bool, s.fileExists, text("path")),
		},
		{
			Doc: Doc{"fileset", File, "directory, pattern", "The files below a directory of the controller whose path from there matches the pattern: * and ? within a name, ** over directories, {a,b} for either, [a-z] for one of some characters.", []Example{
				{`fileset("sub", "*.conf")`, `["a.conf", "b.conf"]`},
			}},
			function: define(cty.Set(cty.String), s.fileSet, text("directory"), text("pattern")),
		},
		{
			Doc: Doc{"pathexpand", File, "path", "The path with the home directory in place of a ~ at its beginning.", []Example{
				{`endswith(pathexpand("~/.ssh/config"), "/.ssh/config")`, `true`},
			}},
			function: ofText(s.files.ExpandHome),
		},
		{
			Doc: Doc{"templatefile", File, templateParams, "The text of a template file, evaluated with the variables of the map or object and all functions.", []Example{
				{`templatefile("greeting.tftpl", { name = "you", ports = [80] })`, `"Hello, you!\nport 80\n"`},
			}},
			function: s.templateFile(nil), raw: true,
		},
		{
			Doc: Doc{"templatestring", Text, "template, variables", "The text of a template that is a value itself, evaluated as templatefile does.", []Example{
				{`templatestring("Hello, $${name}!", { name = "you" })`, `"Hello, you!"`},
			}},
			function: s.templateString(nil), raw: true,
		},
	}
}

func (s *scope) environment() []entry {
	otherwise := function.Parameter{Name: "default", Type: cty.String, AllowNull: true}
	return []entry{{
		Doc: Doc{"env", File, "name[, default]", "The environment variable of whoever runs the site, or the default. Without a default a variable that is not set is an error.", []Example{
			{`env("NO_SUCH_VARIABLE", "none")`, `"none"`},
		}},
		function: function.New(&function.Spec{
			Params:   []function.Parameter{text("name")},
			VarParam: &otherwise,
			Type:     function.StaticReturnType(cty.String),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				if len(args) > 2 {
					return cty.NilVal, errors.New("takes one or two arguments")
				}
				if value, ok := s.getenv(args[0].AsString()); ok {
					if !utf8.ValidString(value) {
						return cty.NilVal, fmt.Errorf("the environment variable %s is not UTF-8 text", diag.Quote(args[0].AsString()))
					}
					return cty.StringVal(value), nil
				}
				if len(args) == 2 {
					return args[1], nil
				}
				return cty.NilVal, fmt.Errorf("the environment variable %s is not set, and there is no default", diag.Quote(args[0].AsString()))
			},
		}),
	}}
}

// getenv returns an environment variable.
func (s *scope) getenv(name string) (string, bool) {
	if s.Env != nil {
		if known, ok := s.Env(name); ok {
			if known == nil {
				return "", false
			}
			return *known, true
		}
	}
	value, ok := s.environ[name]
	if !ok {
		s.run.ask(name, nil)
		return "", false
	}
	s.run.ask(name, &value)
	return value, true
}

func (s *scope) fileExists(args []cty.Value) (cty.Value, error) {
	name := args[0].AsString()
	path, err := s.files.Resolve(name)
	if err != nil {
		return cty.NilVal, err
	}
	info, err := s.Files.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return cty.False, nil
	case err != nil:
		return cty.NilVal, files.Explain(name, err)
	case info.IsDir():
		return cty.NilVal, files.Explain(name, syscall.EISDIR)
	case !info.Mode().IsRegular():
		return cty.NilVal, fmt.Errorf("%s is not a regular file", diag.Quote(name))
	}
	return cty.True, nil
}

// mostVisited is how many directory entries fileset looks at.
const mostVisited = 1 << 17

var errVisited = fmt.Errorf("the directory holds more than %d files", mostVisited)

func (s *scope) fileSet(args []cty.Value) (cty.Value, error) {
	dir, pattern := args[0].AsString(), filepath.ToSlash(args[1].AsString())
	path, err := s.files.Resolve(dir)
	if err != nil {
		return cty.NilVal, function.NewArgError(0, err)
	}
	if len(pattern) > maxPattern || !doublestar.ValidatePattern(pattern) {
		return cty.NilVal, function.NewArgErrorf(1, "is not a valid pattern")
	}
	root := &counted{Below: source.Below{Files: s.Files, Dir: path}}
	var found []string
	err = doublestar.GlobWalk(root, pattern, func(name string, _ fs.DirEntry) error {
		// Links to files are files.
		if info, err := fs.Stat(root, name); err == nil && info.Mode().IsRegular() && utf8.ValidString(name) {
			found = append(found, name)
		}
		return nil
	}, doublestar.WithFailOnIOErrors())
	switch {
	case errors.Is(err, errVisited):
		return cty.NilVal, errVisited
	case errors.Is(err, fs.ErrNotExist), err == nil && len(found) == 0:
		return cty.SetValEmpty(cty.String), nil
	case err != nil:
		return cty.NilVal, files.Explain(dir, err)
	}
	slices.Sort(found)
	values := make([]cty.Value, len(found))
	for i, name := range found {
		values[i] = cty.StringVal(name)
	}
	return cty.SetVal(values), nil
}

// counted is a directory as a file system, of which so many entries are read and no more.
type counted struct {
	source.Below
	visited int
}

// ReadDir implements fs.ReadDirFS.
func (c *counted) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := c.Below.ReadDir(name)
	if c.visited += len(entries); c.visited > mostVisited {
		return nil, errVisited
	}
	return entries, err
}
