// Package given checks the arguments that a task gives to an action, on the controller: before the first connection what
// is known then, and the rest before the call is sent. The agent does not check them again, and links nothing of this. Its
// neighbours are agent/schema, in whose words it answers, and the packages of actions, whose schemas use it.
package given

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"runner/agent/schema"
)

// Args are the arguments of a task, in the plain types of the language. Null counts as not given; what only the run
// will tell is given, but is no text, list or the like yet.
type Args map[string]any

// Has tells whether an argument is given, known or not.
func (g Args) Has(name string) bool { return g[name] != nil }

// Text returns the value of an argument that is given and known.
func (g Args) Text(name string) (string, bool) {
	s, ok := g[name].(string)
	return s, ok
}

// Removes tells whether something is known to be wanted gone.
func (g Args) Removes() bool { return g["state"] == "absent" }

// Wrong says what is wrong with an argument.
func Wrong(argument, format string, values ...any) error {
	return &schema.ArgumentError{Argument: argument, Message: fmt.Sprintf(format, values...)}
}

// Broken is as Wrong, for a rule that quotes nothing of the value, so that it can be said of a sensitive one.
func Broken(argument, rule string) error {
	return &schema.ArgumentError{Argument: argument, Message: rule, Fixed: true}
}

// Path checks an absolute path.
func (g Args) Path(name string) error {
	p, known := g.Text(name)
	if !known {
		return nil
	}
	switch {
	case strings.HasPrefix(p, "~"):
		return Wrong(name, "%s must be an absolute path: write self.facts.user.home where a home directory is meant.", name)
	case !strings.HasPrefix(p, "/"):
		return Wrong(name, "%s must be an absolute path, one that begins with a slash.", name)
	case strings.ContainsRune(p, 0):
		return Wrong(name, "%s must not contain a NUL byte.", name)
	}
	const longest = 255
	for part := range strings.SplitSeq(p, "/") {
		if len(part) > longest {
			return Wrong(name, "A name in %s has more than %d bytes.", name, longest)
		}
	}
	return nil
}

// Named checks a path whose last element is a name that can be created or removed.
func (g Args) Named(name string) error {
	p, known := g.Text(name)
	if err := g.Path(name); err != nil || !known {
		return err
	}
	p = strings.TrimRight(p, "/")
	switch last := p[strings.LastIndexByte(p, '/')+1:]; last {
	case "":
		return Wrong(name, "%s must name something below the root directory, which is always there and never removed.", name)
	case ".", "..":
		return Wrong(name, "%s must end in a name, not in %q.", name, last)
	}
	return nil
}

// Mode checks permissions in octal digits.
func (g Args) Mode(name string) error {
	const least, most, bits = 3, 4, 12
	s, known := g.Text(name)
	if !known {
		return nil
	}
	if _, err := strconv.ParseUint(s, 8, bits); err != nil || len(s) < least || len(s) > most {
		return Wrong(name, "%s must be three or four octal digits, such as \"0640\".", name)
	}
	return nil
}

// Account checks the name or number of a user or group.
func (g Args) Account(name string) error {
	s, known := g.Text(name)
	if known && (s == "" || strings.HasPrefix(s, "-") || strings.ContainsAny(s, ":/ \t\r\n\x00")) {
		return Wrong(name, "%s must be the name or the number of a %s.", name, map[string]string{"owner": "user", "group": "group"}[name])
	}
	return nil
}

// State checks the argument of that name.
func (g Args) State() error {
	if s, known := g.Text("state"); known && s != "present" && s != "absent" {
		return Wrong("state", "state must be \"present\" or \"absent\".")
	}
	return nil
}

// mostArgv is the size of a program's arguments together, in bytes: what no target takes unless its limits were raised.
// The targets' own limits are lower, and differ: Linux takes 128 KiB in one argument. Those are found at the start.
const mostArgv = 2 << 20

// Argv checks a program with its arguments.
func (g Args) Argv(name string) error {
	if !g.Has(name) || g[name] == (schema.Unknown{}) {
		return nil
	}
	list, isList := g[name].([]any)
	if !isList {
		return Wrong(name, "%s must be a list of strings.", name)
	}
	if len(list) == 0 || list[0] == "" {
		return Wrong(name, "%s must name a program.", name)
	}
	size := 0
	for i, v := range list {
		s, isText := v.(string)
		if !isText {
			return Wrong(name, "Element %d of %s is no string.", i, name)
		}
		if strings.ContainsRune(s, 0) {
			return Wrong(name, "Element %d of %s contains a NUL byte.", i, name)
		}
		size += len(s) + 1
	}
	if size > mostArgv {
		return Wrong(name, "%s has %d bytes; at most %d can be given to a program. "+
			"Give data as stdin, which can be of any size.", name, size, mostArgv)
	}
	return nil
}

// Absent refuses arguments that mean nothing where something is to be absent. False flags count as not given.
func (g Args) Absent(names ...string) error {
	var all []error
	for _, name := range names {
		if g.Has(name) && g[name] != false {
			all = append(all, Wrong(name, "%s means nothing where state is \"absent\".", name))
		}
	}
	return errors.Join(all...)
}

// WithoutSlash checks the path of something that is no directory.
func (g Args) WithoutSlash(name, what string) error {
	if err := g.Named(name); err != nil {
		return err
	}
	if p, _ := g.Text(name); strings.HasSuffix(p, "/") {
		return Wrong(name, "The path of a %s must not end in a slash.", what)
	}
	return nil
}

// Validation checks the argument validate: a program that is given the path of a new file.
func (g Args) Validation() error {
	if err := g.Argv("validate"); err != nil {
		return err
	}
	if argv, known := g["validate"].([]any); known && !slices.ContainsFunc(argv[1:], placeholder) {
		return Wrong("validate", "validate must have %%s among its arguments, where the path of the new file goes.")
	}
	return nil
}

func placeholder(arg any) bool {
	s, _ := arg.(string)
	return strings.Contains(s, "%s")
}

// Pattern checks a path with wildcards, absolute or relative to chdir.
func (g Args) Pattern(name string) error {
	p, known := g.Text(name)
	switch {
	case !known:
		return nil
	case p == "":
		return Wrong(name, "%s must not be empty.", name)
	case strings.ContainsRune(p, 0):
		return Wrong(name, "%s must not contain a NUL byte.", name)
	case !strings.HasPrefix(p, "/") && !g.Has("chdir"):
		return Wrong(name, "%s must be absolute, or relative to chdir, which is not set.", name)
	}
	if _, err := path.Match(p, ""); err != nil {
		return Wrong(name, "%s is no pattern: a bracket or a backslash in it is not completed.", name)
	}
	return nil
}
