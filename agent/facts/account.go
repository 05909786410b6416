//go:build !darwin

package facts

import "strings"

// lookUp finds a user by number in the system's own file: a static program has no other way to ask.
func lookUp(uid string) (name, home, shell string, ok bool) {
	for line := range strings.Lines(text("/etc/passwd")) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) == 7 && fields[2] == uid {
			return fields[0], fields[5], fields[6], true
		}
	}
	return "", "", "", false
}
