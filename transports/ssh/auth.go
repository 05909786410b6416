package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	xssh "golang.org/x/crypto/ssh"

	"runner/transports/ssh/keys"
)

// Methods of authentication by their names in RFC 4252 and RFC 4256.
const (
	methodNone        = "none"
	methodKey         = "publickey"
	methodPassword    = "password"
	methodInteractive = "keyboard-interactive"
)

// maxUnnamed is how many keys that nobody named are offered when a password is configured too: OpenSSH's server closes
// the connection at the sixth failure, and the password takes up to two tries.
const maxUnnamed = 4

// authenticator chooses what to try next. The library first tries "none", which is how the server's methods become
// known, and then asks next before each attempt; so everything is offered one by one and its outcome is known.
//
// Counted on the wire, a login costs six round trips once the TCP connection is there, no more than OpenSSH's client
// needs: version, key exchange, service, "none", the offer of a key, its signature. Each key that the server does not
// want costs one more, which is why the order of keys matters. A password costs one, as an answer to a question three.
type authenticator struct {
	ctx      context.Context // of the one connection that this serves
	s        *settings
	conn     *meter
	verifier *verifier
	request  keys.Request
	store    *keys.Store
	may      func(password string) error // asked before the password is given; nil: it may be
	sent     int64                       // bytes on the connection when the last attempt began

	ring       *keys.Ring      // nil: not loaded yet
	identities []keys.Identity // not offered yet
	offered    []string        // labels of keys that were
	signed     string          // label of the key that signed in the attempt under way
	rejected   string          // label of a key that signed and still was not let in
	partials   int             // methods that have succeeded so far

	passwordSent     bool
	passwordPending  bool // sent, and its outcome is not known yet
	interactiveTried bool
	refusal          *Error // found while the server was asking
}

// errBroken tells that the connection ended while authenticating.
var errBroken = errors.New("the connection broke while authenticating")

// next returns the method to try next, or why there is none. The library asks for one also when the connection has
// broken: every attempt sends something, so one that did not had nothing to send it on.
func (a *authenticator) next(c *xssh.ClientAuthContext) (xssh.AuthMethod, error) {
	sent := a.conn.sent.Load()
	if sent == a.sent {
		a.passwordPending = false // it never left
		return nil, errBroken
	}
	if a.conn.broken.Load() || len(c.AllowedMethods) == 0 {
		return nil, errBroken
	}
	a.sent = sent
	if a.refusal != nil {
		return nil, a.refusal
	}
	succeeded := len(c.PartialSuccessMethods) > a.partials
	a.partials = len(c.PartialSuccessMethods)
	if a.passwordPending && !succeeded {
		return nil, a.passwordRefused()
	}
	a.passwordPending = false
	if a.signed != "" && !succeeded {
		a.rejected = a.signed
	}
	a.signed = ""
	if slices.Contains(c.AllowedMethods, methodKey) {
		method := a.nextKey()
		if a.ctx.Err() != nil {
			return nil, errBroken
		}
		if method != nil {
			return method, nil
		}
	}
	if a.s.password != "" && !a.passwordSent {
		method, err := a.nextPassword(c)
		if method != nil || err != nil {
			return method, err
		}
	}
	return nil, a.exhausted(c)
}

func (a *authenticator) nextKey() xssh.AuthMethod {
	if a.ring == nil {
		a.conn.phase.Store(int32(phaseKeys))
		a.ring = a.store.Load(a.ctx, a.request)
		a.identities = a.ring.Identities
		a.resume()
	}
	if len(a.identities) == 0 {
		return nil
	}
	id := a.identities[0]
	if a.s.password != "" && !id.Named && len(a.offered) >= maxUnnamed {
		return nil
	}
	a.identities = a.identities[1:]
	a.offered = append(a.offered, id.Label)
	return xssh.PublicKeys(&watchedSigner{Identity: id, owner: a})
}

// resume says that the server is waited for again, not the agent, unless the wait for that was too long.
func (a *authenticator) resume() {
	if a.ctx.Err() == nil {
		a.conn.phase.Store(int32(phaseAuth))
	}
}

// nextPassword prefers the method that takes one round trip.
func (a *authenticator) nextPassword(c *xssh.ClientAuthContext) (xssh.AuthMethod, error) {
	asks := slices.Contains(c.AllowedMethods, methodPassword)
	interactive := slices.Contains(c.AllowedMethods, methodInteractive) && !a.interactiveTried
	if !asks && !interactive {
		return nil, nil // neither a method nor an error: the server wants no password
	}
	if doubt := a.verifier.doubt; doubt != nil {
		refused := *doubt
		refused.Message += "; the password is not sent to it"
		return nil, &refused
	}
	if asks {
		if withheld := a.withhold(); withheld != nil {
			return nil, withheld
		}
		a.passwordSent, a.passwordPending = true, true
		return xssh.Password(a.s.password), nil
	}
	a.interactiveTried = true
	return xssh.KeyboardInteractive(a.answer), nil
}

// answer gives the password to the one question that can be for it: a single one, whose answer is not shown.
func (a *authenticator) answer(_, instruction string, questions []string, echoes []bool) ([]string, error) {
	switch {
	case len(questions) == 0:
		return nil, nil // a message only
	case a.passwordSent:
		a.refusal = a.passwordRefused()
		a.refusal.Message = fmt.Sprintf("%s asks a second question after the password", a.s.login())
		a.refusal.Hint = "Either the password is wrong, or the server wants a second factor; that can only be given through an ssh-agent, a certificate or hop \"openssh\"."
	case len(questions) > 1 || echoes[0]:
		a.refusal = &Error{
			Kind:    KindAuth, // nothing was refused: the password was not sent
			Message: fmt.Sprintf("%s asks something else than a password", a.s.login()),
			Hint:    "The password is only given to a single question whose answer is not shown; log in with a key instead.",
		}
	default:
		if a.refusal = a.withhold(); a.refusal != nil {
			return nil, a.refusal
		}
		a.passwordSent, a.passwordPending = true, true
		return []string{a.s.password}, nil
	}
	a.refusal.Quote = clip(strings.TrimSpace(instruction + "\n" + strings.Join(questions, "\n")))
	return nil, a.refusal
}

// withhold says why the password may not be given, nil if it may.
func (a *authenticator) withhold() *Error {
	if a.may == nil {
		return nil
	}
	err := a.may(a.s.password)
	if err == nil {
		return nil
	}
	return &Error{Kind: KindPassword, Message: fmt.Sprintf("no password for %s: %v", a.s.login(), err), Cause: err}
}

func (a *authenticator) passwordRefused() *Error {
	return &Error{
		Kind:    KindPassword,
		Message: fmt.Sprintf("password refused for %s", a.s.login()),
		Hint:    "It was tried once. Check the argument password of this hop, and whether the account is locked.",
	}
}

// exhausted says what was tried and what might help.
func (a *authenticator) exhausted(c *xssh.ClientAuthContext) *Error {
	e := &Error{Kind: KindAuth}
	var tried []string
	if len(a.offered) > 0 {
		tried = append(tried, a.keysOffered())
	}
	if a.interactiveTried {
		tried = append(tried, methodInteractive)
	}
	if len(tried) == 0 {
		tried = append(tried, "nothing, for want of a key or a password")
	}
	e.Message = fmt.Sprintf("cannot log in as %s: tried %s; the server offers %s",
		a.s.login(), strings.Join(tried, " and "), list(c.AllowedMethods))
	if len(c.PartialSuccessMethods) > 0 {
		e.Message += " after accepting " + list(c.PartialSuccessMethods)
	}
	if len(a.notes()) > 0 {
		e.Message += "; " + strings.Join(a.notes(), "; ")
	}
	asks := slices.Contains(c.AllowedMethods, methodPassword) || slices.Contains(c.AllowedMethods, methodInteractive)
	switch {
	case a.rejected != "":
		e.Kind = KindAccount
		e.Message = fmt.Sprintf("%s accepts the key %s, but does not let it in", a.s.login(), a.rejected)
		e.Hint = "The account may be locked or expired, or not allowed to log in; the server's log says why."
	case !slices.Contains(c.AllowedMethods, methodKey) && asks && a.s.password == "":
		e.Kind = KindNoPassword
		e.Hint = "Set the argument password of this hop."
	case len(a.notes()) > 0:
		e.Hint = "Correct what is said of the keys, or name another in the argument keys."
	case len(a.offered) == 0:
		e.Hint = "Name a key in the argument keys, or start an ssh-agent that holds one."
	default:
		e.Hint = "Check the user, and that one of these keys is in the account's authorized_keys."
	}
	return e
}

func (a *authenticator) notes() []string {
	if a.ring == nil {
		return nil
	}
	return a.ring.Notes
}

// close gives back what the keys were found with.
func (a *authenticator) close() {
	if a.ring != nil {
		a.ring.Close()
	}
}

func (a *authenticator) keysOffered() string {
	const shown = 6
	labels := a.offered
	more := ""
	if len(labels) > shown {
		labels, more = labels[:shown], ", …"
	}
	noun := "key"
	if len(a.offered) > 1 {
		noun = "keys"
	}
	return fmt.Sprintf("%d %s (%s%s)", len(a.offered), noun, strings.Join(labels, ", "), more)
}

// hungUp explains a connection that the server ended while authenticating.
func (a *authenticator) hungUp(banner string, cause error) *Error {
	e := &Error{Kind: KindAuth, Quote: banner, Cause: cause}
	switch {
	case a.passwordPending:
		e.Kind = KindPassword
		e.Message = fmt.Sprintf("%s was closed by the server after the password", a.s.login())
		e.Hint = "Either the password is wrong and the server allows no second try, or the account is locked or expired."
	case a.signed != "":
		e.Kind = KindAccount
		e.Message = fmt.Sprintf("%s was closed by the server after it had checked the login", a.s.login())
		e.Hint = "The account may be locked or expired, or not allowed to log in; the server's log says why."
	case len(a.offered) > 1:
		e.Message = fmt.Sprintf("%s was closed by the server after %s", a.s.login(), a.keysOffered())
		e.Hint = "The server allows only a few tries. Set identities_only = true and name the right key in the argument keys."
	default:
		e.Message = fmt.Sprintf("%s was closed by the server while authenticating", a.s.login())
		e.Hint = "The server's log says why."
	}
	if cause != nil && !errors.Is(cause, io.EOF) && !errors.Is(cause, errBroken) {
		e.Message += ": " + cause.Error()
	}
	return e
}

// watchedSigner notes whether the server accepted the key, and why it could not sign.
type watchedSigner struct {
	keys.Identity
	owner *authenticator
}

// PublicKey is what the server is offered.
func (w *watchedSigner) PublicKey() xssh.PublicKey { return w.Public }

// Sign signs with the key's own algorithm.
func (w *watchedSigner) Sign(rand io.Reader, data []byte) (*xssh.Signature, error) {
	return w.SignWithAlgorithm(rand, data, "")
}

// SignWithAlgorithm signs; an empty algorithm is the key's own.
func (w *watchedSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*xssh.Signature, error) {
	w.owner.conn.phase.Store(int32(phaseKeys))
	signature, err := keys.Sign(w.Signer, rand, data, algorithm)
	w.owner.resume()
	var locked *keys.PassphraseError
	switch {
	case err == nil:
		w.owner.signed = w.Label
	case errors.As(err, &locked):
		w.owner.ring.Note("%v", err)
	default:
		w.owner.ring.Note("the server accepts %s, but it did not sign: %v", w.Label, err)
	}
	return signature, err
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

func clip(text string) string {
	return text[max(0, len(text)-maxQuote):]
}
