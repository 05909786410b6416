package process

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
)

// accountFiles are where a login gets its environment from, beside what the account's own programs do.
var accountFiles = []string{"/etc/environment", "/etc/default/locale"} //nolint:gochecknoglobals // a constant, but for the language

// accounts is the environment that a process of the account gets: the one that we were started with, and what has
// changed since in the files that it came from. Only what changed counts, so that sudo's secure_path and the like stay.
type accounts struct {
	files   []string
	start   map[string]string // what we were started with
	initial map[string]string // what the files said then
}

func newAccounts(files, environ []string) *accounts {
	a := &accounts{files: files, start: map[string]string{}}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && name != "" {
			a.start[name] = value
		}
	}
	a.initial = a.read()
	return a
}

func (a *accounts) read() map[string]string {
	out := map[string]string{}
	for _, file := range a.files {
		data, err := os.ReadFile(file)
		if err == nil {
			maps.Copy(out, parseEnvironment(data))
		}
	}
	return out
}

// parseEnvironment reads NAME=VALUE lines as pam_env(8) does: with or without "export", quotes around the value, and
// comments.
func parseEnvironment(data []byte) map[string]string {
	out := map[string]string{}
	for line := range bytes.Lines(data) {
		text, _, _ := strings.Cut(string(line), "#")
		text = strings.TrimPrefix(strings.TrimSpace(text), "export ")
		name, value, ok := strings.Cut(text, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsAny(name, " \t\"'\x00") || strings.ContainsRune(value, 0) {
			continue
		}
		for _, quote := range []string{`"`, `'`} {
			if rest, ok := strings.CutPrefix(value, quote); ok {
				value = strings.TrimSuffix(rest, quote)
				break
			}
		}
		out[name] = value
	}
	return out
}

// Environ returns the environment of the account as a new process gets it, NAME=VALUE in the order of the names, with
// more laid over it.
func (t *Table) Environ(more map[string]string) []string {
	env := maps.Clone(t.base.start)
	now := t.base.read()
	for name, value := range now {
		if before, ok := t.base.initial[name]; !ok || before != value {
			env[name] = value
		}
	}
	for name, before := range t.base.initial {
		if _, ok := now[name]; !ok && env[name] == before {
			delete(env, name)
		}
	}
	maps.Copy(env, more)
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}
