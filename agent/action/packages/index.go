package packages

import (
	"os"
	"path"
	"time"
)

// refreshed returns when the index was refreshed, and whether there is one.
func (m *manager) refreshed() (at time.Time, indexed bool) {
	at = time.Unix(0, 0)
	for _, name := range m.entries() {
		if ok, _ := path.Match(m.indexed, name); ok {
			indexed = true
		}
	}
	for _, stamp := range m.stamped() {
		if info, err := os.Stat(stamp); err == nil && info.ModTime().After(at) {
			at = info.ModTime()
		}
	}
	return at, indexed
}

// stamp notes when the index was refreshed. What cannot be noted counts as old.
func (m *manager) stamp(at time.Time) {
	for _, stamp := range m.stamped() {
		_ = os.Chtimes(stamp, at, at)
	}
}

// stamped are the paths whose times tell.
func (m *manager) stamped() []string {
	if m.stamps == "" {
		return []string{m.index}
	}
	var out []string
	for _, name := range m.entries() {
		if ok, _ := path.Match(m.stamps, name); ok {
			out = append(out, m.index+"/"+name)
		}
	}
	return out
}

// entries are the names in the directory of the index.
func (m *manager) entries() []string {
	dir, err := os.Open(m.index)
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	return names
}
