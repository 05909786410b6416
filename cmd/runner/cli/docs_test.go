package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// documented are the command lines of a page: those behind a prompt, and those of indented blocks, without remarks.
func documented(t *testing.T, path string) []string {
	t.Helper()
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(doc)) {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			command, ok = strings.CutPrefix(line, "    ")
			ok = ok && strings.HasPrefix(command, "runner ")
		}
		if ok && strings.Contains(command, "runner ") {
			command, _, _ = strings.Cut(command, " #")
			lines = append(lines, command)
		}
	}
	return lines
}

// TestG40Commands parses every command that the documentation and the help texts show.
func TestG40Commands(t *testing.T) {
	lines := documented(t, "../../../docs/cli.md")
	if len(lines) < 10 {
		t.Fatalf("the reference shows only %d commands", len(lines))
	}
	pages, err := filepath.Glob("../../../examples/*/README.md")
	if err != nil || len(pages) == 0 {
		t.Fatal("there are no examples", err)
	}
	for _, page := range append(pages, "../../../README.md", "../../../docs/ansible.md") {
		found := documented(t, page)
		if len(found) == 0 {
			t.Errorf("%s shows no commands", page)
		}
		lines = append(lines, found...)
	}
	root := testRoot(t)
	for _, c := range append(root.Commands(), root) {
		if c.Example == "" {
			t.Errorf("%s has no example", c.Name())
		}
		lines = append(lines, strings.Split(c.Example, "\n")...)
	}
	for _, line := range lines {
		words := shellWords(line)
		if len(words) == 0 {
			t.Errorf("%q does not call runner", line)
			continue
		}
		c, rest, err := testRoot(t).Find(words)
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if err := c.ParseFlags(rest); err != nil && !errors.Is(err, pflag.ErrHelp) {
			t.Errorf("%q: %v", line, err)
		}
		for _, a := range c.Flags().Args() {
			if strings.HasPrefix(a, "-") && c.Flags().ArgsLenAtDash() < 0 {
				t.Errorf("%q has the argument %q", line, a)
			}
		}
	}
}

// TestFlagsDocumented finds flags that the reference leaves out.
func TestFlagsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range testRoot(t).Commands() {
		if !strings.Contains(string(doc), "`runner "+c.Name()) && c.Name() != "help" {
			t.Errorf("the reference does not have %s", c.Name())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(string(doc), "--"+f.Name) {
				t.Errorf("the reference does not have --%s of %s", f.Name, c.Name())
			}
		})
	}
}

func testRoot(t *testing.T) *cobra.Command {
	t.Helper()
	return new(Program).root(nil)
}

// shellWords returns the words behind runner as a shell splits them, up to the end of its command.
func shellWords(line string) []string {
	_, line, ok := strings.Cut(line, "runner ")
	if !ok {
		return nil
	}
	var words []string
	word, quoted, started := "", false, false
	for _, r := range line {
		switch {
		case r == '\'':
			quoted, started = !quoted, true
		case quoted:
			word += string(r)
		case r == '|' || r == '>' || r == ')' || r == '\n' || r == ' ':
			if started {
				words = append(words, word)
			}
			word, started = "", false
			if r != ' ' {
				return words
			}
		default:
			word, started = word+string(r), true
		}
	}
	if started {
		words = append(words, word)
	}
	return words
}
