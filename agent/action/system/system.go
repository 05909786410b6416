// Package system has the actions that set what belongs to a system as a whole, now and for its next start: its name, its
// time zone, parameters of its kernel and what is mounted. All but the time zone are Linux's. Its neighbours are package
// action, whose contract it keeps, and package files, which writes whole files for it.
package system
