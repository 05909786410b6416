package sudo_test

import (
	"testing"

	"runner/cmd/testbed/bed"
	"runner/transports"
	"runner/transports/conformance"
	"runner/transports/sudo"
)

func root() conformance.User {
	return conformance.User{Name: "root", UID: 0, Home: "/root", Shell: "/bin/bash"}
}

// fussy are sudo rules that make asking as difficult as distributions do.
func fussy() []string {
	return []string{
		bed.SudoAsking,
		`Defaults:%u lecture=always,pwfeedback,requiretty,use_pty,timestamp_timeout=0,passprompt="Wachtwoord voor %%u: "`,
	}
}

// G1: what holds for every hop, where sudo asks nothing.
func TestConformanceWithoutPassword(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo")
	a := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}})
	conformance.Run(t, conformance.Case{
		Bed: b, Transport: sudo.Transport(), Options: transports.Options{}, As: a,
		Want: root(), Stored: true, Program: "sudo -n -u root", Loud: true,
	})
}

// G1: what holds for every hop, where sudo asks for a password, lectures, and insists on a terminal.
func TestConformanceWithPassword(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo")
	a := b.Account(bed.AccountOptions{Sudoers: fussy()})
	to := b.Account(bed.AccountOptions{Shell: "/bin/sh"})
	conformance.Run(t, conformance.Case{
		Bed: b, Transport: sudo.Transport(), Options: transports.Options{"user": to.Name, "password": a.Password}, As: a,
		Want:   conformance.User{Name: to.Name, UID: to.UID, Home: to.Home, Shell: to.Shell},
		Stored: true, Program: "-u " + to.Name, Loud: true,
	})
}
