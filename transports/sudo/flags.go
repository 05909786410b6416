package sudo

import (
	"fmt"
	"strings"

	"runner/agent/schema"
	"runner/transports"
)

// flags are sudo's options, checked.
type flags struct {
	argv  []string
	login bool // sudo hands the command to a login shell, which expands it
}

// parse turns the options of a hop into sudo's. The same thing may be said by an argument of its own or in args.
func parse(o transports.Options) (flags, error) {
	p := parser{options: o, login: o.Bool("login", false), home: o.Bool("set_home", false), role: o.String("role", ""), kind: o.String("type", "")}
	if err := p.preserve(); err != nil {
		return flags{}, err
	}
	if err := p.args(); err != nil {
		return flags{}, err
	}
	if p.login && p.keepAll {
		return flags{}, wrong("preserve_env", "A login environment and the present one cannot both be had: set login or preserve_env.")
	}
	var argv []string
	if p.login {
		argv = append(argv, "-i")
	}
	if p.keepAll {
		argv = append(argv, "-E")
	}
	if len(p.keep) > 0 {
		argv = append(argv, "--preserve-env="+strings.Join(p.keep, ","))
	}
	if p.home {
		argv = append(argv, "-H")
	}
	if p.role != "" {
		argv = append(argv, "-r", p.role)
	}
	if p.kind != "" {
		argv = append(argv, "-t", p.kind)
	}
	argv = append(argv, p.further...)
	return flags{argv: append(argv, "-u", o.String("user", "root")), login: p.login}, nil
}

// parser collects what the arguments and args say.
type parser struct {
	options     transports.Options
	login, home bool
	keepAll     bool
	keep        []string // names of variables
	role, kind  string
	further     []string
}

func (p *parser) preserve() error {
	const explain = "The preserve_env must be true, false or a list of names of variables."
	switch v := p.options["preserve_env"].(type) {
	case nil:
	case bool:
		p.keepAll = v
	case []any:
		for _, item := range v {
			name, ok := item.(string)
			if !ok || !variable(name) {
				return wrong("preserve_env", explain)
			}
			p.keep = append(p.keep, name)
		}
	default:
		return wrong("preserve_env", explain)
	}
	return nil
}

// args understands the options of sudo that leave it to this package who is asked for what, and what runs (G12).
func (p *parser) args() error {
	if list, ok := p.options["args"].([]any); ok {
		for _, v := range list {
			if _, ok := v.(string); !ok {
				return wrong("args", "The args must be a list of strings.")
			}
		}
	}
	list := p.options.Strings("args")
	for len(list) > 0 {
		name, value, attached := split(list[0])
		list = list[1:]
		takes, err := p.arg(name)
		if err != nil {
			return err
		}
		if !takes {
			if attached && name != "--preserve-env" {
				return wrong("args", fmt.Sprintf("The option %s of sudo takes no value.", name))
			}
			if attached {
				p.keepAll = false
				for v := range strings.SplitSeq(value, ",") {
					if !variable(v) {
						return wrong("args", fmt.Sprintf("%q is no name of a variable.", v))
					}
					p.keep = append(p.keep, v)
				}
			}
			continue
		}
		if !attached {
			if len(list) == 0 {
				return wrong("args", fmt.Sprintf("The option %s of sudo needs a value.", name))
			}
			value, list = list[0], list[1:]
		}
		if err := p.valued(name, value); err != nil {
			return err
		}
	}
	return nil
}

// split separates an option from a value that is written with it.
func split(arg string) (name, value string, attached bool) {
	if strings.HasPrefix(arg, "--") {
		return strings.Cut(arg, "=")
	}
	if len(arg) > 2 && arg[0] == '-' {
		return arg[:2], arg[2:], true
	}
	return arg, "", false
}

// arg takes an option, and tells whether it needs a value.
func (p *parser) arg(name string) (takesValue bool, err error) {
	switch name {
	case "-i", "--login":
		p.login = true
	case "-H", "--set-home":
		p.home = true
	case "-E", "--preserve-env":
		p.keepAll = true
	case "-P", "--preserve-groups", "-k", "--reset-timestamp", "-N", "--no-update":
		p.further = append(p.further, name)
	case "-n", "--non-interactive":
		if p.options.String("password", "") != "" {
			return false, wrong("args", "With a password sudo has to ask: -n and password exclude each other.")
		}
	case "-g", "--group", "-C", "--close-from", "-D", "--chdir", "-R", "--chroot", "-T", "--command-timeout",
		"-r", "--role", "-t", "--type":
		return true, nil
	case "-u", "--user":
		return false, wrong("args", "Say who to become with the argument user, not in args.")
	case "-p", "--prompt", "-S", "--stdin", "-A", "--askpass":
		return false, wrong("args", fmt.Sprintf("The option %s would change how sudo asks for the password; runner answers sudo's own question on a terminal.", name))
	default:
		return false, wrong("args", fmt.Sprintf("The option %q of sudo is not one that runner understands.", name))
	}
	return false, nil
}

func (p *parser) valued(name, value string) error {
	if value == "" || strings.HasPrefix(value, "-") || strings.ContainsAny(value, "\x00\n") {
		return wrong("args", fmt.Sprintf("%q is no value for the option %s of sudo.", value, name))
	}
	set := func(into *string, argument string) error {
		if err := transports.CheckName("args", value); err != nil {
			return err
		}
		if *into != "" && *into != value {
			return wrong("args", fmt.Sprintf("The args say %s %s, but they or the argument %s say something else.", name, value, argument))
		}
		*into = value
		return nil
	}
	switch name {
	case "-r", "--role":
		return set(&p.role, "role")
	case "-t", "--type":
		return set(&p.kind, "type")
	case "-g", "--group":
		if err := transports.CheckName("args", value); err != nil {
			return err
		}
	}
	p.further = append(p.further, name, value)
	return nil
}

// variable tells names of environment variables.
func variable(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

func wrong(argument, message string) error {
	return &schema.ArgumentError{Argument: argument, Message: message}
}
