package config

import "runner/lang/refs"

// Names are what expressions can refer to that belong to none of the files.
func (c *Config) Names(functions map[string]bool) *refs.Names {
	a := &analysis{config: c}
	return a.declaredNames(functions)
}
