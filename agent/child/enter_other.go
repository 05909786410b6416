//go:build !linux

package child

import "errors"

const canEnter = false

// Enter is the helper that joins namespaces, which this system does not have.
func Enter([]string) (int, error) {
	return 1, errors.New("cannot enter: this system has no namespaces")
}
