package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/terminal"
	"runner/lang"
	"runner/lang/diag"
	"runner/lang/guard"
	"runner/lang/syntax"
)

func (p *Program) consoleCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "console [PATH]",
		Short: "Evaluate expressions against the site",
		Long: "Reads expressions, one a line, and prints what each is. An expression whose brackets are not closed goes on in the next\n" +
			"line. What only a run can know is (known after apply), what is sensitive (sensitive). Connects to nothing. At a terminal\n" +
			"lines can be edited, Tab completes names, and Ctrl-D or exit leaves.",
		Example:           "  runner console\n  echo 'values(host.web)[*].address' | runner console site.hcl",
		ValidArgsFunction: sitePaths,
	}
	return command(c, arguments.BindConsole, func(ctx context.Context, a arguments.Console) error {
		s, err := p.open(a.Output, nil)
		if err != nil {
			return err
		}
		return s.end(s.console(ctx, a))
	})
}

func (s *session) console(ctx context.Context, a arguments.Console) exitCode {
	site, code := s.load(ctx, a.Site)
	if site == nil {
		return code
	}
	s.hide()
	c := &console{session: s, site: site.Console(), noColor: a.NoColor, next: hcl.InitialPos}
	if p := s.program; terminal.IsTerminal(p.In) && terminal.IsTerminal(p.Out) && p.env("TERM") != "dumb" {
		return c.interact(ctx)
	}
	return c.batch(ctx)
}

// console is one `runner console`.
type console struct {
	*session
	site    *lang.Console
	noColor bool
	name    string  // of what is typed, for messages
	typed   []byte  // all of it
	next    hcl.Pos // where the next line begins in it
	begun   hcl.Pos // where the expression begins
	lines   syntax.Lines
	failed  bool
}

// batch evaluates what stands on standard input.
func (c *console) batch(ctx context.Context) exitCode {
	c.name = "standard input"
	in := bufio.NewReader(terminal.NewReader(ctx, c.program.In))
	for {
		line, err := readLine(in)
		switch {
		case ctx.Err() != nil:
			return exitInterrupted
		case errors.Is(err, errLongLine):
			c.complain(diag.TooLarge, "Input too large", fmt.Sprintf("A line is longer than %d MiB.", guard.MaxSize>>20))
			return exitWrong
		case err != nil && !errors.Is(err, io.EOF):
			c.complain(diag.Unreadable, "Input cannot be read", diag.Capital(err.Error())+".")
			return exitWrong
		}
		if c.next.Byte+len(line) > guard.MaxSize {
			c.complain(diag.TooLarge, "Input too large", fmt.Sprintf("Standard input is longer than %d MiB. Give it in several calls.", guard.MaxSize>>20))
			return exitWrong
		}
		if (line != "" || err == nil) && !c.line(line) || err != nil {
			break
		}
	}
	c.finish()
	if c.failed {
		return exitWrong
	}
	return exitDone
}

var errLongLine = errors.New("a line is too long")

// readLine reads a line without its end; with io.EOF the last one.
func readLine(in *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > guard.MaxSize {
			return "", errLongLine
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		return text, err //nolint:wrapcheck // io.EOF, or the reader's own
	}
}

// interact talks with whoever sits at the terminal.
func (c *console) interact(ctx context.Context) exitCode {
	c.name = "the console"
	history := terminal.LoadHistory(c.historyFile())
	editor := terminal.NewEditor(ctx, c.program.In, c.program.Out, history, c.complete)
	for {
		prompt := "> "
		if c.lines.Open() {
			prompt = "  "
		}
		line, err := editor.Line(prompt)
		switch {
		case ctx.Err() != nil:
			return exitInterrupted
		case errors.Is(err, terminal.ErrDropped):
			c.begin()
			continue
		case errors.Is(err, io.EOF):
			fmt.Fprintln(c.program.Out) //nolint:errcheck // nothing follows
			return exitDone
		case err != nil:
			c.complain(diag.Unreadable, "Input cannot be read", diag.Capital(err.Error())+".")
			return exitWrong
		}
		if !c.line(line) {
			if err := history.Err(); err != nil {
				c.log.Warn(err)
			}
			return exitDone
		}
	}
}

// historyFile is where typed lines are kept; "" is nowhere.
func (c *console) historyFile() string {
	dir := c.program.stateDir()
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "console_history")
}

func (c *console) complete(word string) []string {
	var out []string
	for _, name := range c.site.Names() {
		if strings.HasPrefix(name, word) {
			out = append(out, name)
		}
	}
	return out
}

// line takes one line, and reports whether more are wanted.
func (c *console) line(text string) bool {
	if !c.lines.Open() {
		c.begin()
		switch strings.TrimSpace(text) {
		case "exit", "quit":
			return false
		}
	}
	c.typed = append(append(c.typed, text...), '\n')
	c.next.Byte += len(text) + 1
	c.next.Line++
	c.lines.Add(text)
	if !c.lines.Open() {
		c.finish()
	}
	return true
}

// begin starts a new expression with the next line.
func (c *console) begin() {
	c.begun, c.lines = c.next, syntax.Lines{}
}

// finish evaluates what was typed since begin.
func (c *console) finish() {
	src := c.typed[c.begun.Byte:]
	at := c.begun
	c.begin()
	text, some, diags := c.site.Evaluate(src, c.name, at)
	c.files[c.name] = &hcl.File{Bytes: c.typed}
	c.print(diags)
	if some {
		c.result(text+"\n", nil)
	}
}

func (c *console) complain(code diag.Code, summary, detail string) {
	c.print(hcl.Diagnostics{diag.Errorf(code, hcl.Range{}, summary, "%s", detail)})
}

func (c *console) print(diags hcl.Diagnostics) {
	c.failed = c.failed || diags.HasErrors()
	if err := c.program.printer(c.files, c.noColor).Print(c.program.Err, diags); err != nil && c.err == nil {
		c.err = err
	}
}
