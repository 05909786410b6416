package own

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/lang/diag"
	"runner/lang/source"
)

// Folder is the name of the directory that own actions lie in, beside a site or a role.
const Folder = "actions"

// MaxFile is how many bytes an executable may have: it is sent to the targets.
const MaxFile = 64 << 20

// Found is a file in a folder of actions.
type Found struct {
	Name string // of the action
	File string // with the folder's path
	What string // what is wrong with it, in sentences; "": it can be asked
}

// Find lists what a folder of actions holds, in the order of the files' names. Directories and files that begin with a dot
// are something else. A folder that is not there holds nothing. The builtin actions are those whose names are taken.
func Find(files source.Files, dir string, builtin func(name string) bool) ([]Found, error) {
	entries, err := files.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Found
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		f := Found{File: filepath.Join(dir, e.Name())}
		f.Name, _, _ = strings.Cut(e.Name(), ".")
		info, err := files.Stat(f.File)
		if err == nil && info.IsDir() {
			continue // by a link
		}
		twin := slices.IndexFunc(out, func(other Found) bool { return other.Name == f.Name })
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.What = "It is a link that leads nowhere. Let it lead to the executable, or remove it."
		case err != nil:
			f.What = diag.Capital(err.Error()) + "."
		default:
			f.What = wrongFile(info)
		}
		switch {
		case !hclsyntax.ValidIdentifier(f.Name):
			f.What = fmt.Sprintf("The name of the file without what follows its first dot is the action's, and %s is not a name: a name begins with a letter or an underscore and goes on with letters, digits, underscores and dashes.",
				diag.Quote(f.Name))
		case builtin(f.Name):
			f.What = fmt.Sprintf("There is an action %s already, which comes with runner. Give the file another name.", diag.Quote(f.Name))
		case twin >= 0:
			f.What = fmt.Sprintf("It would be the same action as %s: what follows the first dot of a file's name does not count. Give one of them another name.",
				diag.Quote(filepath.Base(out[twin].File)))
		}
		out = append(out, f)
	}
	return out, nil
}

// wrongFile says what keeps a file from being an action; "" if nothing does.
func wrongFile(info fs.FileInfo) string {
	const executable = 0o111
	switch {
	case !info.Mode().IsRegular():
		return "It is no regular file. An action is an executable file."
	case info.Mode()&executable == 0:
		return "It is not executable. Set its executable bit (chmod +x), or move it out of the directory " + Folder + ", which holds nothing but actions; files in directories inside of it are left alone."
	case info.Size() == 0:
		return "It is empty. An action is an executable file, such as a script that begins with #!/bin/sh."
	case info.Size() > MaxFile:
		return fmt.Sprintf("It has more than %d MiB, which is too much to send to targets.", MaxFile>>20)
	}
	return ""
}
