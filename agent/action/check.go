package action

import (
	"fmt"
	"strconv"
	"strings"

	"runner/agent/schema"
)

// known are the arguments of a task as far as they are known, in the plain types of the language. Null counts as not
// given.
type known map[string]any

func (k known) has(name string) bool { return k[name] != nil }

func (k known) text(name string) string {
	s, _ := k[name].(string)
	return s
}

func (k known) flag(name string) bool {
	b, _ := k[name].(bool)
	return b
}

func wrong(argument, format string, values ...any) error {
	return &schema.ArgumentError{Argument: argument, Message: fmt.Sprintf(format, values...)}
}

// first returns the first error, so that checks can be written as a list.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// path checks an absolute path that names something below the root directory.
func (k known) path(name string) error {
	if !k.has(name) {
		return nil
	}
	p := k.text(name)
	switch {
	case strings.HasPrefix(p, "~"):
		return wrong(name, "The path must be absolute, %q is not: write self.facts.user.home where a home directory is meant.", p)
	case !strings.HasPrefix(p, "/"):
		return wrong(name, "The path must be absolute, %q is not.", p)
	case strings.ContainsRune(p, 0):
		return wrong(name, "The path must not contain a NUL byte.")
	}
	for part := range strings.SplitSeq(p, "/") {
		if len(part) > 255 {
			return wrong(name, "A name in the path is longer than 255 bytes.")
		}
	}
	return nil
}

// named checks a path whose last element is a name that can be created or removed.
func (k known) named(name string) error {
	if err := k.path(name); err != nil || !k.has(name) {
		return err
	}
	p := strings.TrimRight(k.text(name), "/")
	switch p[strings.LastIndexByte(p, '/')+1:] {
	case "":
		return wrong(name, "The root directory is always there and never removed; name something below it.")
	case ".", "..":
		return wrong(name, "The path must end in a name, not in %q.", p[strings.LastIndexByte(p, '/')+1:])
	}
	return nil
}

func (k known) mode(name string) error {
	if !k.has(name) {
		return nil
	}
	s := k.text(name)
	if _, err := strconv.ParseUint(s, 8, 12); err != nil || len(s) < 3 || len(s) > 4 {
		return wrong(name, "A mode is a string of three or four octal digits such as \"0640\", %q is not.", s)
	}
	return nil
}

// account checks the name or number of a user or group.
func (k known) account(name string) error {
	if !k.has(name) {
		return nil
	}
	s := k.text(name)
	if s == "" || strings.HasPrefix(s, "-") || strings.ContainsAny(s, ":/ \t\r\n\x00") {
		return wrong(name, "%q is not the name or number of a user or group.", s)
	}
	return nil
}

func (k known) oneOf(name string, values ...string) error {
	if !k.has(name) {
		return nil
	}
	for _, v := range values {
		if k.text(name) == v {
			return nil
		}
	}
	return wrong(name, "%s must be %s, not %q.", name, strings.Join(quoted(values), " or "), k.text(name))
}

func quoted(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strconv.Quote(v)
	}
	return out
}

// argv checks a program with its arguments.
func (k known) argv(name string) error {
	if !k.has(name) {
		return nil
	}
	list, ok := k[name].([]any)
	if !ok {
		return wrong(name, "%s must be a list of strings.", name)
	}
	if len(list) == 0 {
		return wrong(name, "%s must name a program.", name)
	}
	for i, v := range list {
		s, ok := v.(string)
		switch {
		case !ok:
			return wrong(name, "Element %d of %s is no string.", i, name)
		case i == 0 && s == "":
			return wrong(name, "%s must name a program, not be an empty string.", name)
		case strings.ContainsRune(s, 0):
			return wrong(name, "Element %d of %s contains a NUL byte.", i, name)
		}
	}
	return nil
}

// without refuses arguments that mean nothing in the given situation. False flags count as not given.
func (k known) without(situation string, names ...string) error {
	for _, name := range names {
		if k.has(name) && k[name] != false {
			return wrong(name, "%s means nothing %s.", name, situation)
		}
	}
	return nil
}
