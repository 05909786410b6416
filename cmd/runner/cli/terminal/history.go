package terminal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mostRemembered is how many lines a history keeps.
const mostRemembered = 1000

// History is the lines that were typed, also at other times. It is kept in a file that only its owner can read.
type History struct {
	file  string   // "": nothing is kept
	lines []string // the oldest first
	err   error
}

// LoadHistory reads what the file holds; there may be none yet.
func LoadHistory(file string) *History {
	h := &History{file: file}
	content, err := os.ReadFile(file)
	if err != nil {
		return h
	}
	h.lines = strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	if len(h.lines) > mostRemembered {
		h.lines = slices.Clone(h.lines[len(h.lines)-mostRemembered:])
		h.keep(strings.Join(h.lines, "\n")+"\n", os.O_TRUNC)
	}
	return h
}

// Add remembers a line, unless it is empty or the one before.
func (h *History) Add(line string) {
	if strings.TrimSpace(line) == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	h.lines = h.lines[max(0, len(h.lines)-mostRemembered):]
	h.keep(line+"\n", os.O_APPEND)
}

func (h *History) keep(text string, how int) {
	if h.file == "" || h.err != nil {
		return
	}
	if h.err = os.MkdirAll(filepath.Dir(h.file), 0o700); h.err != nil {
		return
	}
	f, err := os.OpenFile(h.file, os.O_CREATE|os.O_WRONLY|how, 0o600)
	if err != nil {
		h.err = err
		return
	}
	defer f.Close()
	if h.err = f.Chmod(0o600); h.err == nil {
		_, h.err = f.WriteString(text)
	}
}

// Err says why lines could not be kept.
func (h *History) Err() error {
	if h.err != nil {
		return fmt.Errorf("cannot keep the history: %w", h.err)
	}
	return nil
}

// Len is how many lines there are.
func (h *History) Len() int { return len(h.lines) }

// At returns a line, the latest at 0.
func (h *History) At(i int) string { return h.lines[len(h.lines)-1-i] }
