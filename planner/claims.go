package planner

import (
	"fmt"
	"path/filepath"
	"sync"

	"runner/planner/plan"
)

// claims are the places on the controller that tasks write to, each by one host only: otherwise what one brings another one would
// overwrite, and every run would change both.
type claims struct {
	mu    sync.Mutex         // guards what follows
	all   map[string]claimed // by path
	above map[string]claimed // by directory: who has something in it
}

// claimed says whose a place is.
type claimed struct{ task, host, from string }

// claim notes where an instance writes to.
func (e *Evaluator) claim(in *plan.Instance, host string) error {
	at := in.Destination
	if at == "" || in.Skip {
		return nil
	}
	c := &e.claims
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all, c.above = map[string]claimed{}, map[string]claimed{}
	}
	who := claimed{task: in.Address, host: host}
	who.from, _ = in.Args["path"].(string)
	clash := func(with claimed) error {
		return fmt.Errorf("the destination %s is, or lies in, or has in it, that of %s on %s", at, with.task, with.host)
	}
	if other, ok := c.all[at]; ok && (other.host != host || other.from != who.from) {
		return clash(other)
	}
	if other, ok := c.above[at]; ok && other.host != host {
		return clash(other)
	}
	for dir := at; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if other, ok := c.all[dir]; ok && other.host != host {
			return clash(other)
		}
	}
	c.all[at] = who
	for dir := filepath.Dir(at); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, ok := c.above[dir]; ok {
			break
		}
		c.above[dir] = who
	}
	return nil
}
