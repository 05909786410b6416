// Package transports says what a kind of hop is. Each kind has a small package of its own below; package catalog lists
// them. A transport turns its options into data (wire.Open) that whoever is the parent, the controller or an agent,
// carries out; only ssh is spoken by the controller itself. Transports know neither language nor planner nor executor.
package transports

import (
	"time"

	"runner/agent/schema"
	"runner/agent/wire"
)

// Transport is one kind of hop.
type Transport struct {
	schema.Block
	// Open turns checked options into what a parent needs to start the hop. It is nil for ssh.
	Open func(Options) (wire.Open, error)
	// Title names the hop for people: "sudo root", "docker app". It shows no secret.
	Title func(Options) string
	// DefaultUser is who one is behind the hop where its options do not say; "" is not known before.
	DefaultUser string
}

// User returns who one is behind a hop, as far as that is known before it is opened.
func (t *Transport) User(o Options) string { return o.String("user", t.DefaultUser) }

// Options are the arguments of a hop as plain values: string, float64, bool, []any, map[string]any. They have passed
// the transport's schema. Secrets are among them; they are never printed.
type Options map[string]any

// String returns a string option, or otherwise when it is not set.
func (o Options) String(name, otherwise string) string {
	if s, ok := o[name].(string); ok {
		return s
	}
	return otherwise
}

// Bool returns a bool option, or otherwise when it is not set.
func (o Options) Bool(name string, otherwise bool) bool {
	if b, ok := o[name].(bool); ok {
		return b
	}
	return otherwise
}

// Strings returns a list option.
func (o Options) Strings(name string) []string {
	list, _ := o[name].([]any)
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Duration returns a duration option, or otherwise when it is not set or no duration.
func (o Options) Duration(name string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(o.String(name, "")); err == nil {
		return d
	}
	return otherwise
}
