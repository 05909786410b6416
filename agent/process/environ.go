package process

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
)

// accountFiles are where a login gets its environment from, beside what the account's own programs do.
var accountFiles = []string{"/etc/environment", "/etc/default/locale"} //nolint:gochecknoglobals // a constant, but for the language

// accounts is the environment that a process of the account gets: the one that we were started with, and what has
// changed since in the files that it came from. Only what changed counts, so that sudo's secure_path and the like stay.
type accounts struct {
	files   []string
	start   map[string]string // what we were started with
	initial map[string]string // what the files said then

	mu      sync.Mutex // guards what follows
	read    []os.FileInfo
	current []string // the environment when the files were as read
}

func newAccounts(files, environ []string) *accounts {
	a := &accounts{files: files, start: map[string]string{}}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && name != "" {
			a.start[name] = value
		}
	}
	a.initial = a.parse()
	return a
}

func (a *accounts) parse() map[string]string {
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
// more laid over it. It must not be changed.
func (t *Table) Environ(more map[string]string) []string {
	now := t.base.now()
	if len(more) == 0 {
		return now
	}
	env := make(map[string]string, len(now)+len(more))
	for _, pair := range now {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	maps.Copy(env, more)
	return pairs(env)
}

// now is the account's environment. The files are read only when they have changed: each task asks.
func (a *accounts) now() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	infos := make([]os.FileInfo, len(a.files))
	same := a.current != nil
	for i, file := range a.files {
		infos[i], _ = os.Stat(file)
		same = same && equal(infos[i], a.read[i])
	}
	if same {
		return a.current
	}
	env := maps.Clone(a.start)
	said := a.parse()
	for name, value := range said {
		if before, ok := a.initial[name]; !ok || before != value {
			env[name] = value
		}
	}
	for name, before := range a.initial {
		if _, ok := said[name]; !ok && env[name] == before {
			delete(env, name)
		}
	}
	a.read, a.current = infos, pairs(env)
	return a.current
}

func equal(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func pairs(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}
