package accounts

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"runner/agent/action"
	"runner/agent/view"
)

// never is the date of an account that does not expire.
const never = "never"

// readShadow reads the user's line of /etc/shadow, if the task is about what is there.
func (u *User) readShadow(env *action.Env) error {
	u.shadow = make([]string, expiresField+2)
	u.shadow[nameField], u.shadow[hashField] = u.Name, "!"
	if u.old == nil || u.Password == nil && u.Locked == nil && u.Expires == "" {
		return nil
	}
	all, err := env.View.Lines(view.Shadow)
	if err != nil {
		return action.Cannot("read", view.Shadow, err)
	}
	if line := find(all, nameField, u.Name); len(line) > expiresField {
		u.shadow = slices.Clone(line)
	}
	return nil
}

// setShadow makes of the line what is wanted. Where only the "!" of a locked account comes or goes, usermod(8) does that
// without a new date of change.
func (u *User) setShadow() error {
	if day := days(u.Expires); u.Expires != "" && day != u.shadow[expiresField] {
		u.shadow[expiresField] = day
		u.run("-e", strings.TrimPrefix(u.Expires, never))
	}
	old := u.shadow[hashField]
	bare := strings.TrimLeft(old, "!")
	hash, locked := bare, old != bare && bare != ""
	if u.Password != nil {
		hash = *u.Password
	}
	if u.Locked != nil {
		locked = *u.Locked
	}
	switch {
	case hash == "" && u.Locked != nil && !locked && old != "":
		return u.cannot("Give it one with password, or leave locked out: without a password nobody can log in by one.", "it has no password that could be unlocked")
	case hash == "" && !locked, hash == bare && locked == (old != bare):
		return nil
	}
	field := hash
	if locked && !strings.HasPrefix(hash, "!") {
		field = "!" + hash
	}
	if field == old {
		return nil
	}
	u.shadow[hashField] = field
	switch {
	case hash != bare || u.old == nil:
		u.hash = field
	case locked:
		u.run("-L")
	default:
		u.run("-U")
	}
	return nil
}

const secondsOfDay = 24 * 60 * 60

// days counts from 1970 to a date such as 2027-01-31, as /etc/shadow does; "" for never.
func days(date string) string {
	var n [3]int
	for i, part := range strings.Split(date, "-") {
		var err error
		if n[i%len(n)], err = strconv.Atoi(part); err != nil {
			return ""
		}
	}
	return strconv.FormatInt(time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC).Unix()/secondsOfDay, 10)
}

// date is the reverse of days.
func date(days string) string {
	n, err := strconv.ParseInt(days, 10, 64)
	if err != nil {
		return never
	}
	return time.Unix(n*secondsOfDay, 0).UTC().Format("2006-01-02")
}

// setting returns the value of a name in a file of settings whose lines are a name, a separator and the value; "" if it
// has none.
func setting(file, name, separators string) string {
	data, _ := os.ReadFile(file)
	out, lines := "", strings.Split(string(data), "\n")
	for _, text := range lines {
		if at := strings.IndexAny(text, separators); at > 0 && text[:at] == name {
			out = strings.TrimSpace(text[at:][1:])
		}
	}
	return out
}
