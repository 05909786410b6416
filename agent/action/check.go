package action

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"runner/agent/schema"
)

// given are the arguments of a task, in the plain types of the language. Null counts as not given; what only the run
// will tell is given, but is no text, list or the like yet.
type given map[string]any

func (g given) has(name string) bool { return g[name] != nil }

// text returns the value of an argument that is given and known.
func (g given) text(name string) (string, bool) {
	s, ok := g[name].(string)
	return s, ok
}

// removes tells whether something is known to be wanted gone.
func (g given) removes() bool { return g["state"] == "absent" }

func wrong(argument, format string, values ...any) error {
	return &schema.ArgumentError{Argument: argument, Message: fmt.Sprintf(format, values...)}
}

// path checks an absolute path.
func (g given) path(name string) error {
	p, known := g.text(name)
	if !known {
		return nil
	}
	switch {
	case strings.HasPrefix(p, "~"):
		return wrong(name, "%s must be an absolute path: write self.facts.user.home where a home directory is meant.", name)
	case !strings.HasPrefix(p, "/"):
		return wrong(name, "%s must be an absolute path, one that begins with a slash.", name)
	case strings.ContainsRune(p, 0):
		return wrong(name, "%s must not contain a NUL byte.", name)
	}
	const longest = 255
	for part := range strings.SplitSeq(p, "/") {
		if len(part) > longest {
			return wrong(name, "A name in %s has more than %d bytes.", name, longest)
		}
	}
	return nil
}

// named checks a path whose last element is a name that can be created or removed.
func (g given) named(name string) error {
	p, known := g.text(name)
	if err := g.path(name); err != nil || !known {
		return err
	}
	p = strings.TrimRight(p, "/")
	switch last := p[strings.LastIndexByte(p, '/')+1:]; last {
	case "":
		return wrong(name, "%s must name something below the root directory, which is always there and never removed.", name)
	case ".", "..":
		return wrong(name, "%s must end in a name, not in %q.", name, last)
	}
	return nil
}

func (g given) mode(name string) error {
	const least, most, bits = 3, 4, 12
	s, known := g.text(name)
	if !known {
		return nil
	}
	if _, err := strconv.ParseUint(s, 8, bits); err != nil || len(s) < least || len(s) > most {
		return wrong(name, "%s must be three or four octal digits, such as \"0640\".", name)
	}
	return nil
}

// account checks the name or number of a user or group.
func (g given) account(name string) error {
	s, known := g.text(name)
	if known && (s == "" || strings.HasPrefix(s, "-") || strings.ContainsAny(s, ":/ \t\r\n\x00")) {
		return wrong(name, "%s must be the name or the number of a %s.", name, map[string]string{"owner": "user", "group": "group"}[name])
	}
	return nil
}

// state checks the argument of that name.
func (g given) state() error {
	if s, known := g.text("state"); known && s != "present" && s != "absent" {
		return wrong("state", "state must be \"present\" or \"absent\".")
	}
	return nil
}

// mostArgv is the size of a program's arguments together, in bytes: what no target takes unless its limits were raised.
// The targets' own limits are lower, and differ: Linux takes 128 KiB in one argument. Those are found at the start.
const mostArgv = 2 << 20

const giveStdin = "Give data as stdin, which can be of any size."

// argv checks a program with its arguments.
func (g given) argv(name string) error {
	if !g.has(name) || g[name] == (schema.Unknown{}) {
		return nil
	}
	list, isList := g[name].([]any)
	if !isList {
		return wrong(name, "%s must be a list of strings.", name)
	}
	if len(list) == 0 || list[0] == "" {
		return wrong(name, "%s must name a program.", name)
	}
	size := 0
	for i, v := range list {
		s, isText := v.(string)
		if !isText {
			return wrong(name, "Element %d of %s is no string.", i, name)
		}
		if strings.ContainsRune(s, 0) {
			return wrong(name, "Element %d of %s contains a NUL byte.", i, name)
		}
		size += len(s) + 1
	}
	if size > mostArgv {
		return wrong(name, "%s has %d bytes; at most %d can be given to a program. %s", name, size, mostArgv, giveStdin)
	}
	return nil
}

// absent refuses arguments that mean nothing where something is to be absent. False flags count as not given.
func (g given) absent(names ...string) error {
	var all []error
	for _, name := range names {
		if g.has(name) && g[name] != false {
			all = append(all, wrong(name, "%s means nothing where state is \"absent\".", name))
		}
	}
	return errors.Join(all...)
}
