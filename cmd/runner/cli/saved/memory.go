package saved

import (
	"fmt"
	"maps"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"runner/lang"
	"runner/planner/planfile"
)

// Remembered takes apart what a site was loaded with beside its files: what may be kept in clear, and what may not, which the
// former names.
func Remembered(m *lang.Memory) (planfile.Site, planfile.Secrets, error) {
	site := planfile.Site{Variables: map[string][]byte{}, Environ: map[string]*string{}, Programs: map[string][]byte{}}
	secrets := planfile.Secrets{
		Variables: map[string][]byte{}, Environ: map[string]string{}, Programs: map[string][]byte{}, Files: map[string][]byte{},
	}
	withhold := func(kind planfile.Kind, name string) {
		site.Again = append(site.Again, planfile.Withheld{Kind: kind, Name: name})
	}
	for _, name := range slices.Sorted(maps.Keys(m.Variables)) {
		value := m.Variables[name]
		if slices.Contains(m.Sensitive, name) || m.SecretIn(value, lang.Shortest) {
			withhold(planfile.Variable, name)
			secrets.Variables[name] = value
		} else {
			site.Variables[name] = value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Environ)) {
		value := m.Environ[name]
		if value != nil && m.Secret(*value) {
			withhold(planfile.Environment, name)
			secrets.Environ[name] = *value
		} else {
			site.Environ[name] = value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Programs)) {
		said := []byte(m.Programs[name])
		if m.SecretIn(said, lang.Shortest) {
			withhold(planfile.Program, name)
			secrets.Programs[name] = said
		} else {
			site.Programs[name] = said
		}
	}
	once, err := cbor.Marshal(m.Once)
	if err != nil {
		return site, secrets, fmt.Errorf("cannot encode what is evaluated once a run: %w", err)
	}
	site.Once = once
	return site, secrets, nil
}

// Memory is the reverse of Remembered, without what is withheld. The error is a *planfile.DamagedError.
func Memory(site *planfile.Site) (*lang.Memory, error) {
	m := &lang.Memory{Variables: site.Variables, Environ: site.Environ, Programs: map[string]string{}}
	if m.Variables == nil {
		m.Variables = map[string][]byte{}
	}
	for _, w := range site.Again {
		if w.Kind == planfile.Environment {
			m.Given = append(m.Given, w.Name)
		}
	}
	for name, said := range site.Programs {
		m.Programs[name] = string(said)
	}
	if err := cbor.Unmarshal(site.Once, &m.Once); err != nil {
		return nil, &planfile.DamagedError{Why: "its content is none of a plan"}
	}
	return m, nil
}
