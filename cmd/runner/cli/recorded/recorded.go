// Package recorded says what a run was started from, in the form in which executor/record keeps it, and makes of a record
// what it takes to go on with the run. Package saved, its neighbour, does the like for plan files; package cli runs.
package recorded

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/user"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"runner/cmd/runner/build"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/saved"
	"runner/executor/record"
	"runner/lang"
	"runner/lang/diag"
	"runner/lang/source"
	"runner/planner/planfile"
)

// Origin is what a run was started from.
type Origin struct {
	Request             planfile.Request `cbor:"request"`
	Site                planfile.Site    `cbor:"site"`
	NoHandlersOnFailure bool             `cbor:"no_handlers_on_failure,omitempty"`
	PlanFile            string           `cbor:"plan_file,omitempty"` // absolute; "": the site itself was applied
	Plan                string           `cbor:"plan,omitempty"`      // the id of the plan in the file
}

// Input is what a start is made of.
type Input struct {
	Command             string
	Asked               arguments.Site
	Site                *lang.Site
	Secrets             []string           // of hops
	Files               *planfile.Recorder // what the site was read through; nil: a plan file
	Dir                 string             // the working directory
	NoHandlersOnFailure bool
	PlanFile, Plan      string
	Argv                []string // of exec
	Resumes             string
	Key                 []byte // of the store
}

// Start says what a run is started from. Sensitive values are in it as HMACs only.
func Start(in Input) (record.Start, error) {
	memory := in.Site.Memory()
	memory.Hide(in.Secrets...)
	site, secrets, err := saved.Remembered(memory)
	if err != nil {
		return record.Start{}, err
	}
	site.Dir = in.Dir
	if in.Files != nil {
		if site.Nodes, err = in.Files.Nodes(); err != nil {
			return record.Start{}, fmt.Errorf("cannot record the site: %w", err)
		}
	}
	origin := Origin{Request: Request(in.Asked), Site: site, NoHandlersOnFailure: in.NoHandlersOnFailure, PlanFile: in.PlanFile, Plan: in.Plan}
	encoded, err := encoding().Marshal(origin)
	if err != nil {
		return record.Start{}, fmt.Errorf("cannot record the site: %w", err)
	}
	out := record.Start{
		Command: in.Command, Site: in.Site.Path, Hash: hash(&site), Runner: build.Version(), Flags: flags(in), Resumes: in.Resumes,
		Source: encoded,
	}
	out.User, out.Host = Whoami()
	for _, name := range slices.Sorted(maps.Keys(memory.Variables)) {
		v := record.Variable{Name: name, Value: site.Variables[name]}
		if value, hidden := secrets.Variables[name]; hidden {
			v.HMAC = digest(in.Key, name, value)
		}
		out.Variables = append(out.Variables, v)
	}
	return out, nil
}

// encoding keeps the whole of times: files are told from others by them.
func encoding() cbor.EncMode {
	o := cbor.CoreDetEncOptions()
	o.Time = cbor.TimeRFC3339NanoUTC
	mode, err := o.EncMode()
	if err != nil {
		panic(err) // the options are constant
	}
	return mode
}

// Request is what a command was asked for, as it is kept.
func Request(a arguments.Site) planfile.Request {
	return planfile.Request{
		Path: a.Path, Limit: a.Selection.Limit, Tags: a.Selection.Tags, SkipTags: a.Selection.SkipTags, Targets: a.Selection.Targets,
		Parallelism: a.Parallelism, AskPasswords: a.AskPasswords,
	}
}

// Repeat is the reverse of Request, with what is given anew.
func Repeat(r planfile.Request, given arguments.Site) arguments.Site {
	given.Path, given.Selection = r.Path, Selection(r)
	for _, hop := range r.AskPasswords {
		if !slices.Contains(given.AskPasswords, hop) {
			given.AskPasswords = append(given.AskPasswords, hop)
		}
	}
	given.Parallelism = cmp.Or(given.Parallelism, r.Parallelism)
	return given
}

// Selection is what a request was limited by.
func Selection(r planfile.Request) arguments.Selection {
	return arguments.Selection{Limit: r.Limit, Tags: r.Tags, SkipTags: r.SkipTags, Targets: r.Targets}
}

// flags are those that have changed what the run does.
func flags(in Input) []string {
	out := in.Asked.Selection.Flags()
	if in.NoHandlersOnFailure {
		out = append(out, "--no-handlers-on-failure")
	}
	if len(in.Argv) > 0 {
		out = append(append(out, "--"), in.Argv...)
	}
	return out
}

// hash is one of all files that a site was read from.
func hash(site *planfile.Site) string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(site.Nodes)) {
		if n := site.Nodes[name]; n.Read {
			fmt.Fprintf(sum, "%s\x00%x\n", name, n.Digest) //nolint:errcheck // never fails
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// digest tells a sensitive value from another one to whoever has the key.
func digest(key []byte, name string, value []byte) []byte {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s\x00%s", name, value) //nolint:errcheck // never fails
	return mac.Sum(nil)
}

// Whoami is who runs this, and where, for people elsewhere.
func Whoami() (name, host string) {
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ = os.Hostname()
	return cmp.Or(name, fmt.Sprint(os.Getuid())), cmp.Or(host, "an unknown machine")
}

// Resume is a run that another one is to go on with.
type Resume struct {
	Origin
	Run    *record.Summary
	Memory *lang.Memory
	Past   *record.Progress
}

// open reads what it takes to go on with a run.
func open(store *record.Store, run *record.Summary) (*Resume, error) {
	r := &Resume{Run: run}
	err := cbor.Unmarshal(run.Start.Source, &r.Origin)
	if err == nil {
		r.Memory, err = saved.Memory(&r.Site)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the record of run %s: %w", run.ID, err)
	}
	r.Memory.Whole = r.PlanFile == ""
	if r.Past, err = store.Progress(run); err != nil {
		return nil, err
	}
	return r, nil
}

// differences says which files are not any more what the run was started from, in sentences.
func (r *Resume) differences(files source.Files) ([]string, error) {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.Site.Nodes)) {
		difference, err := r.Site.Nodes[name].Same(files, name)
		if err != nil {
			return nil, fmt.Errorf("cannot compare %s with what it was: %w", diag.Quote(name), err)
		}
		if difference != "" {
			out = append(out, fmt.Sprintf("%s %s", diag.Quote(r.Site.Shown(name)), difference))
		}
	}
	return out, nil
}

// Asked is what the run was asked for, with what is given again.
func (r *Resume) Asked(given arguments.Site) arguments.Site {
	out := Repeat(r.Request, given)
	out.Path = source.Within(r.Site.Dir, out.Path)
	return out
}

// again are the names of variables that are sensitive and have to be given again.
func (r *Resume) again() []string {
	var out []string
	for _, w := range r.Site.Again {
		if w.Kind == planfile.Variable {
			out = append(out, w.Name)
		}
	}
	return out
}

// Otherwise returns the names of sensitive variables that have other values than in the run.
func (r *Resume) Otherwise(site *lang.Site, key []byte) []string {
	now := site.Memory().Variables
	var out []string
	for _, v := range r.Run.Start.Variables {
		if v.HMAC != nil && !bytes.Equal(v.HMAC, digest(key, v.Name, now[v.Name])) {
			out = append(out, v.Name)
		}
	}
	return out
}
