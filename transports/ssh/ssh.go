// Package ssh is the hop that the controller speaks itself, end to end: bastions between see ciphertext only, and keys
// and passwords never leave the controller. Expand turns one hop of a site into the hops that OpenSSH's configuration
// makes of it; Dial opens one of those over any stream of bytes: a TCP connection, a channel of the ssh hop before it,
// or a connection that an agent dialled; its Client starts commands and dials on.
//
// Subpackage config reads ssh_config files, knownhosts the known_hosts files, keys the keys. Package executor/broker is
// what opens these hops. What only the system's own client can do (ProxyCommand, GSSAPI, hardware keys without an agent) is not
// for this package; that is what hop "openssh" is for.
package ssh

import (
	"net"
	"strconv"
	"unicode"

	"runner/agent/schema"
	"runner/transports"
	"runner/transports/ssh/knownhosts"
)

// Transport describes the ssh hop to the language. It has no Open: the controller carries it out with Dial.
func Transport() transports.Transport {
	return transports.Transport{
		Block: schema.Block{
			Name: "ssh",
			Doc: "Logs in to a machine over SSH. It behaves as OpenSSH's client does, reads its configuration and " +
				"known_hosts, and uses its agent; it needs no client to be installed.",
			Arguments: arguments(),
			Example: `hop "ssh" {
  address = "web1.example.net"
  user    = "deploy"
  keys    = ["~/.ssh/deploy"]
}

hop "ssh" {
  address         = "10.0.0.17"
  port            = 2222
  user            = "admin"
  keys            = ["~/.ssh/admin"]
  passphrase      = var.passphrase
  certificates    = ["~/.ssh/admin-cert.pub"]
  agent           = false
  identities_only = true
  password        = var.password
  host_key        = "accept-new"
  known_hosts     = "~/.ssh/known_hosts_internal"
  config          = false
  keepalive       = "15s"
  connect_timeout = "20s"
}`,
			Check: check,
		},
		Title: title,
	}
}

func arguments() []schema.Attribute {
	return []schema.Attribute{
		{Name: "address", Type: schema.String, Static: true, Doc: "Host name, IP address or alias from the ssh configuration; the host's address if not given."},
		{Name: "port", Type: schema.Number, Static: true, Doc: "Port of the server; 22 if neither this nor the configuration says one."},
		{Name: "user", Type: schema.String, Static: true, Doc: "Who logs in; the local user's name if neither this nor the configuration says one."},
		{Name: "keys", Type: schema.Strings, Static: true, Doc: "Private keys to offer first, in this order; a public key stands for the private one that the agent holds."},
		{Name: "passphrase", Type: schema.String, Static: true, Secret: true, Doc: "Passphrase of the keys that are protected by one."},
		{Name: "certificates", Type: schema.Strings, Static: true, Doc: "Certificates for the keys, beside those that lie next to them as KEY-cert.pub."},
		{Name: "agent", Type: schema.Any, Static: true, Doc: "Path of the ssh-agent's socket, or false for none; $SSH_AUTH_SOCK if not given."},
		{Name: "identities_only", Type: schema.Bool, Static: true, Doc: "Offer only keys that are named here or in the configuration, not all that the agent holds."},
		{Name: "password", Type: schema.String, Static: true, Secret: true, Doc: "Answer to the server's one question for a password; tried once, after the keys, and only if it asks."},
		{
			Name: "host_key", Type: schema.String, Static: true, OneOf: []string{hostKeyStrict, hostKeyAcceptNew, hostKeyIgnore},
			Doc: "What an unknown host key means: an error (strict, the default), recording it (accept-new), or nothing (ignore).",
		},
		{Name: "known_hosts", Type: schema.Any, Static: true, Doc: "The known_hosts file, or a list of them, in place of the usual ones; accept-new adds to the first."},
		{Name: "config", Type: schema.Any, Static: true, Doc: "Path of the ssh configuration to use instead of ~/.ssh/config and /etc/ssh/ssh_config, or false for none."},
		{Name: "keepalive", Type: schema.Duration, Static: true, Doc: "How long the server may be silent before it is asked for a sign of life; after three without an answer the connection is lost."},
		{Name: "connect_timeout", Type: schema.Duration, Static: true, Doc: "How long it may take until the hop is ready, from the first packet to the answer of the agent: the login, the start files of its shell and an upload of the agent included."},
	}
}

func title(o transports.Options) string {
	text := o.String("address", "")
	if port := number(o, "port", knownhosts.DefaultPort); port != knownhosts.DefaultPort {
		text = net.JoinHostPort(trimBrackets(text), strconv.Itoa(port))
	}
	if user := o.String("user", ""); user != "" {
		text = user + "@" + text
	}
	return "ssh " + text
}

func unprintable(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r)
}
