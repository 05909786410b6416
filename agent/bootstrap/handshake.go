package bootstrap

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"runner/agent/wire"
)

// maxNeeds is how often the script may ask: once for each of its directories.
const maxNeeds = 5

// Handshake reads up to and including the magic of the agent with that nonce, and hands the agent on if the script asks
// for it. After it r stands at the agent's first frame. The error is a *wire.Problem; whoever gets it closes the stream,
// which ends the other side. Closing the stream also ends a handshake; ctx does only between portions of an upload.
func Handshake(ctx context.Context, r *bufio.Reader, w io.Writer, nonce string, src Source) error {
	for range maxNeeds + 1 {
		which, noise, err := wire.ReadMark(r, wire.MaxNoise, wire.Magic(nonce), needMark(nonce), noneMark(nonce))
		if err != nil {
			return err
		}
		switch which {
		case 0:
			return nil
		case 1:
			err = answer(ctx, r, w, src)
		default:
			err = &wire.Problem{
				Code: wire.CodeNoExec, Message: "no directory lets the agent be stored and run", Quote: wire.Quote(noise),
				Hint: "The account needs one of ~/.cache, $XDG_RUNTIME_DIR, /dev/shm, /var/tmp or /tmp on a file system that is writable, not full and not mounted noexec.",
			}
		}
		if err != nil {
			return err
		}
	}
	return &wire.Problem{Code: wire.CodeProtocol, Message: fmt.Sprintf("the agent was asked for more than %d times", maxNeeds)}
}

// answer reads the rest of the script's question, which is what uname -sm prints and what it can decompress, and
// answers with one line, the size and the encoding, and so many bytes.
func answer(ctx context.Context, r *bufio.Reader, w io.Writer, src Source) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return ended("cannot read what agent is needed", err)
	}
	uname, encoding := "", ""
	if i := bytes.LastIndexByte(line, ' '); i >= 0 {
		uname, encoding = string(line[:i]), strings.TrimSpace(string(line[i:]))
	}
	agent, err := findUname(src, uname)
	if err != nil {
		return err
	}
	open := func() (io.ReadCloser, int64, error) {
		f, err := agent.Open()
		return f, agent.Size, err
	}
	if encoding == "gzip" && agent.Gzip != nil {
		open = agent.Gzip
	} else {
		encoding = "plain"
	}
	f, size, err := open()
	if err != nil {
		return &wire.Problem{Code: wire.CodePlatform, Message: fmt.Sprintf("cannot read the agent for %s: %v", uname, err)}
	}
	defer func() { _ = f.Close() }()
	if _, err := fmt.Fprintf(w, "%d %s\n", size, encoding); err != nil {
		return ended("cannot send the agent", err)
	}
	if _, err := io.CopyN(w, reader{ctx, f}, size); err != nil {
		return ended("cannot send the agent", err)
	}
	return nil
}

// reader ends when its context does.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}

func ended(what string, err error) error {
	if problem, ok := errors.AsType[*wire.Problem](err); ok {
		return problem
	}
	return &wire.Problem{Code: wire.CodeEnded, Message: fmt.Sprintf("%s: %v", what, err)}
}

// ReadHello reads the first frame after the magic and checks that it comes from the agent that src would have sent.
// The error is a *wire.Problem.
func ReadHello(r *bufio.Reader, nonce string, src Source) (wire.Frame, wire.Hello, error) {
	var hello wire.Hello
	f, err := wire.ReadFrame(r)
	if err != nil {
		return f, hello, ended("cannot read the agent's hello", err)
	}
	if f.Kind != wire.KindHello {
		return f, hello, &wire.Problem{Code: wire.CodeProtocol, Message: "the agent's first frame is not its hello"}
	}
	if err := wire.Unmarshal(f.Payload, &hello); err != nil {
		return f, hello, err
	}
	return f, hello, Check(&hello, nonce, src)
}

// Check says whether a hello comes from the agent that src would have sent. The error is a *wire.Problem.
func Check(hello *wire.Hello, nonce string, src Source) error {
	if hello.Nonce != nonce {
		return &wire.Problem{Code: wire.CodeProtocol, Message: "the hello repeats another nonce"}
	}
	refused := func(theirs, ours string) error {
		return &wire.Problem{
			Code:    wire.CodeVersion,
			Message: fmt.Sprintf("the agent is version %s, this program needs %s", theirs, ours),
			Hint:    "Remove the agent at its place on the target; the one that is needed will be put there.",
		}
	}
	if hello.Capability != wire.Capability {
		return refused(fmt.Sprintf("%s with capability %d", hello.Version, hello.Capability), fmt.Sprintf("capability %d", wire.Capability))
	}
	agent, err := Find(src, hello.OS, hello.Arch)
	if err != nil {
		return err
	}
	if hello.Hash != agent.Hash {
		return refused(fmt.Sprintf("%s (%.16s)", hello.Version, hello.Hash), fmt.Sprintf("%.16s", agent.Hash))
	}
	return nil
}
