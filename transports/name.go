package transports

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"runner/agent/schema"
	"runner/agent/wire"
)

// Codes that hops have beside those of package wire: what the hop's program said no to, where it says so clearly.
const (
	CodeDenied    wire.Code = "denied"     // its rules do not allow it
	CodeNoUser    wire.Code = "no_user"    // there is no such user on the other side
	CodeAccount   wire.Code = "account"    // the account is locked or expired, or its password is
	CodeNoTarget  wire.Code = "no_target"  // there is no such container, or it does not run
	CodeNoService wire.Code = "no_service" // the service that the program asks does not answer
)

// Timeout is the argument that every hop takes.
func Timeout() schema.Attribute {
	return schema.Attribute{
		Name: "connect_timeout", Type: schema.Duration, Static: true,
		Doc: "How long opening this hop may take, an upload of the agent included.",
	}
}

// CheckTimeout finds a connect_timeout that is no positive duration.
func CheckTimeout(known map[string]any) error {
	text, ok := known["connect_timeout"].(string)
	if !ok {
		return nil
	}
	if d, err := time.ParseDuration(text); err != nil || d <= 0 {
		return &schema.ArgumentError{Argument: "connect_timeout", Message: `The connect_timeout must be a duration such as "30s".`}
	}
	return nil
}

// CheckName finds a user, group, role or container whose name could be taken for an option, for several words or for a
// command by anything that it passes through (G14). An empty name is one that is not set.
func CheckName(argument, name string) error {
	wrong := func(what string) error {
		return &schema.ArgumentError{Argument: argument, Message: fmt.Sprintf("The %s %q %s.", argument, name, what)}
	}
	switch {
	case name == "":
		return nil
	case name[0] == '-':
		return wrong("must not begin with a dash")
	case len(name) > 255:
		return wrong("is too long")
	case strings.ContainsFunc(name, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsGraphic(r) || unicode.IsSpace(r) }):
		return wrong("must not contain spaces or control characters")
	case strings.ContainsAny(name, "'\"`$;&<>|(){}[]*?!%,"):
		return wrong("must not contain shell characters")
	}
	return nil
}

// CheckProgram finds a program's path that could be taken for an option. An empty one is one that is not set.
func CheckProgram(argument, path string) error {
	wrong := func(what string) error {
		return &schema.ArgumentError{Argument: argument, Message: fmt.Sprintf("The %s %q %s.", argument, path, what)}
	}
	switch {
	case path == "":
		return nil
	case path[0] == '-':
		return wrong("must not begin with a dash")
	case strings.ContainsFunc(path, unicode.IsControl):
		return wrong("must not contain control characters")
	case strings.HasPrefix(path, "~"):
		return wrong("must be an absolute path or a name: nothing expands the tilde")
	case strings.Contains(path, "/") && path[0] != '/':
		return wrong("must be an absolute path or a name without slashes")
	}
	return nil
}
