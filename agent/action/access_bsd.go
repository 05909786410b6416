//go:build darwin || freebsd

package action

// What a new entry takes over from its directory: always its group, never the setgid bit.
const (
	inheritsGroup  = true
	inheritsSetgid = 0
)
