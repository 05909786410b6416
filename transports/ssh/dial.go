package ssh

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"runner/transports"
	"runner/transports/ssh/keys"
)

// DialFunc reaches an address: from here, through a bastion's channel, or from where an agent is.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// clientVersion is how we introduce ourselves.
const clientVersion = "SSH-2.0-runner"

// Delays before a server that turned us away is asked again.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 3 * time.Second
)

// Dialer opens hops. What it reads of key files it keeps, so one Dialer serves a whole run. It is safe for concurrent
// use.
type Dialer struct {
	env   Environment
	keys  *keys.Store
	gates *gates
	may   func(password string) error // nil: it always may
}

// NewDialer returns a Dialer for an environment.
func NewDialer(env Environment) *Dialer {
	return &Dialer{env: env, keys: keys.NewStore(), gates: &gates{}}
}

// Asking returns a Dialer that keeps the same keys and asks, just before it gives a password away, whether it may. If
// not, that login fails, with an error of KindPassword that wraps may's.
func (d *Dialer) Asking(may func(password string) error) *Dialer {
	return &Dialer{env: d.env, keys: d.keys, gates: d.gates, may: may}
}

// Dial is NewDialer(CurrentEnvironment()).Dial for a single hop.
func Dial(ctx context.Context, options transports.Options, dial DialFunc) (*Client, error) {
	return NewDialer(CurrentEnvironment()).Dial(ctx, options, dial)
}

// Dial opens one hop: it connects, verifies the host key and authenticates, all within connect_timeout, which is the
// context's deadline, or 30 s without one, where the options say none. The options are those of one hop that Expand
// returned; no ssh configuration is read. A nil dial connects from here; it may be used several times, when a server
// turns us away. The context matters until Dial returns. Errors are of type *Error.
func (d *Dialer) Dial(ctx context.Context, options transports.Options, dial DialFunc) (*Client, error) {
	s, err := newSettings(options, d.env)
	if err != nil {
		return nil, err
	}
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	ctx, cancel := s.limit(ctx)
	defer cancel()
	for attempts, delay := 1, firstRetry; ; attempts, delay = attempts+1, min(2*delay, lastRetry) {
		client, err := d.attempt(ctx, s, dial)
		busy, ok := errors.AsType[*Error](err)
		if !ok || busy.Kind != KindBusy {
			return client, err
		}
		// MaxStartups: the server drops at random, so that coming back a little later, not all at once, helps.
		pause := time.NewTimer(delay/2 + rand.N(delay)) //nolint:gosec // no secret
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			if attempts > 1 {
				busy.Message += fmt.Sprintf(", %d times", attempts)
			}
			return nil, busy
		}
	}
}

// limit gives a context the hop's own timeout, or the usual one where nobody else has set any.
func (s *settings) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	until, limited := ctx.Deadline()
	switch {
	case s.timeout == 0 && limited:
		s.timeout = time.Until(until)
	case s.timeout == 0:
		s.timeout = defaultTimeout
	}
	return context.WithTimeout(ctx, s.timeout)
}

// attempt is connect when it is one's turn.
func (d *Dialer) attempt(ctx context.Context, s *settings, dial DialFunc) (*Client, error) {
	g := d.gates.of(net.JoinHostPort(s.address, strconv.Itoa(s.port)))
	if err := g.enter(ctx); err != nil {
		return nil, interrupted(ctx, s, phaseConnect)
	}
	began := time.Now()
	client, err := d.connect(ctx, s, dial)
	g.leave(began, err)
	return client, err
}

// isBusy says whether a server has turned somebody away who may come back.
func isBusy(err error) bool {
	failure, ok := errors.AsType[*Error](err)
	return ok && failure.Kind == KindBusy
}

// connect makes one attempt.
func (d *Dialer) connect(ctx context.Context, s *settings, dial DialFunc) (*Client, error) {
	raw, err := dial(ctx, s.network, net.JoinHostPort(s.address, strconv.Itoa(s.port)))
	if err != nil {
		if ctx.Err() != nil {
			return nil, interrupted(ctx, s, phaseConnect)
		}
		return nil, unreachable(s, err)
	}
	client, err := d.handshake(ctx, s, raw)
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return client, nil
}

// handshake turns a stream into a client. On an error the stream is the caller's to close.
func (d *Dialer) handshake(ctx context.Context, s *settings, raw net.Conn) (*Client, error) {
	v, err := newVerifier(s)
	if err != nil {
		return nil, err
	}
	conn := &meter{Conn: raw}
	conn.phase.Store(int32(phaseVersion))
	auth := &authenticator{ctx: ctx, s: s, conn: conn, verifier: v, request: s.identities(d.env), store: d.keys, may: d.may}
	defer auth.close()
	banner := new(kept)
	config, err := clientConfig(s, v, auth, banner)
	if err != nil {
		return nil, err
	}
	// Not every stream knows deadlines, but all can be closed.
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	inner, channels, requests, err := xssh.NewClientConn(conn, s.endpoint(), config)
	if err != nil {
		stop()
		return nil, explain(ctx, s, conn, auth, banner, err)
	}
	if !stop() {
		_ = inner.Close()
		return nil, interrupted(ctx, s, phaseAuth)
	}
	conn.phase.Store(int32(phaseDone))
	return newClient(s, conn, xssh.NewClient(inner, channels, requests), v.key, banner), nil
}

func clientConfig(s *settings, v *verifier, auth *authenticator, banner *kept) (*xssh.ClientConfig, error) {
	config := &xssh.ClientConfig{
		User:              s.user,
		ClientVersion:     clientVersion,
		HostKeyAlgorithms: v.algorithms(),
		HostKeyCallback: func(host string, remote net.Addr, key xssh.PublicKey) error {
			if failure := v.verify(host, remote, key); failure != nil {
				return failure
			}
			v.key = key
			auth.conn.phase.Store(int32(phaseAuth))
			return nil
		},
		BannerCallback: func(text string) error {
			banner.keep([]byte(text))
			return nil
		},
		AuthCallback: auth.next,
	}
	config.Ciphers, config.MACs, config.KeyExchanges = s.ciphers, s.macs, s.keyExchanges
	if len(config.HostKeyAlgorithms) == 0 {
		return nil, &Error{Kind: KindOptions, Message: "none of the HostKeyAlgorithms in the ssh configuration is known: " + list(s.hostKeyAlgorithms)}
	}
	return config, nil
}

// explain names why a handshake failed.
func explain(ctx context.Context, s *settings, conn *meter, auth *authenticator, banner *kept, err error) error {
	at := phase(conn.phase.Load())
	var known *Error
	switch {
	case errors.As(err, &known):
		if known.Quote == "" {
			known.Quote = banner.quote()
		}
		return known
	case ctx.Err() != nil:
		e := interrupted(ctx, s, at)
		e.Quote = banner.quote()
		return e
	case errors.Is(err, errNoVersion):
		return turnedAway(s, conn, err)
	case at == phaseAuth || at == phaseKeys:
		return auth.hungUp(banner.quote(), errors.Unwrap(err))
	}
	e := &Error{
		Kind: KindProtocol, Cause: err,
		Message: fmt.Sprintf("cannot agree with %s while %s: %v", s.endpoint(), at, errors.Unwrap(err)),
		Hint:    "The server's log may say why.",
	}
	if negotiation, ok := errors.AsType[*xssh.AlgorithmNegotiationError](err); ok {
		e.Message = fmt.Sprintf("%s and we have no %s in common: it offers %s", s.endpoint(), negotiation.What, list(unique(negotiation.RequestedAlgorithms)))
		e.Hint = "Allow a current algorithm on the server, or use hop \"openssh\"."
	}
	return e
}

// turnedAway tells a server that is busy from one that speaks something else.
func turnedAway(s *settings, conn *meter, err error) *Error {
	said := conn.foreword.quote()
	if conn.received.Load() > maxKept || strings.HasPrefix(said, "HTTP/") {
		return &Error{
			Kind: KindProtocol, Cause: err, Quote: said,
			Message: s.endpoint() + " does not speak SSH",
			Hint:    "Check the port.",
		}
	}
	return &Error{
		Kind: KindBusy, Cause: err, Quote: said,
		Message: s.endpoint() + " closed the connection before saying its version",
		Hint:    "The server may have too many logins at once (MaxStartups), or be set to turn this machine away.",
	}
}

func unique(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}
