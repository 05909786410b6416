package lang_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"runner/lang"
	"runner/lang/diag"
)

var update = flag.Bool("update", false, "write the golden files")

// TestValidSites compares what sites become, and what is known of them before a run, with golden files.
func TestValidSites(t *testing.T) {
	for _, path := range sites(t, "testdata/valid") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			site := load(t, path, options())
			got := dump(t, site)
			golden := filepath.Join("testdata/valid", strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".json"), ".hcl")+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs; run the test with -update and look at the difference\n%s", golden, got)
			}
		})
	}
}

// load loads a site that must be valid.
func load(t *testing.T, path string, o lang.Options) *lang.Site {
	t.Helper()
	site, files, diags := lang.Load(path, o)
	if len(diags) > 0 {
		t.Fatal(text(files, diags))
	}
	return site
}

func text(files map[string]*hcl.File, diags hcl.Diagnostics) string {
	var b strings.Builder
	_ = diag.Printer{Files: files}.Print(&b, diags)
	return b.String()
}

// dump writes a site for people to read. Hops that are shared have the same number.
func dump(t *testing.T, site *lang.Site) string {
	t.Helper()
	d := &dumper{t: t, site: site, hops: map[*lang.Hop]int{}}
	if site.Settings != (lang.Settings{}) {
		d.line("settings %+v", site.Settings)
	}
	for _, h := range site.Hosts {
		d.line("host %s address=%q labels=%s vars=%s", h.Name, h.Address, show(h.Labels), show(h.Vars))
		for _, hop := range h.Hops {
			d.hop(hop)
		}
	}
	for _, j := range site.Jobs {
		d.line("job %s after %s on", j.Name, show(j.DependsOn))
		for _, h := range j.Hosts {
			d.line("  %s", h.Name)
		}
		if j.Lockstep || j.Rollout.Batches != nil {
			d.line("  lockstep=%v rollout=%+v", j.Lockstep, j.Rollout)
		}
		for _, try := range j.Tries {
			d.line("  try %+v", try)
		}
		for _, task := range slices.Concat(j.Preconditions, j.Tasks, j.Handlers) {
			d.task(j, task)
		}
	}
	for _, o := range site.Outputs {
		value, known, diags := site.Output(o, unknown{})
		if diags.HasErrors() {
			t.Error(diags)
		}
		d.line("output %s sensitive=%v known=%v %s", o.Name, o.Sensitive, known, show(value))
	}
	return strings.NewReplacer(site.Dir, "DIR", filepath.Dir(site.Dir), "TESTDATA").Replace(d.b.String())
}

type dumper struct {
	t    *testing.T
	site *lang.Site
	hops map[*lang.Hop]int
	b    strings.Builder
}

func (d *dumper) line(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

func (d *dumper) hop(h *lang.Hop) {
	if d.hops[h] == 0 {
		d.hops[h] = len(d.hops) + 1
	}
	d.line("  hop %d %s %s secrets=%v", d.hops[h], h.Transport, show(h.Options), h.Secrets)
}

func (d *dumper) task(j *lang.Job, t *lang.Task) {
	d.line("  %s tags=%v notify=%v on_failure=%s", t.Address, t.Tags, t.Notify, t.OnFailure)
	if t.Once || t.ChangedWhen() || t.Verdict() {
		d.line("    once=%v changed_when=%v verdict=%v", t.Once, t.ChangedWhen(), t.Verdict())
	}
	d.line("    needs=%v self_facts=%v facts=%v", t.Needs, t.SelfFacts, t.Facts)
	last := ""
	for _, h := range j.Hosts {
		before := d.b.String()
		d.b.Reset()
		if on := t.On(h); on != h {
			d.line("      runs on %s", on.Name)
		}
		for _, hop := range t.Hops(h) {
			d.hop(hop)
		}
		instances, diags := d.site.Expand(t, h, unknown{})
		if len(diags) > 0 {
			d.t.Error(diags)
		}
		for _, in := range instances {
			d.instance(t, in)
		}
		now := d.b.String()
		d.b.Reset()
		d.b.WriteString(before)
		if now != last { // else as on the host before
			d.line("    on %s:", h.Name)
			d.b.WriteString(now)
		}
		last = now
	}
}

func (d *dumper) instance(t *lang.Task, in lang.Instance) {
	out := fmt.Sprintf("      %s key=%#v", strings.TrimPrefix(in.Address, t.Address), in.Key)
	if in.Skip {
		d.line("%s skipped", out)
		return
	}
	out += " " + show(in.Args)
	for _, more := range []struct {
		name  string
		value any
		is    bool
	}{
		{"sources", in.Sources, len(in.Sources) > 0},
		{"unknown", in.Unknown, len(in.Unknown) > 0},
		{"environment", in.Environment, in.Environment != nil},
		{"notify", in.Notify, len(in.Notify) > 0},
		{"timeout", in.Timeout.String(), in.Timeout != 0},
		{"secrets", in.Secrets, len(in.Secrets) > 0},
		{"sensitive", true, in.Hidden.All},
		{"lane", in.Lane, in.Lane != ""},
		{"retry", in.Retry, in.Retry != (lang.Retry{})},
	} {
		if more.is {
			out += fmt.Sprintf(" %s=%s", more.name, show(more.value))
		}
	}
	d.line("%s", out)
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// unknown is the state before a run.
type unknown struct{}

func (unknown) Facts(string) (map[string]any, bool)         { return nil, false }
func (unknown) Results(string, string) (lang.Results, bool) { return lang.Results{}, false }
