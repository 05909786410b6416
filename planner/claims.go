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

// claim notes where an instance writes to, and says what is wrong with that; "" if nothing is.
func (c *claims) claim(in *plan.Instance, host string) string {
	if in.Destination == "" || in.Skip {
		return ""
	}
	from, _ := in.Args["path"].(string)
	c.mu.Lock()
	defer c.mu.Unlock()
	other, free := c.places.Claim(in.Destination, places.Writer{Address: in.Address, Host: host, From: from})
	if free {
		return ""
	}
	return other.Clash(in.Destination, in.Hidden.All || slices.Contains(in.Secrets, "destination"))
}
