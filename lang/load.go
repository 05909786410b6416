package lang

import "github.com/hashicorp/hcl/v2"

// Load reads and checks the site at path, a file or a directory. All errors that can be known without a connection are
// returned together; the site is nil when there are any. The files, by the names that ranges have, are never nil: they
// are what diagnostics quote from.
func Load(path string, opts Options) (*Site, map[string]*hcl.File, hcl.Diagnostics) {
	panic("not written yet")
}
