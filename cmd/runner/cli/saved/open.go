package saved

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/fxamacker/cbor/v2"

	"runner/executor/event"
	"runner/lang"
	"runner/planner/plan"
	"runner/planner/planfile"
)

// Plan is a plan that was read from a file.
type Plan struct {
	*planfile.Reader
	Memory  *lang.Memory     // what the site was loaded with; what is withheld and not sealed is not in it
	Files   *planfile.Replay // what the site was read from
	Outline *plan.Plan       // what was planned, without the options of hops; nil: nothing was
	Found   Found

	file *os.File
}

// IsPlan says whether a path leads to what can only be a plan file: a file that begins like one, or is none of a site.
func IsPlan(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	site := strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".json")
	return err == nil && info.Mode().IsRegular() && (planfile.IsPlan(f) || !site)
}

// Open reads a plan file. It has to be closed.
func Open(name string) (*Plan, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	p := &Plan{file: f}
	if err := p.read(); err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

// Close closes the file.
func (p *Plan) Close() error { return p.file.Close() }

func (p *Plan) read() error {
	info, err := p.file.Stat()
	if err != nil {
		return fmt.Errorf("cannot read the plan: %w", err)
	}
	if p.Reader, err = planfile.Read(p.file, info.Size()); err != nil {
		return err
	}
	p.Files = p.Reader.Files(nil)
	if p.Memory, err = Memory(&p.File.Site); err != nil {
		return err
	}
	return p.Events(func(encoded []byte) error {
		e, _, err := event.Decode(encoded)
		if err != nil {
			return &planfile.DamagedError{Why: "its changes cannot be read"}
		}
		p.Found.Emit(e)
		if o, ok := e.(event.Outline); ok {
			if o.Plan == nil || p.Outline != nil || o.Plan.Check() != nil {
				return &planfile.DamagedError{Why: "its plan is none"}
			}
			p.Outline = o.Plan
		}
		return nil
	})
}

// unseal adds what was sealed to one of the identities.
func (p *Plan) unseal(identities []age.Identity) error {
	secrets, err := p.Unlock(identities)
	if err != nil {
		return err
	}
	maps.Copy(p.Memory.Variables, secrets.Variables)
	if p.Memory.Environ == nil {
		p.Memory.Environ = map[string]*string{}
	}
	for name, value := range secrets.Environ {
		p.Memory.Environ[name] = &value
	}
	for name, said := range secrets.Programs {
		p.Memory.Programs[name] = string(said)
	}
	p.Files = p.Reader.Files(secrets.Files)
	return nil
}

// Missing returns the names of what is withheld and is not known after all, of one kind.
func (p *Plan) Missing(kind planfile.Kind) []string {
	var out []string
	for _, w := range p.File.Site.Again {
		_, variable := p.Memory.Variables[w.Name]
		_, environ := p.Memory.Environ[w.Name]
		known := kind == planfile.Variable && variable || kind == planfile.Environment && environ
		if w.Kind == kind && !known {
			out = append(out, w.Name)
		}
	}
	return out
}

// Same says whether the site still leads to the same hosts by the same hops, and to the same tasks; if not, in which way.
func (p *Plan) Same(now *plan.Plan) string {
	if p.Outline == nil {
		return "The plan file has no plan."
	}
	was, is := titles(p.Outline), titles(now)
	for i := range max(len(was), len(is)) {
		switch {
		case i >= len(is):
			return "A hop is missing that the plan has: " + was[i] + "."
		case i >= len(was):
			return "There is a hop that the plan does not have: " + is[i] + "."
		case was[i] != is[i]:
			return fmt.Sprintf("The plan leads over %s, and now that would be %s. Both depend on ~/.ssh/config and on who runs this.", was[i], is[i])
		}
	}
	if !bytes.Equal(canonical(p.Outline), canonical(now)) {
		return "The site that the plan was made from means something else here."
	}
	return ""
}

// titles are the ways to all hops.
func titles(p *plan.Plan) []string {
	out := make([]string, len(p.Connections))
	for i := range p.Connections {
		var way []string
		for _, c := range p.Chain(i) {
			way = append(way, p.Connections[c].Title)
		}
		out[i] = strings.Join(way, " -> ")
	}
	return out
}

// canonical encodes a plan without what may differ: how much is done at once, and with which secrets.
func canonical(p *plan.Plan) []byte {
	same := *p
	same.Parallelism = 0
	same.Connections = slices.Clone(same.Connections)
	for i := range same.Connections {
		same.Connections[i].Options, same.Connections[i].Secrets = nil, nil
	}
	encoded, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err) // the options are constant
	}
	out, err := encoded.Marshal(same)
	if err != nil {
		panic(err) // it is plain data
	}
	return out
}
