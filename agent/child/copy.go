package child

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"runtime"
	"strings"

	"runner/agent/bootstrap"
	"runner/agent/process"
	"runner/agent/wire"
)

// across returns the agent for the other side of a hop that says nothing of its platform: this machine's own, and where
// that has no containers of its own, Linux.
func (p *Parent) across() (bootstrap.Binary, error) {
	goos := runtime.GOOS
	if goos == "darwin" {
		goos = "linux"
	}
	return bootstrap.Find(p.Source, goos, runtime.GOARCH)
}

// path is where the agent lies, or will lie, on the other side.
func (p *Parent) path(a *wire.Attempt) (string, error) {
	agent, err := p.across()
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(a.Path, "%h", bootstrap.ShortHash(agent.Hash)), nil
}

// copy puts the agent at its path with the attempt's copy program, which reads a tar archive of one file.
func (p *Parent) copy(ctx context.Context, open *wire.Open, a *wire.Attempt) error {
	agent, err := p.across()
	if err != nil {
		return err
	}
	to, err := p.path(a)
	if err != nil {
		return err
	}
	f, err := agent.Open()
	if err != nil {
		return &wire.Problem{Code: wire.CodePlatform, Message: fmt.Sprintf("%s: cannot read the agent: %v", open.Name, err)}
	}
	defer func() { _ = f.Close() }()
	_, err = p.tool(ctx, open, a, a.Copy, archive(path.Base(to), agent.Size, f))
	return err
}

// tool runs a program that prepares an attempt, to its end. What it prints is returned if it ended well; else it is
// what the attempt's failures are looked for in.
func (p *Parent) tool(ctx context.Context, open *wire.Open, a *wire.Attempt, argv []string, input io.Reader) ([]byte, error) {
	exit, err := p.Table.Run(ctx, process.Command{Argv: argv, Env: p.Table.Environ(a.Env), Dir: p.Dir, Stdin: input})
	printed := append(exit.Stdout, exit.Stderr...)
	why := &wire.Problem{Code: wire.CodeHop, Quote: wire.Quote(printed)}
	switch {
	case ctx.Err() != nil:
		cause := *problem(context.Cause(ctx)) // others may have the same
		why = &cause
		why.Message = open.Name + ": " + why.Message
		return nil, why
	case err != nil:
		why.Code, why.Message = wire.CodeStart, open.Name+": "+err.Error()
		printed = []byte(err.Error())
	case exit.Reason != process.ReasonExit || exit.Status != 0:
		why.Message = fmt.Sprintf("%s: %s: %s", open.Name, strings.Join(argv[:min(2, len(argv))], " "), ending(exit))
	default:
		return exit.Stdout, nil
	}
	return nil, match(a, why, printed, exit.Status)
}

// archive is a tar archive of one executable file, in the format of ustar(5).
func archive(name string, size int64, content io.Reader) io.Reader {
	const block = 512
	header := make([]byte, block)
	field := func(at int, text string) { copy(header[at:], text) }
	field(0, name)
	field(100, "0000755\x00")
	field(108, "0000000\x00") // owner
	field(116, "0000000\x00") // group
	field(124, fmt.Sprintf("%011o\x00", size))
	field(136, "00000000000\x00") // modified
	field(148, "        ")        // the checksum counts as spaces
	field(156, "0")               // a regular file
	field(257, "ustar\x0000")
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	field(148, fmt.Sprintf("%06o\x00 ", sum))
	padding := make([]byte, (block-size%block)%block+2*block)
	return io.MultiReader(bytes.NewReader(header), io.LimitReader(content, size), bytes.NewReader(padding))
}
