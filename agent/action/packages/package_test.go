//go:build linux

package packages_test

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/wire"
	"runner/cmd/testbed/bed"
)

type args = actiontest.Args

// whole says whether all is tested that CI tests, which takes a minute of its processor. Otherwise it is what shows most.
func whole() bool { return os.Getenv("CI") == "true" }

func kinds() []string {
	if !whole() {
		return []string{"apt", "pacman"}
	}
	return []string{"apt", "dnf", "zypper", "pacman"}
}

// changed are the attributes that tell of the difference between two lists of installed packages.
func changed(before, after string) (was, is map[string]any) {
	was, is = map[string]any{}, map[string]any{}
	for pair := range strings.FieldsSeq(before) {
		if !strings.Contains(" "+after+" ", " "+pair+" ") {
			name, version, _ := strings.Cut(pair, "=")
			was[name] = version
		}
	}
	for pair := range strings.FieldsSeq(after) {
		if !strings.Contains(" "+before+" ", " "+pair+" ") {
			name, version, _ := strings.Cut(pair, "=")
			is[name] = version
		}
	}
	return was, is
}

func same(a, b map[string]any) bool { return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b) }

// TestG28Package is the matrix of plan: what is there before × what is wanted. What the preview says is what happens, a
// preview changes nothing, and the second time there is nothing to do.
func TestG28Package(t *testing.T) {
	lib1, app1, lib2, app2 := 0, 1, 0, 1
	first, second := tinies()
	priors := map[string][]tiny{
		"nothing": nil,
		"lib 1":   {first[lib1]},
		"app 1":   {first[lib1], first[app1]},
		"app 2":   {second[lib2], second[app2]},
	}
	wishes := []args{
		{"name": "runner-app"},
		{"names": []any{"runner-app", "runner-other"}},
		{"name": "runner-app", "version": "2.0-1"},
		{"name": "runner-lib", "state": "latest"},
		{"names": []any{"runner-app", "runner-lib"}, "state": "latest"},
		{"name": "runner-app", "state": "absent", "purge": true},
		{"name": "runner-lib", "state": "absent"},
		{"name": "runner-nowhere", "state": "absent"},
	}
	older := args{"names": []any{"runner-app=1.0-1", "runner-lib=1.0-1"}} // pacman has one version of each at a time
	// What the managers differ in shows in a few of all.
	few := map[string][]args{"nothing": {wishes[0]}, "app 1": {wishes[2], wishes[4], wishes[6]}, "app 2": {wishes[3], older}}
	for _, kind := range []string{"apt", "dnf", "zypper", "pacman"} {
		t.Run(kind, func(t *testing.T) {
			r := newRepository(t, kind)
			r.add(second...)
			b := actiontest.New(t)
			b.Must("package", args{"name": "runner-other", "manager": kind}) // which gets the index
			for prior, put := range priors {
				all := few[prior]
				if kind == "apt" && whole() {
					all = append(wishes, older, args{"name": "runner-app", "version": "1.0*"})
				}
				if (kind == "dnf" || kind == "zypper") && !whole() { // the slow ones
					all = all[:min(len(all), 1)]
				}
				for _, wish := range all {
					if kind == "pacman" && wish["names"] != nil && wish["state"] == nil {
						continue
					}
					t.Run(fmt.Sprint(prior, " ", wish), func(t *testing.T) {
						r.clean()
						r.put(put...)
						r.predicted(actiontest.New(t), actiontest.Merged(wish, args{"manager": kind}))
					})
				}
			}
		})
	}
}

// predicted previews and applies a task, compares the two with each other and with what is there, and does it again.
func (r *repository) predicted(b *actiontest.Bench, wish args) action.Outcome {
	b.Helper()
	before := r.installed()
	plan, err := b.Preview("package", wish)
	if p, ok := errors.AsType[*wire.Problem](err); ok {
		b.Fatalf("%v\n%s", err, p.Quote)
	}
	actiontest.OK(b, err)
	if now := r.installed(); now != before {
		b.Fatalf("the preview has made %q of %q", now, before)
	}
	done := b.Must("package", wish)
	after := r.installed()
	was, is := changed(before, after)
	if plan.Change.Verb != done.Change.Verb || !same(plan.Before, done.Before) || !same(plan.After, done.After) || !reflect.DeepEqual(plan.Values, done.Values) {
		b.Errorf("planned %s %v -> %v %v, done %s %v -> %v %v", plan.Change.Verb, plan.Before, plan.After, plan.Values, done.Change.Verb, done.Before, done.After, done.Values)
	}
	if !same(done.Before, was) || !same(done.After, is) {
		b.Errorf("said %v -> %v, and %v -> %v has happened", done.Before, done.After, was, is)
	}
	if none := done.Change.Verb == wire.VerbNone; none != (before == after) {
		b.Errorf("said %s, and %q was %q", done.Change.Verb, after, before)
	}
	for _, again := range []func(string, args) (action.Outcome, error){b.Preview, b.Apply} {
		if out, err := again("package", wish); err != nil || out.Change.Verb != wire.VerbNone {
			b.Errorf("the second time it is %s %v -> %v, %v", out.Change.Verb, out.Before, out.After, err)
		}
	}
	return done
}

// TestPackageIsFound: the manager is found by itself.
func TestPackageIsFound(t *testing.T) {
	bed.Need(t, "throwaway")
	r := newRepository(t, "apt")
	runs(t, "apt-get", "update")
	if out := r.predicted(actiontest.New(t), args{"name": "runner-other"}); actiontest.Result(out, "versions").(map[string]any)["runner-other"] != "1.0-1" {
		t.Errorf("the result is %v", out.Values)
	}
}
