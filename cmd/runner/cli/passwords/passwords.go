// Package passwords asks for those passwords of hops that somebody types instead of the site saying them, each once and when
// the first hop needs it. How a person is asked is for its neighbour terminal; what else a hop is given, for transports.
package passwords

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/schema"
	"runner/lang/diag"
	"runner/transports"
	"runner/transports/ssh"
)

// Typed are the passwords that somebody types. As the zero value they are none.
type Typed struct {
	Ask func(hop string) (string, error) // nil: nobody is asked
	Err error                            // of the one that was not answered

	all   map[string]transports.Transport
	asked []*asked
}

// asked is one --ask-password.
type asked struct {
	hop             string // as it was given
	transport, user string // user "": any
	answer          string
	used            bool
}

// New returns those that will be asked for, each for a transport or for one and a user, as --ask-password names them.
func New(hops []string, all map[string]transports.Transport) (*Typed, hcl.Diagnostics) {
	out := &Typed{all: all}
	var diags hcl.Diagnostics
	var takers []string
	for name, t := range all {
		if slices.ContainsFunc(t.Arguments, func(a schema.Attribute) bool { return a.Name == "password" }) {
			takers = append(takers, name)
		}
	}
	slices.Sort(takers)
	for _, hop := range hops {
		transport, user, _ := strings.Cut(hop, ":")
		if !slices.Contains(takers, transport) {
			diags = append(diags, diag.Errorf(diag.Password, hcl.Range{}, "No hop of that kind takes a password",
				"--ask-password takes %s, or one of them and a user, such as sudo:postgres; it got %s.%s",
				strings.Join(takers, ", "), diag.Quote(hop), diag.DidYouMean(transport, takers)))
			continue
		}
		if !slices.ContainsFunc(out.asked, func(a *asked) bool { return a.hop == hop }) {
			out.asked = append(out.asked, &asked{hop: hop, transport: transport, user: user})
		}
	}
	// The more exact one counts, in whatever order they were given.
	slices.SortStableFunc(out.asked, func(a, b *asked) int {
		switch {
		case a.user != "" && b.user == "":
			return -1
		case a.user == "" && b.user != "":
			return 1
		}
		return 0
	})
	return out, diags
}

// Expand turns a hop of the site into those that it stands for, and gives them the passwords that they lack.
func (t *Typed) Expand(x *ssh.Expander, transport string, options map[string]any) ([]map[string]any, error) {
	steps := []map[string]any{options}
	if transport == "ssh" {
		expanded, err := x.Expand(options)
		if err != nil {
			return nil, fmt.Errorf("%w", err)
		}
		steps = steps[:0]
		for _, o := range expanded {
			steps = append(steps, o)
		}
	}
	for i, o := range steps {
		if steps[i] = t.fill(transport, o); t.Err != nil {
			return nil, t.Err
		}
	}
	return steps, nil
}

// fill returns the options with a password, where one was asked for and the site says none.
func (t *Typed) fill(transport string, options map[string]any) map[string]any {
	if options["password"] != nil {
		return options
	}
	known := t.all[transport]
	for _, a := range t.asked {
		if a.transport == transport && (a.user == "" || a.user == known.User(options)) {
			if !a.used && t.Ask != nil {
				a.answer, t.Err = t.Ask(a.hop)
			}
			a.used = true
			if t.Ask == nil || t.Err != nil {
				return options
			}
			out := maps.Clone(options)
			out["password"] = a.answer
			return out
		}
	}
	return options
}

// Unused finds questions that were for nothing.
func (t *Typed) Unused() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, a := range t.asked {
		if !a.used {
			diags = append(diags, diag.Errorf(diag.Password, hcl.Range{}, "No hop takes the password",
				"--ask-password %s: no hop of this run is of that kind and has no password of its own.", diag.HarmlessLine(a.hop)))
		}
	}
	return diags
}
