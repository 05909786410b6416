// Package planfile is a plan as a file: everything that planning has read and found, so that the same can be done later,
// and elsewhere, or be refused. What is in it, it keeps as it gets it: the site's files for lang, which reads them again
// to evaluate what only the run can know, and what planning told people as the events that executor/event encodes. It
// knows neither; cmd/runner/cli, its neighbour, fills files and applies them.
//
// A file is made of sections, described in format.go. A digest over every byte ends it, so that damage is found before
// anything is believed. What is sensitive is either not in the file at all (then File.Again names it) or in a part that
// is sealed to a key with age, together with the digest of all that stands before it: whoever opens that part knows that
// the rest is what was sealed with it.
//
// Compatibility: a runner reads the files of its own Format only. A file is made to be applied soon, and by the runner
// whose agents it has looked with; another version may preview and change in another way.
package planfile

import (
	"path/filepath"
	"time"
)

// Format is the version of what is in a file.
const Format = 1

// File is the content of a plan file, but for its events, the contents of files, and what is sealed.
type File struct {
	ID      string    `cbor:"id"` // of the run that planned
	Created time.Time `cbor:"created"`
	Runner  string    `cbor:"runner"` // version
	Agents  string    `cbor:"agents"` // digest of the agents that looked
	Request Request   `cbor:"request"`
	Site    Site      `cbor:"site"`
	Hosts   []Host    `cbor:"hosts"`
}

// Request is what planning was asked for.
type Request struct {
	Path         string   `cbor:"path"` // of the site, as it was given
	Limit        []string `cbor:"limit,omitempty"`
	Tags         []string `cbor:"tags,omitempty"`
	SkipTags     []string `cbor:"skip_tags,omitempty"`
	Targets      []string `cbor:"targets,omitempty"`
	Parallelism  int      `cbor:"parallelism,omitempty"`
	AskPasswords []string `cbor:"ask_passwords,omitempty"`
}

// Site is all that the site was read from.
type Site struct {
	Dir       string             `cbor:"dir"` // the working directory, absolute: names are relative to it
	Nodes     map[string]Node    `cbor:"nodes"`
	Programs  map[string][]byte  `cbor:"programs,omitempty"` // what the programs of inventories printed, by who asked
	Variables map[string][]byte  `cbor:"variables,omitempty"`
	Environ   map[string]*string `cbor:"environ,omitempty"` // what was asked for; nil: not set
	Once      []byte             `cbor:"once"`              // what is evaluated once a run
	// Again names what is sensitive and not in the file: it has to be given again.
	Again []Withheld `cbor:"again,omitempty"`
}

// Shown is a file's name as people gave it: relative to the working directory, if it is in there.
func (s *Site) Shown(name string) string {
	if rel, err := filepath.Rel(s.Dir, name); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return name
}

// Withheld is something that is not in a file because it is sensitive.
type Withheld struct {
	Kind Kind   `cbor:"kind"`
	Name string `cbor:"name"`
}

// Kind says what is withheld.
type Kind string

// What can be withheld.
const (
	Variable    Kind = "variable"
	Environment Kind = "environment"
	SourceFile  Kind = "file" // only where it is sealed
	Program     Kind = "program"
)

// Node is a file or a directory that was read or looked at.
type Node struct {
	Missing  bool      `cbor:"missing,omitempty"` // there is none
	Refused  bool      `cbor:"refused,omitempty"` // it cannot be looked at
	Looked   bool      `cbor:"looked,omitempty"`  // what follows is known
	Mode     uint32    `cbor:"mode,omitempty"`    // as in fs.FileMode
	Size     int64     `cbor:"size,omitempty"`
	Modified time.Time `cbor:"modified,omitzero"`
	Listed   bool      `cbor:"listed,omitempty"`
	Names    []Name    `cbor:"names,omitempty"`  // of a directory that was listed
	Target   string    `cbor:"target,omitempty"` // of a link that was not followed
	Read     bool      `cbor:"read,omitempty"`
	Digest   Digest    `cbor:"digest,omitempty"` // of a file that was read: its content is a blob
}

// Name is an entry of a directory.
type Name struct {
	Name string `cbor:"name"`
	Type uint32 `cbor:"type,omitempty"` // as in fs.DirEntry
}

// Digest is a SHA-256.
type Digest [32]byte

// Host is what a host was known by.
type Host struct {
	Name    string   `cbor:"name"`
	Known   []string `cbor:"known"` // what tells it from others, for people too: "host key SHA256:…", "machine id …"
	Reached bool     `cbor:"reached"`
	Lost    bool     `cbor:"lost"` // it should have been reached
}

// Secrets are what a sealed file keeps behind its key.
type Secrets struct {
	Variables map[string][]byte `cbor:"variables,omitempty"`
	Environ   map[string]string `cbor:"environ,omitempty"`
	Files     map[string][]byte `cbor:"files,omitempty"`
	Programs  map[string][]byte `cbor:"programs,omitempty"`
}
