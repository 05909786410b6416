package config

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
)

// UsedAt adds to diagnostics about something in the files of a role where the role is used, once.
func (c *Config) UsedAt(diags hcl.Diagnostics) hcl.Diagnostics {
	if len(c.Roles) == 0 {
		return diags
	}
	out := make(hcl.Diagnostics, len(diags))
	for i, d := range diags {
		out[i] = d
		if d.Subject == nil {
			continue
		}
		extra, file := diag.ExtraOf(d), d.Subject.Filename
		if extra.Caller != nil { // the text of a template may stand anywhere
			file = extra.Caller.Filename
		}
		r := c.roleOf(file, extra.Address)
		if r != nil && !strings.HasSuffix(d.Detail, r.Used()) {
			said := *d
			said.Detail += "\n\n" + r.Used()
			if n := c.uses(r); n > 1 && extra.Code == diag.UnknownReference {
				said.Detail += fmt.Sprintf(" The role's files are used %d times.", n)
			}
			out[i] = &said
		}
	}
	return out
}

// roleOf returns the role in whose files something is: the one that the address is in, or the first with these files.
func (c *Config) roleOf(file, address string) *Role {
	var found *Role
	for _, r := range c.Roles {
		if !strings.HasPrefix(file, r.Dir+string(filepath.Separator)) {
			continue
		}
		if found == nil || strings.HasPrefix(address+".", r.Module.Prefix) {
			found = r
		}
	}
	return found
}

// uses is how many roles have the files of a role.
func (c *Config) uses(r *Role) int {
	n := 0
	for _, other := range c.Roles {
		if other.Dir == r.Dir {
			n++
		}
	}
	return n
}

// Used says where a role is used, and where the role that it is used in is.
func (r *Role) Used() string {
	var b strings.Builder
	fmt.Fprintf(&b, "This is in the role %s, used at %s line %d", diag.Quote(r.Name), r.Block.Filename, r.Block.Start.Line)
	for m := r.Module.Parent; m != nil && m.Role != nil; m = m.Parent {
		fmt.Fprintf(&b, ", in the role %s, used at %s line %d", diag.Quote(m.Role.Name), m.Role.Block.Filename, m.Role.Block.Start.Line)
	}
	return b.String() + "."
}
