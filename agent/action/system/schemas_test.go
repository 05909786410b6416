package system_test

import (
	"strings"
	"testing"

	"runner/agent/action/system"
	"runner/agent/schema"
)

// What the attributes of a schema cannot say is checked before the first connection.
func TestSchemasCheck(t *testing.T) {
	checks := map[string]func(map[string]any) error{
		"hostname": system.HostnameSchema().Check, "timezone": system.TimezoneSchema().Check,
		"sysctl": system.SysctlSchema().Check, "mount": system.MountSchema().Check,
	}
	name := func(value any) map[string]any { return map[string]any{"name": value} }
	mount := func(name string, value any) map[string]any {
		return map[string]any{"path": "/srv/x", "source": "tmpfs", "type": "tmpfs", name: value}
	}
	for _, c := range []struct {
		action string
		given  map[string]any
		want   string // in the message; "": none
	}{
		{"hostname", name("web1.example.net"), ""},
		{"hostname", name(schema.Unknown{}), ""},
		{"hostname", name("web_1"), "must be a host name"},
		{"hostname", name("-web"), "must be a host name"},
		{"hostname", name("web."), "must be a host name"},
		{"hostname", name(""), "must be a host name"},
		{"hostname", name(strings.Repeat("x", 65)), "must be a host name"},
		{"timezone", name("America/Argentina/Buenos_Aires"), ""},
		{"timezone", name("../../etc/passwd"), "must be the name of a time zone"},
		{"timezone", name("/UTC"), "must be the name of a time zone"},
		{"timezone", name(""), "must be the name of a time zone"},
		{"sysctl", map[string]any{"name": "net.ipv4.ip_forward", "value": "1"}, ""},
		{"sysctl", map[string]any{"name": "net/ipv4/conf/eth0.1/rp_filter", "value": "1"}, ""},
		{"sysctl", map[string]any{"name": "net.ipv4.ip_forward=1", "value": "1"}, "must be that of a parameter"},
		{"sysctl", map[string]any{"name": "../../etc/passwd", "value": "1"}, "must be that of a parameter"},
		{"sysctl", map[string]any{"name": "net/../../x", "value": "1"}, "must be that of a parameter"},
		{"sysctl", map[string]any{"name": "net", "value": "1"}, "must be that of a parameter"},
		{"sysctl", map[string]any{"name": "a.b", "value": "1\n2"}, "must be one line"},
		{"sysctl", map[string]any{"name": "a.b", "value": ""}, "must be one line"},
		{"sysctl", map[string]any{"name": "a.b"}, "needs the argument \"value\""},
		{"sysctl", map[string]any{"name": "a.b", "state": "absent"}, ""},
		{"sysctl", map[string]any{"name": "a.b", "state": "absent", "value": "1"}, "means nothing"},
		{"mount", mount("options", "size=1m,ro"), ""},
		{"mount", mount("path", "/"), "root directory"},
		{"mount", mount("path", "x"), "absolute path"},
		{"mount", mount("options", "a b"), "without blanks"},
		{"mount", mount("options", "username=me,credentials=/root/share"), ""},
		{"mount", mount("options", "username=me,password=secret"), "credentials=PATH"},
		{"mount", mount("options", "pass=secret"), "credentials=PATH"},
		{"mount", mount("type", ""), "what mount(8) takes"},
		{"mount", mount("source", "-a"), "what mount(8) takes"},
		{"mount", mount("pass", 3.0), "must be 0, 1 or 2"},
		{"mount", mount("state", "gone"), "must be \"mounted\""},
		{"mount", mount("state", "absent"), "means nothing where state is \"absent\""},
		{"mount", map[string]any{"path": "/srv/x", "state": "unmounted"}, ""},
		{"mount", map[string]any{"path": "/srv/x"}, "needs the argument \"source\""},
		{"mount", map[string]any{"path": "/srv/x", "source": "x", "state": "present"}, "needs the argument \"type\""},
		{"mount", map[string]any{"path": "/srv/x", "state": schema.Unknown{}}, ""},
	} {
		err := checks[c.action](c.given)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %.200v: %v, want %q", c.action, c.given, err, c.want)
		}
	}
}
