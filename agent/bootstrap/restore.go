package bootstrap

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"runner/agent/wire"
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

// AccountMark stands after the arguments that Restore returns, and asks the agent to set what belongs to its account.
const AccountMark = "account"

// SetAccount sets HOME, SHELL, LOGNAME and USER to those of the account if the arguments ask for it: a way into a
// container brings those of nobody, or of whoever built the image (G13). What the account does not have is not set,
// but for HOME, which then stays.
func SetAccount(arguments []string, account func() wire.UserFacts) error {
	if !slices.Contains(arguments, AccountMark) {
		return nil
	}
	for _, name := range []string{"SHELL", "LOGNAME", "USER"} {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	a := account()
	own := map[string]string{"HOME": a.Home, "SHELL": a.Shell, "LOGNAME": a.Name, "USER": a.Name}
	if a.Name == strconv.Itoa(a.UID) { // that is no name
		delete(own, "LOGNAME")
		delete(own, "USER")
	}
	for name, value := range own {
		if value == "" {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}
