package packages

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"runner/agent/schema"
)

// TestParse: what managers print, of those above all that the tests cannot run.
func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		parse   func(string) []step
		printed string
		want    []step
	}{
		"apt": {parseApt, `Reading package lists...
Inst libc6:i386 [2.36-8] (2.36-9 Debian:12/stable [i386]) []
Inst nginx (1.22.1-9 Debian:12/stable, Debian-Security:12/stable [amd64])
Conf nginx (1.22.1-9 Debian:12/stable [amd64])
Conf half (1.0 Debian:12/stable [all])
Remv apache2 [2.4.57-2]
Purg gone
`, []step{
			{"libc6:i386", "", "2.36-8", "2.36-9"},
			{"nginx", "amd64", "", "1.22.1-9"},
			{"half", "all", "1.0 (unfinished)", "1.0"},
			{"apache2", "2.4.57-2", "2.4.57-2", ""},
			{"gone", "gone", "(configuration)", ""},
		}},
		"yum": {parseRows, `Loaded plugins: fastestmirror
Resolving Dependencies
--> Running transaction check
Dependencies Resolved

================================================================================
 Package                         Arch       Version          Repository    Size
================================================================================
Installing:
 nginx                           x86_64     1:1.20.1-10.el7  epel         588 k
     replacing  nginx-all.noarch 1:1.16.1-1.el7
Installing for dependencies:
 a-package-with-a-very-long-name-that-does-not-fit
                                 noarch     1:1.20.1-10.el7  epel          24 k
Updating:
 openssl-libs                    x86_64     1:1.0.2k-26.el7  base         1.2 M
Removing:
 httpd                           x86_64     2.4.6-97.el7     @base        9.4 M

Transaction Summary
================================================================================
Install  1 Package
 not a row at all x y
`, []step{
			{"nginx", "x86_64", "", "1:1.20.1-10.el7"},
			{"nginx-all", "", "1:1.16.1-1.el7", ""},
			{"a-package-with-a-very-long-name-that-does-not-fit", "noarch", "", "1:1.20.1-10.el7"},
			{"openssl-libs", "x86_64", "", "1:1.0.2k-26.el7"},
			{"httpd", "x86_64", "2.4.6-97.el7", ""},
		}},
		"dnf 5": {parseRows, `Package           Arch   Version      Repository      Size
Installing:
 nano              x86_64 0:8.1-1.fc41 fedora       2.9 MiB
Skipping packages with conflicts:
 other             x86_64 0:1.0-1.fc41 fedora       2.9 MiB

Transaction Summary:
 Installing:        1 package
`, []step{{"nano", "x86_64", "", "8.1-1.fc41"}}},
		"apk": {parseApk, `(1/4) Installing pcre (8.45-r3)
(2/4) Upgrading nginx (1.24.0-r6 -> 1.24.0-r7)
(3/4) Downgrading musl (1.2.4-r2 -> 1.2.4-r1)
(4/4) Purging busybox-extras (1.36.1-r2)
OK: 12 MiB in 18 packages
`, []step{
			{"pcre", "", "", "8.45-r3"},
			{"nginx", "", "1.24.0-r6", "1.24.0-r7"},
			{"musl", "", "1.2.4-r2", "1.2.4-r1"},
			{"busybox-extras", "", "1.36.1-r2", ""},
		}},
		"pkg": {
			parsePkg, "The following 3 package(s) will be affected (of 0 checked):\n\nNew packages to be INSTALLED:\n\tnginx: 1.24.0_14,3 [FreeBSD]\n\n" +
				"Installed packages to be UPGRADED:\n\tpcre2: 10.42 -> 10.43 [FreeBSD]\n\nInstalled packages to be REMOVED:\n\tapache24: 2.4.58\n\nNumber of packages to be installed: 1\n",
			[]step{{"nginx", "", "", "1.24.0_14,3"}, {"pcre2", "", "10.42", "10.43"}, {"apache24", "", "2.4.58", ""}},
		},
	} {
		if got := c.parse(c.printed); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q,\nwant %q", name, got, c.want)
		}
	}
	got := rows("nginx=1.2-3=ii =amd64\npackage x is not installed\nawk==un =\nbash 5.2-1\nmusl-utils-1.2.4-r2\nerror: package 'x' was not found\n")
	want := []row{{"nginx", "1.2-3", "ii ", "amd64"}, {"awk", "", "un ", ""}, {"bash", "5.2-1", "", ""}, {"musl-utils", "1.2.4-r2", "", ""}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("rows: %q, want %q", got, want)
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		manager, want, is string
		fits              bool
	}{
		{"apt", "", "1.0-1", true},
		{"apt", "1.0-1", "1.0-1", true},
		{"apt", "1.0", "1.0-1", false}, // apt does not take it either
		{"apt", "1.0*", "1.0-1", true},
		{"apt", "1.1*", "1.0-1", false},
		{"dnf", "1.0", "1.0-1", true},
		{"dnf", "1.0", "2:1.0-1", true},
		{"dnf", "1.0-1", "2:1.0-1", true},
		{"dnf", "3:1.0-1", "2:1.0-1", false},
		{"dnf", "1.0-2", "1.0-1", false},
		{"pkg", "1.0", "1.0_1", false},
	} {
		for _, m := range managers() {
			if m.name == c.manager && m.fits(&want{version: c.want}, c.is) != c.fits {
				t.Errorf("%s: %s for %s", c.manager, c.is, c.want)
			}
		}
	}
}

// TestEnviron: managers speak one language and ask nobody, and the rest of the locale stays as it was.
func TestEnviron(t *testing.T) {
	got := environ([]string{"PATH=/bin", "LC_ALL=de_DE.UTF-8", "LANGUAGE=de", "LC_MESSAGES=fr", "LC_NUMERIC=x"})
	for _, want := range []string{"PATH=/bin", "LANG=de_DE.UTF-8", "LC_MESSAGES=C", "LC_NUMERIC=x", "DEBIAN_FRONTEND=noninteractive"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %q", want, got)
		}
	}
	for _, pair := range got {
		if strings.HasPrefix(pair, "LC_ALL=") || strings.HasPrefix(pair, "LANGUAGE=") || pair == "LC_MESSAGES=fr" {
			t.Errorf("%s is in the environment", pair)
		}
	}
}

func TestPackageCheck(t *testing.T) {
	for _, c := range []struct {
		given map[string]any
		want  string // in the message; "" for none
	}{
		{map[string]any{"name": "nginx"}, ""},
		{map[string]any{"names": []any{"nginx", "libc6:i386", "g++", "perl(JSON)", "@core", "python3.11=3.11.2-6", "/srv/a b.deb"}}, ""},
		{map[string]any{"name": "nginx", "version": "1:1.22*"}, ""},
		{map[string]any{"name": schema.Unknown{}, "version": schema.Unknown{}}, ""},
		{map[string]any{"name": "nginx", "state": "absent", "purge": true}, ""},
		{map[string]any{}, `"name" or "names"`},
		{map[string]any{"name": "a", "names": []any{"b"}}, "exclude each other"},
		{map[string]any{"names": []any{}}, "at least one"},
		{map[string]any{"names": []any{"a"}, "version": "1"}, "goes with name"},
		{map[string]any{"name": ""}, "none is empty"},
		{map[string]any{"name": "-y"}, "an option"},
		{map[string]any{"name": "nginx-"}, "an option"}, // which apt takes for: remove it
		{map[string]any{"name": "nginx*"}, "a pattern"},
		{map[string]any{"name": "a b"}, "names of packages"},
		{map[string]any{"name": "./a.deb"}, "absolute paths"},
		{map[string]any{"names": []any{"a", "b="}}, "must be a version"},
		{map[string]any{"name": "a=1", "version": "1"}, "has a version already"},
		{map[string]any{"name": "/a.deb", "version": "1"}, "its own version"},
		{map[string]any{"name": "a", "version": "1 2"}, "must be a version"},
		{map[string]any{"name": "a", "purge": true}, "purge means something"},
		{map[string]any{"name": "a", "state": "absent", "version": "1", "refresh": "1h"}, "means nothing"},
	} {
		err := PackageSchema().Check(c.given)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: got %v, want %q", c.given, err, c.want)
		}
	}
}
