// Package sudo describes the hop to another user of the same machine by sudo, or by sudo-rs under the same name. Its
// neighbours are the other transports and agent/child, which carries the description out and types the password.
package sudo

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"runner/agent/schema"
	"runner/agent/wire"
	"runner/transports"
)

// Transport returns the sudo hop.
func Transport() transports.Transport {
	return transports.Transport{
		Block: schema.Block{
			Name: "sudo",
			Doc:  "Another user of the same machine, by sudo. A password is typed into a terminal of its own, and only where sudo asks for it.",
			Arguments: []schema.Attribute{
				{Name: "user", Type: schema.String, Static: true, Doc: "Who to become: a name, or # and a number. Default root."},
				{Name: "password", Type: schema.String, Static: true, Secret: true, Doc: "What sudo may ask for. Without it sudo must ask nothing."},
				{Name: "login", Type: schema.Bool, Static: true, Doc: "Start from the user's login environment, through the login shell (sudo -i)."},
				{Name: "preserve_env", Type: schema.Any, Static: true, Doc: "Keep the environment (true, sudo -E), or the variables of this list."},
				{Name: "set_home", Type: schema.Bool, Static: true, Doc: "Set HOME to the user's even where sudo would keep it (sudo -H)."},
				{Name: "role", Type: schema.String, Static: true, Doc: "SELinux role."},
				{Name: "type", Type: schema.String, Static: true, Doc: "SELinux type."},
				{Name: "args", Type: schema.Strings, Static: true, Doc: "Further options of sudo. Those that would change who is asked or what runs are refused."},
				{Name: "path", Type: schema.String, Static: true, Doc: `The program: a name or an absolute path. Default "sudo".`},
				transports.Timeout(),
			},
			Check: check,
			Example: `hop "sudo" {
  user     = "postgres"
  password = var.sudo_password
}

hop "sudo" {
  user            = "#1001"
  login           = true
  path            = "/usr/local/bin/sudo"
  connect_timeout = "20s"
}

hop "sudo" {
  preserve_env = ["LANG", "http_proxy"]
  set_home     = true
  role         = "sysadm_r"
  type         = "sysadm_t"
  args         = ["--group", "adm"]
}`,
		},
		Open:        open,
		Title:       func(o transports.Options) string { return "sudo " + o.String("user", defaultUser) },
		DefaultUser: defaultUser,
	}
}

// defaultUser is sudo's own.
const defaultUser = "root"

// open makes the attempts. Without a password sudo gets no terminal (G4), unless its rules insist on one (requiretty).
// With one it gets a terminal, which it asks on, and the prompt is ours: -p also replaces what PAM and the sudoers file
// would print, in whatever language (G6).
func open(o transports.Options) (wire.Open, error) {
	if err := check(o); err != nil {
		return wire.Open{}, err
	}
	flags, err := parse(o)
	if err != nil {
		return wire.Open{}, err
	}
	program := o.String("path", "sudo")
	// sudo's own messages are matched against English ones. The agent gets the language back that its parent has.
	env := map[string]string{"LC_ALL": "C"}
	attempt := wire.Attempt{Entry: wire.EntryShell, Env: env, Failures: failures(o), Expands: flags.login}
	password := o.String("password", "")
	if password == "" {
		attempt.Argv = slices.Concat([]string{program, "-n"}, flags.argv, []string{"--"})
		terminal := attempt
		terminal.Terminal = true
		attempt.Failures = append([]wire.Failure{{Contains: "must have a tty", Code: wire.CodeTerminal, Next: true}}, attempt.Failures...)
		return wire.Open{Attempts: []wire.Attempt{attempt, terminal}}, nil
	}
	attempt.Terminal = true
	plain := attempt
	marker := "[runner " + rand.Text() + "] " // no % in it: sudo would expand that
	attempt.Argv = slices.Concat([]string{program, "-p", marker}, flags.argv, []string{"--"})
	attempt.Prompt = &wire.Prompt{Marker: strings.TrimSpace(marker), Secret: []byte(password)}
	attempt.Failures = append([]wire.Failure{{Contains: "invalid option", Code: wire.CodeUnsupported, Next: true}}, attempt.Failures...)
	// The first versions of sudo-rs know no -p. What they ask is recognised by how they ask.
	plain.Argv = slices.Concat([]string{program}, flags.argv, []string{"--"})
	plain.Prompt = &wire.Prompt{Secret: []byte(password)}
	return wire.Open{Attempts: []wire.Attempt{attempt, plain}}, nil
}

func check(known map[string]any) error {
	o := transports.Options(known)
	var all []error
	if known["user"] == "" {
		all = append(all, wrong("user", "The user must not be empty: leave the argument out, or make it null, where none is meant."))
	}
	for _, name := range []string{"user", "role", "type"} {
		all = append(all, transports.CheckName(name, o.String(name, "")))
	}
	all = append(all, transports.CheckProgram("path", o.String("path", "")))
	if strings.ContainsAny(o.String("password", ""), "\n\r\x00\x03\x04\x1a\x1c\x15\x7f") {
		all = append(all, wrong("password", "The password must not contain control characters: a terminal would act on them."))
	}
	_, err := parse(o)
	return errors.Join(append(all, transports.CheckTimeout(known), err)...)
}
