// Command refdoc writes the pages of the language reference that are lists: functions, actions, transports and error
// codes. They are printed from the same data that the language checks sites against. Its tests fail when a page is
// stale, and run the examples of all pages. The prose around these pages is written by hand.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

//go:generate go run . -dir ../../docs/language

func main() {
	dir := flag.String("dir", "docs/language", "where the pages are written")
	flag.Parse()
	if err := write(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "refdoc:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	all, err := pages()
	if err != nil {
		return err
	}
	for name, content := range all {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil { //nolint:gosec // documentation is for everybody
			return fmt.Errorf("cannot write a page: %w", err)
		}
	}
	return nil
}
