package action

// What a new entry takes over from its directory: its group and the setgid bit where that is set.
const (
	inheritsGroup  = false
	inheritsSetgid = 1
)
