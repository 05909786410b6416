package bootstrap

import (
	"maps"
	"os"
	"slices"
	"strings"
)

// Restore returns the arguments that undo for the agent what was added to the environment for the hop's program alone,
// such as LC_ALL=C: for each variable what the program got, and what it would have got.
func Restore(added map[string]string, environ []string) []string {
	var out []string
	if seconds := os.Getenv(DumpVariable); seconds != "" {
		out = append(out, DumpVariable+"=", DumpVariable+"="+seconds)
	}
	for _, name := range slices.Sorted(maps.Keys(added)) {
		before := name
		for _, pair := range environ {
			if strings.HasPrefix(pair, name+"=") {
				before = pair
			}
		}
		out = append(out, name+"="+added[name], before)
	}
	return out
}

// RestoreEnviron carries out the arguments of Restore on the environment of this process. What did not come through the
// hop is left as it is: then it is the account's own.
func RestoreEnviron(arguments []string) error {
	for ; len(arguments) >= 2; arguments = arguments[2:] {
		name, added, _ := strings.Cut(arguments[0], "=")
		if os.Getenv(name) != added {
			continue
		}
		var err error
		if _, before, ok := strings.Cut(arguments[1], "="); ok {
			err = os.Setenv(name, before)
		} else {
			err = os.Unsetenv(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
