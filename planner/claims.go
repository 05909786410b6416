package planner

import (
	"slices"
	"sync"

	"runner/lang/places"
	"runner/planner/plan"
)

// claims are the places on the controller that tasks write to.
type claims struct {
	mu     sync.Mutex // guards what follows
	places places.Places
}

// claim notes where an instance writes to, and says what is wrong with that; "" if nothing is. What may not run, or not in this way, counts for
// nothing yet, as in lang. A rescue may write to where its host would have written, had that not failed.
func (c *claims) claim(in *plan.Instance, host string, rescue bool) string {
	if in.Destination == "" || in.Skip || len(in.Unknown) > 0 {
		return ""
	}
	from, _ := in.Args["path"].(string)
	c.mu.Lock()
	defer c.mu.Unlock()
	other, free := c.places.Claim(in.Destination, places.Writer{Address: in.Address, Host: host, From: from})
	if free || rescue && other.Host == host {
		return ""
	}
	return other.Clash(in.Destination, in.Hidden.All || slices.Contains(in.Secrets, "destination"))
}
