//go:build linux

package packages_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/action/packages"
	"runner/agent/schema"
	"runner/agent/wire"
	"runner/cmd/testbed/bed"
)

// unlisted makes a repository that the manager does not know of.
func unlisted(t *testing.T, kind string) *repository {
	t.Helper()
	r := newRepository(t, kind)
	for _, file := range []string{"/etc/apt/sources.list", "/etc/yum.repos.d/tiny.repo", "/etc/zypp/repos.d/tiny.repo"} {
		actiontest.OK(t, os.RemoveAll(file))
	}
	for _, dir := range []string{"/etc/apt/keyrings", "/etc/pki/rpm-gpg", "/etc/apt/sources.list.d", "/etc/zypp/repos.d"} {
		actiontest.OK(t, os.RemoveAll(dir))
	}
	for _, dir := range []string{"/etc/apt/sources.list.d", "/etc/zypp/repos.d"} {
		actiontest.OK(t, os.MkdirAll(dir, 0o755))
	}
	return r
}

// listed are the files that say where packages come from, by path.
func listed(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/*", "/etc/apt/keyrings/*", "/etc/yum.repos.d/*", "/etc/zypp/repos.d/*", "/etc/pki/rpm-gpg/*"} {
		found, err := filepath.Glob(pattern)
		actiontest.OK(t, err)
		for _, file := range found {
			info, err := os.Stat(file)
			actiontest.OK(t, err)
			out[file] = info.Mode().String() + "\n" + actiontest.Read(t, file)
		}
	}
	return out
}

// described previews and applies a task for a repository, and does it again.
func described(b *actiontest.Bench, wish args, verb wire.Verb, diff ...string) {
	b.Helper()
	before := listed(b)
	plan, err := b.Preview("repository", wish)
	actiontest.OK(b, err)
	if now := listed(b); !reflect.DeepEqual(now, before) {
		b.Fatalf("the preview has written %v", now)
	}
	out, err := b.Apply("repository", wish)
	if err != nil {
		says(b, err)
		b.Fatal(err)
	}
	if plan.Change.Verb != verb || out.Change.Verb != verb || plan.Change.Diff != out.Change.Diff || !reflect.DeepEqual(plan.Values, out.Values) ||
		!reflect.DeepEqual(plan.Before, out.Before) || !reflect.DeepEqual(plan.After, out.After) {
		b.Errorf("planned %+v, done %+v, want %s", plan, out, verb)
	}
	for _, text := range diff {
		if !strings.Contains(plan.Change.Diff, text) {
			b.Errorf("%q is not in the diff %s", text, plan.Change.Diff)
		}
	}
	for _, again := range []func(string, args) (action.Outcome, error){b.Preview, b.Apply} {
		if out, err := again("repository", wish); err != nil || out.Change.Verb != wire.VerbNone {
			b.Errorf("the second time it is %+v, %v", out, err)
		}
	}
}

func merged(a, b args) args { return actiontest.Merged(a, b) }

// TestG28Repository: what is there before × what is wanted, and what the manager makes of it.
func TestG28Repository(t *testing.T) {
	for _, kind := range []string{"apt", "zypper", "dnf"} {
		if kind == "dnf" && !whole() {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			r := unlisted(t, kind)
			b := actiontest.New(t)
			wish := args{"name": "shop", "manager": kind, "baseurl": []any{"file://" + r.dir}, "gpgcheck": false}
			file, line := "/etc/yum.repos.d/shop.repo", "+baseurl=file://"+r.dir
			switch kind {
			case "apt":
				wish = args{"name": "shop", "manager": kind, "uris": []any{"file:" + r.dir}, "suites": []any{"./"}, "options": map[string]any{"Trusted": "yes"}}
				file, line = "/etc/apt/sources.list.d/shop.sources", "+URIs: file:"+r.dir
			case "zypper":
				file = "/etc/zypp/repos.d/shop.repo"
			}
			described(b, wish, wire.VerbCreate, line)
			// It is the only one, so there is an index of it; how old the others' are is not said by that.
			if out, err := b.Preview("package", args{"name": "runner-app", "manager": kind, "refresh": "1000000h"}); err != nil || out.Change.Verb != wire.VerbCreate || out.After["runner-app"] != "1.0-1" {
				t.Errorf("its packages: %+v, %v", out, err)
			}
			if out, err := b.Preview("package", args{"name": "runner-app", "manager": kind}); err != nil || len(out.Change.Unknown) == 0 {
				t.Errorf("the index counts as new: %+v, %v", out, err)
			}
			described(b, merged(wish, args{"enabled": false}), wire.VerbUpdate, map[string]string{"apt": "+Enabled: no"}[kind]+strings.TrimPrefix("-enabled=1", map[string]string{"apt": "-enabled=1"}[kind]))
			described(b, wish, wire.VerbUpdate)
			r.write(file, "# somebody else's\n")
			described(b, wish, wire.VerbUpdate, "-# somebody else's", line)
			actiontest.OK(t, os.Chmod(file, 0o640))
			actiontest.OK(t, os.Chown(file, 0, actiontest.Nobody))
			before := listed(t)
			broken := merged(wish, args{"baseurl": []any{"file:///nowhere"}})
			if kind == "apt" {
				broken = merged(wish, args{"uris": []any{"file:/nowhere"}})
			}
			_, err := b.Apply("repository", broken)
			says(t, err, "cannot read the repository shop, which is taken back")
			_, err = b.Apply("repository", merged(broken, args{"name": "more"}))
			says(t, err, "cannot read the repository more, which is taken back")
			if now := listed(t); !reflect.DeepEqual(now, before) {
				t.Errorf("what cannot be read has left %v", now)
			}
			actiontest.OK(t, os.Rename(file, r.dir+"/elsewhere"))
			actiontest.OK(t, os.Symlink(r.dir+"/elsewhere", file))
			_, err = b.Apply("repository", broken)
			says(t, err, "which is taken back")
			if to, _ := os.Readlink(file); to != r.dir+"/elsewhere" || !reflect.DeepEqual(listed(t), before) {
				t.Errorf("a link leads to %q now: %v", to, listed(t))
			}
			described(b, merged(broken, args{"refresh": false}), wire.VerbUpdate)
			described(b, args{"name": "shop", "manager": kind, "state": "absent"}, wire.VerbRemove)
			if now := listed(t); len(now) != 0 {
				t.Errorf("left is %v", now)
			}
			env := b.Env(wire.ModeLook)
			if _, err := b.Make("repository", wish).Look(t.Context(), env); err != nil {
				t.Fatal(err)
			}
			if out, err := b.Make("package", args{"name": "runner-app", "manager": kind}).Look(t.Context(), env); err != nil || len(out.Change.Unknown) != 1 {
				t.Errorf("packages of a repository that is to come: %+v, %v", out, err)
			}
		})
	}
}

// TestRepositoryKey: keys in both forms, of a repository that is signed, and another one's.
func TestRepositoryKey(t *testing.T) {
	bed.Need(t, "gpg")
	r := unlisted(t, "apt")
	b := actiontest.New(t)
	t.Setenv("GNUPGHOME", t.TempDir())
	key := func(who string) (text, binary string) {
		runs(t, "gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-generate-key", who, "ed25519", "sign", "never")
		export := func(option string) string {
			return runs(t, "sh", "-euc", "gpg --batch --quiet --export "+option+" "+who+" 2>/dev/null")
		}
		return export("--armor"), base64.StdEncoding.EncodeToString([]byte(export("--no-armor")))
	}
	mine, binary := key("mine@example.net")
	others, _ := key("others@example.net")
	runs(t, "sh", "-euc", `cd "$1"; { echo "Date: $(date -Ru)"; echo SHA256:; sha256sum Packages | { read sum name; echo " $sum $(stat -c %s Packages) Packages"; }; } >Release
gpg --batch --quiet --local-user mine@example.net --clearsign --output InRelease Release; rm Release`, "sh", r.dir)
	t.Cleanup(func() { runs(t, "gpgconf", "--kill", "all") })
	wish := args{"name": "signed", "manager": "apt", "uris": []any{"file:" + r.dir}, "suites": []any{"./"}}
	_, err := b.Apply("repository", merged(wish, args{"signed_by": others}))
	says(t, err, "which is taken back")
	if now := listed(t); len(now) != 0 {
		t.Errorf("with another one's key: %v", now)
	}
	described(b, merged(wish, args{"signed_by": mine}), wire.VerbCreate, "+Signed-By: /etc/apt/keyrings/signed.asc", "+-----BEGIN PGP")
	if got := listed(t)["/etc/apt/keyrings/signed.asc"]; got != "-rw-r--r--\n"+mine {
		t.Errorf("the key is %q", got)
	}
	described(b, merged(wish, args{"signed_by": "/etc/apt/keyrings/signed.asc"}), wire.VerbNone)
	described(b, merged(wish, args{"signed_by": binary}), wire.VerbUpdate, "+Signed-By: /etc/apt/keyrings/signed.gpg")
	described(b, args{"name": "signed", "manager": "apt", "state": "absent"}, wire.VerbRemove)
	if now := listed(t); len(now) != 0 {
		t.Errorf("left is %v", now)
	}
}

func TestRepositoryCheck(t *testing.T) {
	apt := args{"name": "a", "uris": []any{"http://x"}, "suites": []any{"bookworm"}, "components": []any{"main"}}
	rpm := args{"name": "a", "baseurl": []any{"http://x"}}
	for _, c := range []struct {
		given args
		want  string // in the message; "" for none
	}{
		{apt, ""},
		{rpm, ""},
		{args{"name": "a", "state": "absent"}, ""},
		{merged(apt, args{"suites": schema.Unknown{}, "signed_by": schema.Unknown{}}), ""},
		{merged(apt, args{"suites": []any{"./"}}), "components mean nothing"},
		{args{"name": "a", "uris": []any{"x"}, "suites": []any{"bookworm"}}, `"components"`},
		{args{"name": "a", "uris": []any{"x"}}, `"suites"`},
		{args{"name": "a"}, `"uris" and "suites", or one of`},
		{merged(apt, args{"baseurl": []any{"x"}}), "for apt"},
		{merged(apt, args{"manager": "dnf"}), "not described for this manager"},
		{merged(rpm, args{"manager": "apt"}), "not described for this manager"},
		{merged(rpm, args{"name": "../a"}), "name must consist"},
		{merged(rpm, args{"name": "a b"}), "name must consist"},
		{merged(rpm, args{"baseurl": []any{"a\nb"}}), "without blanks"},
		{merged(rpm, args{"description": "a\n[b]"}), "one line"},
		{merged(rpm, args{"options": map[string]any{"a": "b\nc"}}), "a word each"},
		{merged(apt, args{"signed_by": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"}), ""},
		{merged(apt, args{"signed_by": "/usr/share/keyrings/x.gpg"}), ""},
		{merged(apt, args{"signed_by": "nonsense"}), "must be an OpenPGP key"},
		{args{"name": "a", "state": "absent", "uris": []any{"x"}}, "means nothing"},
	} {
		err := packages.RepositorySchema().Check(c.given)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: got %v, want %q", c.given, err, c.want)
		}
	}
}
