//go:build linux

package packages_test

import (
	"os"
	"testing"

	"runner/cmd/testbed/bed"
)

// TestMain lets the tests change what is installed, and where it comes from, in a throw-away copy of this machine.
func TestMain(m *testing.M) { os.Exit(bed.Throwaway(m)) }
