// Package saved makes plan files of what planning has read and found, and tells whether what a saved plan was made from
// still holds. What a file looks like is for planner/planfile, what a site remembers for lang; package cli, its neighbour,
// plans, asks and applies.
package saved

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/fxamacker/cbor/v2"

	"runner/agent/plain"
	"runner/executor/event"
	"runner/lang"
	"runner/lang/diag"
	"runner/lang/source"
	"runner/planner/plan"
	"runner/planner/planfile"
)

// Maker collects what a plan file is made of while a plan is made. It is safe for concurrent use.
type Maker struct {
	Files *planfile.Recorder // what the site is to be read through
	dir   string

	mu     sync.Mutex // guards what follows
	events [][]byte
	err    error
}

// NewMaker returns a maker for plans that are made in a directory.
func NewMaker(dir string) *Maker {
	return &Maker{Files: planfile.NewRecorder(source.Disk{}, dir), dir: dir}
}

// Emit keeps an event, if it is one that planning tells.
func (m *Maker) Emit(e event.Event) {
	if e.Kind() == event.KindProgress {
		return
	}
	encoded, err := event.Encode(e, time.Now())
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.err = errors.Join(m.err, err)
		return
	}
	m.events = append(m.events, encoded)
}

// Input is what a plan file is made of beside what the maker has collected.
type Input struct {
	ID         string
	Runner     string // its version
	Agents     string // their digest
	Request    planfile.Request
	Site       *lang.Site
	Plan       *plan.Plan
	Hosts      []planfile.Host
	Recipients []age.Recipient
}

// SecretError tells that a plan file would hold something sensitive in clear.
type SecretError struct{ Where string }

func (e *SecretError) Error() string {
	return e.Where + " has a sensitive value in it, and the plan file would hold it"
}

// Content returns what a plan file is written from. What is sensitive is sealed, or left out where it can be given again;
// elsewhere the error is a *SecretError.
func (m *Maker) Content(in Input) (planfile.Content, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	nodes, blobs, err := m.Files.Record()
	if err = errors.Join(m.err, err); err != nil {
		return planfile.Content{}, err
	}
	memory := in.Site.Memory()
	for _, c := range in.Plan.Connections {
		memory.Hide(c.Secrets...)
	}
	site, secrets, err := Remembered(memory)
	if err != nil {
		return planfile.Content{}, err
	}
	site.Dir, site.Nodes = m.dir, nodes
	c := planfile.Content{
		File: planfile.File{
			ID: in.ID, Created: time.Now().UTC().Truncate(time.Second), Runner: in.Runner, Agents: in.Agents,
			Request: in.Request, Hosts: in.Hosts, Site: site,
		},
		Events: slices.Values(m.events), Secrets: secrets, Blobs: blobs, Recipients: in.Recipients,
	}
	k := keeper{memory: memory, content: &c, sealed: len(in.Recipients) > 0}
	if err := k.programs(); err != nil {
		return c, err
	}
	if err := k.files(); err != nil {
		return c, err
	}
	return c, k.rest(m.events)
}

// keeper decides what of a site may be kept in clear.
type keeper struct {
	memory  *lang.Memory
	content *planfile.Content
	sealed  bool
}

func (k *keeper) withhold(kind planfile.Kind, name string) {
	site := &k.content.File.Site
	site.Again = append(site.Again, planfile.Withheld{Kind: kind, Name: name})
}

// programs refuses what programs printed and has something sensitive in it, unless it is sealed.
func (k *keeper) programs() error {
	for _, w := range k.content.File.Site.Again {
		if w.Kind == planfile.Program && !k.sealed {
			return &SecretError{Where: "the output of " + diag.Quote(strings.ReplaceAll(w.Name, "\x00", " "))}
		}
	}
	return nil
}

// files withholds files that have something sensitive in them, and blanks the defaults of sensitive variables.
func (k *keeper) files() error {
	nodes, blobs := k.content.File.Site.Nodes, k.content.Blobs
	kept, secret := map[planfile.Digest]bool{}, k.secretFiles()
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		n := nodes[name]
		if !n.Read {
			continue
		}
		content := blobs[n.Digest]
		blanked := k.blank(name, content)
		switch {
		case !secret.has(name) && !k.memory.SecretIn(blanked, lang.Shortest):
			if !bytes.Equal(content, blanked) {
				n.Size, n.Digest = int64(len(blanked)), blobs.Put(blanked)
				nodes[name] = n
			}
			kept[n.Digest] = true
		case k.sealed:
			k.withhold(planfile.SourceFile, name)
			k.content.Secrets.Files[name] = content
			n.Digest = planfile.Digest{}
			nodes[name] = n
		default:
			return &SecretError{Where: diag.Quote(k.content.File.Site.Shown(name))}
		}
	}
	maps.DeleteFunc(blobs, func(d planfile.Digest, _ []byte) bool { return !kept[d] })
	return nil
}

// longSecret is how many bytes a sensitive text has that stands nowhere by chance.
const longSecret = 8

// rest looks once more at what is in the file besides: whatever was shown, and names.
func (k *keeper) rest(events [][]byte) error {
	for _, e := range events {
		if k.memory.SecretIn(e, longSecret) {
			return &SecretError{Where: "what the plan shows"}
		}
	}
	file, err := cbor.Marshal(k.content.File)
	if err != nil {
		return fmt.Errorf("cannot encode the plan: %w", err)
	}
	if k.memory.SecretIn(file, longSecret) {
		return &SecretError{Where: "a name or a flag"}
	}
	return nil
}

// blank replaces the defaults of sensitive variables in a file by null. Nothing else moves.
func (k *keeper) blank(name string, content []byte) []byte {
	for _, at := range k.memory.Defaults {
		if source.Within(k.content.File.Site.Dir, at.Filename) != name || at.End.Byte > len(content) {
			continue
		}
		content = bytes.Clone(content)
		fill(content[at.Start.Byte:at.End.Byte])
	}
	return content
}

// fill writes null, or a number where there is no room, and blanks. Line breaks stay.
func fill(value []byte) {
	word := "null"
	if len(value) < len(word) {
		word = "0"
	}
	for i := range value {
		switch {
		case i < len(word):
			value[i] = word[i]
		case value[i] != '\n' && value[i] != '\r':
			value[i] = ' '
		}
	}
}

// Write writes a plan file, whole or not at all. Nobody else can read it. A link is followed.
func Write(name string, c planfile.Content) error {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("cannot write the plan: %s is a directory", diag.Quote(name))
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("cannot write the plan: %s is there, and it is no regular file", diag.Quote(name))
	}
	if at, err := filepath.Abs(name); err == nil && c.File.Site.Nodes[at].Read {
		return fmt.Errorf("cannot write the plan: %s is a file of the site", diag.Quote(name))
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".runner-plan-*")
	if err != nil {
		return fmt.Errorf("cannot write the plan to %s: %w", diag.Quote(name), plain.Cause(err))
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone when all went well
	err = planfile.Write(f, c)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("cannot write the plan to %s: %w", diag.Quote(name), plain.Cause(err))
	}
	return nil
}
