// Package inventory holds what sources of hosts outside of a site come down to: hosts with variables, groups and ways to
// reach them, as plain data. Its subpackages read the sources: ansible (INI, YAML, directories, and the JSON of dynamic
// inventories), sshconfig and tfstate; program runs a program that prints one; document parses JSON and YAML, python
// literals of Python, and vault decrypts. None of them knows the language; package lang makes hosts of what they return.
package inventory

import "github.com/hashicorp/hcl/v2"

// Inventory is what a source says.
type Inventory struct {
	Hosts  []*Host // in the order in which the source names them first
	Groups []Group // in the order of their names, with all and ungrouped
}

// Host is one host.
type Host struct {
	Name string
	// Vars are its variables, those of its groups included. Values are nil, string, bool, int64, *big.Int, float64, []any,
	// map[string]any and Secret. They are shared between hosts and must not be changed.
	Vars       map[string]any
	Groups     []string // sorted, the groups of its groups included, all not
	Connection Connection
	Range      hcl.Range // where the source names it first
}

// Group is a named set of hosts.
type Group struct {
	Name  string
	Hosts []string // also those of the groups in it, in the order of Inventory.Hosts
}

// Connection says how a host is reached, as far as the source tells.
type Connection struct {
	Address string // where to connect to; "" for a hop that needs none
	Jumps   []Hop  // ssh hops on the way
	Hop     Hop    // the hop to the host
	Become  *Hop   // who to be there
}

// Hop is a hop by the name of its transport, with those of its arguments that the source gives. Their values are as in
// Host.Vars.
type Hop struct {
	Transport string
	Options   map[string]any
}

// Secret is a value that is never shown: it was encrypted, or it is a password.
type Secret struct{ Value any }

// Reveal returns a value without the mark, and whether it had one.
func Reveal(v any) (any, bool) {
	if s, ok := v.(Secret); ok {
		return s.Value, true
	}
	return v, false
}

// The limits of one inventory. They are far above what people have and keep what a source can cost below 64 MiB.
const (
	MaxFile   = 8 << 20  // bytes of one file, or of what a program prints
	MaxBytes  = 24 << 20 // bytes of all files
	MaxFiles  = 20_000
	MaxHosts  = 50_000
	MaxGroups = 20_000
	MaxValues = 200_000   // values in one file, and written into one inventory
	MaxMerged = 1_000_000 // variables of all hosts, those of their groups included
	MaxDepth  = 100       // lists and maps in one another
)
