package lang_test

import (
	"strings"
	"testing"

	"runner/lang"
)

// TestHints looks for what messages say about the way out, where they could easily say what is not so.
func TestHints(t *testing.T) {
	for name, test := range map[string]struct{ site, want string }{
		"each in run_as": {
			"job \"j\" {\n  hosts = host.localhost\n  task \"shell\" \"s\" {\n    for_each = { a = 1 }\n    run_as   = each.key\n    script   = \"x\"\n  }\n}\n",
			"run_as, hops, tags, on_failure and sensitive are the same for all elements",
		},
		"environment of a job": {
			"job \"j\" {\n  hosts       = host.localhost\n  environment = [\"a\"]\n  task \"shell\" \"s\" {\n    script = \"x\"\n  }\n}\n",
			`"environment" of a job takes map(string)`,
		},
		"when of a job": {
			"job \"j\" {\n  hosts = host.localhost\n  when  = \"x\"\n  task \"shell\" \"s\" {\n    script = \"x\"\n  }\n}\n",
			"on host localhost, in job.j\n",
		},
		"host of a result forgotten": {
			"job \"j\" {\n  hosts = host.localhost\n  task \"shell\" \"s\" {\n    script = \"x\"\n  }\n}\noutput \"o\" {\n  value = job.j.task.shell.s.stdout\n}\n",
			`say which, as in job.j.task.shell.s["HOST"].stdout.`,
		},
	} {
		_, files, diags := lang.Load(write(t, map[string]string{"x.hcl": test.site}), options())
		if out := text(files, diags); len(diags) != 1 || !strings.Contains(out, test.want) {
			t.Errorf("%s lacks %q:\n%s", name, test.want, out)
		}
	}
}

// Where a role is used is said once, whether its error is found when the site is read or when a task is evaluated.
func TestRoleIsNamedOnce(t *testing.T) {
	for _, name := range []string{"role_bad_value", "role_bad_template", "role_bad_task"} {
		_, _, diags := lang.Load("testdata/invalid/"+name, options())
		for _, d := range diags {
			if n := strings.Count(d.Detail, "This is in the role"); n != 1 {
				t.Errorf("%s says it %d times: %s", name, n, d.Detail)
			}
		}
		if len(diags) == 0 {
			t.Errorf("%s has no errors", name)
		}
	}
}
