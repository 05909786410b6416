package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"runner/agent/wire"
)

// Kind says what went wrong, for programs.
type Kind string

// The kinds.
const (
	KindOptions        Kind = "options"          // the options or the ssh configuration cannot be used
	KindName           Kind = "name"             // the address could not be resolved
	KindRefused        Kind = "refused"          // nothing listens there
	KindUnreachable    Kind = "unreachable"      // no way there
	KindForbidden      Kind = "forbidden"        // the bastion does not forward connections
	KindTimeout        Kind = "timeout"          // connect_timeout passed
	KindCancelled      Kind = "cancelled"        // the caller gave up
	KindBusy           Kind = "busy"             // the server turns connections away before it says its version
	KindProtocol       Kind = "protocol"         // the other side speaks no SSH, or none that we know
	KindHostKeyUnknown Kind = "host_key_unknown" // no known_hosts file has the host
	KindHostKeyChanged Kind = "host_key_changed" // known_hosts has another key
	KindHostKeyRevoked Kind = "host_key_revoked"
	KindHostKeyInvalid Kind = "host_key_invalid" // a certificate that does not hold
	KindAuth           Kind = "auth"             // no method of authentication is left
	KindPassword       Kind = "password"         // the password was refused
	KindNoPassword     Kind = "no_password"      // only a password would help, and none is configured
	KindAccount        Kind = "account"          // the server closed the connection on a user it had let in
	KindClosed         Kind = "closed"           // Close was called
	KindSilent         Kind = "silent"           // keepalives are not answered
	KindLost           Kind = "lost"             // the connection broke
	KindSession        Kind = "session"          // no session could be had
)

// maxQuote is how much of another program's words an error carries, in bytes.
const maxQuote = 4 << 10

// Error is why a hop could not be opened or was lost.
type Error struct {
	Kind    Kind
	Message string // lower case, names the address
	Hint    string // a full sentence: what to do
	Quote   string // what the server said, at most 4 KiB
	Cause   error
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns what caused the error, if that is known.
func (e *Error) Unwrap() error { return e.Cause }

// Problem is the error as it is shown and recorded.
func (e *Error) Problem() wire.Problem {
	return wire.Problem{Code: e.code(), Message: e.Message, Hint: e.Hint, Quote: e.Quote}
}

func (e *Error) code() wire.Code {
	switch e.Kind {
	case KindTimeout:
		return wire.CodeTimeout
	case KindCancelled:
		return wire.CodeCancelled
	case KindPassword:
		return wire.CodePassword
	case KindNoPassword:
		return wire.CodeNoPassword
	case KindClosed:
		return wire.CodeClosed
	case KindSilent:
		return wire.CodeSilent
	case KindLost:
		return wire.CodeEnded
	case KindProtocol:
		return wire.CodeProtocol
	case KindOptions, KindName, KindRefused, KindUnreachable, KindForbidden, KindBusy:
		return wire.CodeStart
	case KindHostKeyUnknown, KindHostKeyChanged, KindHostKeyRevoked, KindHostKeyInvalid,
		KindAuth, KindAccount, KindSession:
		return wire.CodeHop
	}
	return wire.CodeHop
}

// phase is where the opening of a connection stands.
type phase int32

const (
	phaseConnect phase = iota
	phaseVersion
	phaseKeyExchange
	phaseAuth
	phaseKeys
	phaseDone
)

func (p phase) String() string {
	switch p {
	case phaseConnect:
		return "connecting"
	case phaseVersion:
		return "waiting for the server's version"
	case phaseKeyExchange:
		return "exchanging keys"
	case phaseAuth:
		return "authenticating"
	case phaseKeys:
		return "waiting for the ssh-agent"
	case phaseDone:
	}
	return "connected"
}

// interrupted is the error for a context that ended in a phase.
func interrupted(ctx context.Context, s *settings, p phase) *Error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Error{
			Kind: KindCancelled, Cause: context.Cause(ctx),
			Message: fmt.Sprintf("the login on %s was given up while %s", s.endpoint(), p),
		}
	}
	return &Error{
		Kind: KindTimeout, Cause: context.DeadlineExceeded, // its own cause would say less
		Message: fmt.Sprintf("no login on %s within %s: it was given up while %s", s.endpoint(), s.timeout.Round(time.Millisecond), p),
		Hint:    "Check the address and the network, or raise connect_timeout.",
	}
}

// unreachable names why a connection to the server's port could not be made.
func unreachable(s *settings, err error) *Error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known // from a bastion's client, with more to say
	}
	e := &Error{
		Kind: KindUnreachable, Cause: err,
		Message: fmt.Sprintf("cannot reach %s: %v", s.endpoint(), err),
		Hint:    "Check the address and the network between.",
	}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		e.Kind = KindName
		e.Message = fmt.Sprintf("cannot find the address of %s: %v", s.address, dns.Err)
		e.Hint = "Check the host's name, or give its IP address."
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Kind = KindRefused
		e.Message = s.endpoint() + " refuses connections"
		e.Hint = "Check the port, and that an SSH server runs there."
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		e.Message = "there is no way to " + s.endpoint()
	}
	return e
}
