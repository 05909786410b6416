package child

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"runner/agent/wire"
)

// EnterCommand is the first argument with which whoever links this package must call Enter: the program that joins
// namespaces is the parent's own.
const EnterCommand = "enter"

// namespace starts the agent inside the namespaces of a process, where nothing inside is needed to start it and nothing
// is written: a helper, this very program, goes in and executes the agent from memory.
func (p *Parent) namespace(ctx context.Context, open *wire.Open, a *wire.Attempt) (*Child, error) {
	if !canEnter || os.Geteuid() != 0 {
		why := &wire.Problem{Code: wire.CodeNoExec, Message: open.Name + ": only root can enter its namespaces, and this peer is not root"}
		return nil, match(a, why, nil, -1)
	}
	printed, err := p.tool(ctx, open, a, a.Inspect, nil)
	if err != nil {
		return nil, err
	}
	last := bytes.TrimSpace(printed) // what it says may stand behind warnings
	last = last[bytes.LastIndexByte(last, '\n')+1:]
	words := strings.Fields(string(last))
	user := ""
	if len(words) == 2 {
		user = words[1]
	}
	if pid, err := strconv.Atoi(strings.Join(words[:min(1, len(words))], "")); err != nil || pid <= 0 || len(words) > 2 {
		why := &wire.Problem{Code: wire.CodeHop, Message: open.Name + ": no process to enter", Quote: wire.Quote(printed)}
		return nil, match(a, why, printed, -1)
	}
	agent, err := p.across()
	if err != nil {
		return nil, err
	}
	f, err := agent.Open()
	if err != nil {
		return nil, &wire.Problem{Code: wire.CodePlatform, Message: fmt.Sprintf("%s: cannot read the agent: %v", open.Name, err)}
	}
	defer func() { _ = f.Close() }()
	argv := []string{"/proc/self/exe", EnterCommand, words[0], user, strconv.FormatInt(agent.Size, 10), open.Nonce}
	return p.connect(ctx, open, a, append(argv, p.restore(a)...), io.LimitReader(f, agent.Size))
}
