package local_test

import (
	"testing"

	"runner/cmd/testbed/bed"
	"runner/transports"
	"runner/transports/conformance"
	"runner/transports/local"
)

// G1: what holds for every hop.
func TestConformance(t *testing.T) {
	b := bed.New(t, "linux", "root")
	a := b.Account(bed.AccountOptions{})
	conformance.Run(t, conformance.Case{
		Bed: b, Transport: local.Transport(), Options: transports.Options{}, As: a, Stored: true,
		Want: conformance.User{Name: a.Name, UID: a.UID, Home: a.Home, Shell: a.Shell},
	})
}
