// Package page takes the fenced blocks out of pages of the documentation, for the tests that run them. It knows Markdown's
// headings and fences and no more. Its neighbour refdoc prints the pages that are lists.
package page

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// Block is what stands between two fences.
type Block struct {
	Page    string   // the file's name
	Line    int      // of the opening fence
	Heading string   // the last one before it
	Info    []string // the words behind the opening fence: "hcl", "error", "cycle"
	Text    string
}

// Place says where the block stands, for messages.
func (b Block) Place() string { return fmt.Sprintf("%s line %d", b.Page, b.Line) }

// Read returns the blocks of a page in their order.
func Read(path string) ([]Block, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read a page: %w", err)
	}
	var blocks []Block
	var open *Block
	heading, number := "", 0
	for line := range strings.Lines(string(content)) {
		number++
		info, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && open == nil:
			open = &Block{Page: filepath.Base(path), Line: number, Heading: heading, Info: strings.Fields(info)}
		case fence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.Text += line
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s: the block is not closed", open.Place())
	}
	return blocks, nil
}

// Sample is the files that a page shows under one heading, and how they are used.
type Sample struct {
	Name  string            // the heading
	Line  int               // of the first block
	Files map[string]string // by name
	Run   []string          // commands, from blocks that are named "run", without their prompt
}

// Samples puts the blocks of a page together whose second word is the name of a file. Headings without a file of the
// name main give their files to all samples that follow.
func Samples(blocks []Block, main string) ([]Sample, error) {
	var out []Sample
	shared := map[string]string{}
	for len(blocks) > 0 {
		under := 1
		for under < len(blocks) && blocks[under].Heading == blocks[0].Heading {
			under++
		}
		s := Sample{Name: blocks[0].Heading, Line: blocks[0].Line, Files: maps.Clone(shared)}
		for _, b := range blocks[:under] {
			switch {
			case len(b.Info) != 2:
				return nil, fmt.Errorf("%s: the block does not say which file it is", b.Place())
			case b.Info[1] == "run":
				for line := range strings.Lines(b.Text) {
					s.Run = append(s.Run, strings.TrimSpace(strings.TrimPrefix(line, "$ ")))
				}
			default:
				s.Files[b.Info[1]] = b.Text
			}
		}
		if s.Files[main] == "" {
			shared = s.Files
		} else {
			out = append(out, s)
		}
		blocks = blocks[under:]
	}
	return out, nil
}

// Write puts the files into a directory.
func (s Sample) Write(dir string) error {
	for name, text := range s.Files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return fmt.Errorf("cannot write a sample: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return fmt.Errorf("cannot write a sample: %w", err)
		}
	}
	return nil
}
