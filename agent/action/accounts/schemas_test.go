package accounts_test

import (
	"strings"
	"testing"

	"runner/agent/action/accounts"
	"runner/agent/schema"
)

// What the attributes of a schema cannot say is checked before the first connection, and a password is not repeated.
func TestSchemasCheck(t *testing.T) {
	checks := map[string]func(map[string]any) error{
		"group": accounts.GroupSchema().Check, "user": accounts.UserSchema().Check,
		"authorized_key": accounts.AuthorizedKeySchema().Check, "cron": accounts.CronSchema().Check,
	}
	user := func(name string, value any) map[string]any { return map[string]any{"name": "ann", name: value} }
	cron := func(name string, value any) map[string]any {
		return map[string]any{"name": "a", "command": "true", name: value}
	}
	keys := func(key string) map[string]any { return map[string]any{"user": "ann", "key": key} }
	hash := "$6$runnerexample$LAmrrFkaUWGNEkuapP0M5qAzAYlaQ0pJqtc/xNCZrFNH27/yKfxte1TkwSPt.OLswhvQVhA/2IZNVF9RBNCzT/"
	good := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICKLSKVtvC7PEDkyJ6ycnclDiB/XpVRS4SoJEHR2vvKy"
	for _, c := range []struct {
		action string
		given  map[string]any
		want   string // in the message; "": none
	}{
		{"group", map[string]any{"name": "web_1-x.y", "gid": 100.0}, ""},
		{"group", map[string]any{"name": "machine$"}, ""},
		{"group", map[string]any{"name": "-g"}, "must be the name of a group"},
		{"group", map[string]any{"name": "100"}, "must be the name of a group"},
		{"group", map[string]any{"name": ""}, "must be the name of a group"},
		{"group", map[string]any{"name": "a:b"}, "must be the name of a group"},
		{"group", map[string]any{"name": strings.Repeat("x", 33)}, "must be the name of a group"},
		{"group", map[string]any{"name": "a", "gid": -1.0}, "whole number"},
		{"group", map[string]any{"name": "a", "gid": 1.5}, "whole number"},
		{"group", map[string]any{"name": "a", "gid": 4294967295.0}, "whole number"},
		{"group", map[string]any{"name": "a", "gid": 5.0, "state": "absent"}, "means nothing"},
		{"group", map[string]any{"name": schema.Unknown{}, "gid": schema.Unknown{}}, ""},
		{"user", user("state", "gone"), "must be"},
		{"user", user("uid", 1e10), "whole number"},
		{"user", user("group", "-x"), "name or the number of a group"},
		{"user", user("groups", []any{"adm", "a,b"}), "Element 1 of groups"},
		{"user", user("groups", []any{}), ""},
		{"user", user("append", true), "groups, which is not given"},
		{"user", user("shell", "sh"), "absolute path"},
		{"user", user("home", "/a:b"), "no colon"},
		{"user", user("comment", "a\nb"), "no line break"},
		{"user", user("expires", "31.1.2027"), "must be a day"},
		{"user", user("expires", "2027-02-30"), "must be a day"},
		{"user", user("expires", "never"), ""},
		{"user", user("remove_home", true), "state is \"absent\""},
		{"user", map[string]any{"name": "ann", "state": "absent", "remove_home": true}, ""},
		{"user", map[string]any{"name": "root", "state": "absent"}, "must not be removed"},
		{"user", map[string]any{"name": "root", "comment": "Root"}, ""},
		{"user", map[string]any{"name": "ann", "state": "absent", "shell": "/bin/sh"}, "means nothing"},
		{"user", user("password", hash), ""},
		{"user", user("password", "*"), ""},
		{"user", user("password", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"), ""},
		{"user", user("password", "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"), ""},
		{"user", user("password", "correct horse"), "must be a hash"},
		{"user", user("password", "abcdefghijklm"), "must be a hash"},
		{"user", user("password", "$6$short$abc"), "must be a hash"},
		{"user", user("password", "$9$salt$LAmrrFkaUWGNEkuapP0M5qAzAYlaQ0pJqtc"), "must be a hash"},
		{"user", user("password", hash+"\nroot:x"), "must be a hash"},
		{"user", user("password", ""), "must be a hash"},
		{"authorized_key", keys(good + " ann@laptop"), ""},
		{"authorized_key", keys("# Ann\n\nfrom=\"a b\",no-pty " + good + "\r\n"), ""},
		{"authorized_key", keys("ssh-rsa" + good[11:]), "Line 1 of key"},
		{"authorized_key", keys(good + "\n" + good[:40]), "Line 2 of key"},
		{"authorized_key", keys("hello"), "Line 1 of key"},
		{"authorized_key", keys("# none\n"), "at least one"},
		{"authorized_key", keys("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n"), "this is the private one"},
		{"authorized_key", map[string]any{"user": "ann", "key": good, "options": "no-pty, no-x"}, "no spaces outside of quotes"},
		{"authorized_key", map[string]any{"user": "ann", "key": good, "options": `command="a b"`}, ""},
		{"authorized_key", map[string]any{"user": "ann", "key": good, "options": `command="a \"b c\""`}, ""},
		{"authorized_key", map[string]any{"user": "ann", "key": good, "options": `no-pty\ no-x`}, "no spaces outside of quotes"},
		{"authorized_key", map[string]any{"user": "ann", "key": good, "options": `command="a`}, "no quote that is not closed"},
		{"authorized_key", map[string]any{"user": "ann", "key": good, "options": `#no-pty`}, "options must be"},
		{"authorized_key", map[string]any{"user": "ann", "key": good, "options": ""}, ""},
		{"authorized_key", map[string]any{"user": "-ann", "key": good}, "name of a user"},
		{"authorized_key", map[string]any{"user": "ann", "key": good, "path": "~/x"}, "absolute path"},
		{"authorized_key", map[string]any{"user": "ann", "key": good, "state": "absent", "exclusive": true}, "means nothing"},
		{"authorized_key", map[string]any{"user": "ann", "key": schema.Unknown{}}, ""},
		{"cron", cron("minute", "*/5,7-9,30-40/2"), ""},
		{"cron", cron("minute", "60"), "numbers from 0 to 59"},
		{"cron", cron("minute", "*/0"), "numbers from 0 to 59"},
		{"cron", cron("minute", "5-3"), "numbers from 0 to 59"},
		{"cron", cron("minute", ""), "numbers from 0 to 59"},
		{"cron", cron("hour", "1 2"), "numbers from 0 to 23"},
		{"cron", cron("day", "0"), "numbers from 1 to 31"},
		{"cron", cron("month", "Jan-mar,12"), ""},
		{"cron", cron("weekday", "sun,mon-fri,7"), ""},
		{"cron", cron("weekday", "monday"), "numbers from 0 to 7"},
		{"cron", cron("special", "reboot"), ""},
		{"cron", cron("special", "fortnightly"), "must be one of"},
		{"cron", map[string]any{"name": "a", "command": "true", "special": "daily", "hour": "2"}, "exclude each other"},
		{"cron", cron("command", "a\nb"), "one line"},
		{"cron", cron("name", " "), "one line"},
		{"cron", cron("file", "a.conf"), "cron does not read others"},
		{"cron", cron("file", "../a"), "cron does not read others"},
		{"cron", cron("file", ""), "cron does not read others"},
		{"cron", map[string]any{"name": "a"}, "needs the argument \"command\""},
		{"cron", map[string]any{"name": "a", "state": "absent"}, ""},
		{"cron", map[string]any{"name": "a", "state": "absent", "command": "true"}, "means nothing"},
		{"cron", map[string]any{"name": "a", "state": schema.Unknown{}}, ""},
	} {
		err := checks[c.action](c.given)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %.200v: %v, want %q", c.action, c.given, err, c.want)
		}
		if secret, _ := c.given["password"].(string); err != nil && len(secret) > 1 && strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
