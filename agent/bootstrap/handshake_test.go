package bootstrap

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"runner/agent/wire"
)

// FuzzHandshake: whatever a target prints, nothing is sent to it unless it prints our question, and it ends.
func FuzzHandshake(f *testing.F) {
	need := string(needMark(nonce))
	for _, seed := range []string{
		"", "Password:", need, need + "Linux x86_64 gzip\n", need + "Linux x86_64 plain\nnoise" + string(wire.Magic(nonce)),
		need + "\n", need + strings.Repeat("x", 5000), string(noneMark(nonce)), string(wire.Magic(nonce)), "runner-need " + nonce,
		strings.Repeat(need+"Linux x86_64 plain\n", 7), need + "Linux mips gzip\n",
	} {
		f.Add([]byte(seed))
	}
	agent := []byte("the agent")
	src := binaries{{
		OS: "linux", Arch: "amd64", Hash: strings.Repeat("a", 64), Size: int64(len(agent)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(agent)), nil },
	}}
	f.Fuzz(func(t *testing.T, printed []byte) {
		var sent bytes.Buffer
		err := Handshake(t.Context(), bufio.NewReader(bytes.NewReader(printed)), &sent, nonce, src)
		var p *wire.Problem
		if err != nil && (!errors.As(err, &p) || len(p.Quote) > wire.MaxQuote) {
			t.Errorf("error %v", err)
		}
		asked := bytes.Count(printed, []byte(need))
		if sent.Len() > asked*(len(agent)+len("9 plain\n")) || sent.Len() > maxNeeds*100 {
			t.Errorf("%d bytes were sent; %d questions", sent.Len(), asked)
		}
		if err == nil && !bytes.Contains(printed, wire.Magic(nonce)) {
			t.Error("no magic, no error")
		}
	})
}

// TestCheck: an agent that is not the one that would have been sent is refused, with both named (G41).
func TestCheck(t *testing.T) {
	src := binaries{{OS: "linux", Arch: "amd64", Hash: strings.Repeat("a", 64)}}
	good := wire.Hello{Capability: wire.Capability, Nonce: nonce, Hash: strings.Repeat("a", 64), OS: "linux", Arch: "amd64", Version: "9.9"}
	if err := Check(&good, nonce, src); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		change func(*wire.Hello)
		want   wire.Code
		says   string
	}{
		"nonce":      {func(h *wire.Hello) { h.Nonce = "x" }, wire.CodeProtocol, "nonce"},
		"hash":       {func(h *wire.Hello) { h.Hash = strings.Repeat("b", 64) }, wire.CodeVersion, "aaaaaaaaaaaaaaaa"},
		"capability": {func(h *wire.Hello) { h.Capability++ }, wire.CodeVersion, "9.9"},
		"platform":   {func(h *wire.Hello) { h.Arch = "mips" }, wire.CodePlatform, "linux/mips"},
	} {
		h := good
		c.change(&h)
		var p *wire.Problem
		if err := Check(&h, nonce, src); !errors.As(err, &p) || p.Code != c.want || !strings.Contains(p.Message, c.says) {
			t.Errorf("%s: %v; want %s with %q", name, err, c.want, c.says)
		}
	}
}
