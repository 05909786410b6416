package wire

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// example is a frame of which PROTOCOL.md gives the bytes.
type example struct {
	name    string
	frame   Frame
	message any // nil: the payload is raw
}

func examples() []example {
	at := time.Unix(1767225600, 0).UTC()
	return []example{
		{"hello", Frame{Kind: KindHello}, &Hello{
			Capability: 1, Nonce: "00ff", Hash: "ab12", Version: "0.1.0", OS: "linux", Arch: "amd64",
			Target: Target{Machine: "c0de", User: "0"},
			Facts:  Facts{Hostname: "web1", CPUs: 2},
		}},
		{"open", Frame{Kind: KindOpen, Peer: 1, Call: 2}, &Open{
			Nonce: "01fe", Name: "sudo root", Timeout: 30 * time.Second,
			Attempts: []Attempt{{
				Entry: EntryShell, Argv: []string{"sudo", "-u", "root", "--"}, Terminal: true,
				Prompt:   &Prompt{Marker: "?", Secret: []byte("s")},
				Failures: []Failure{{Contains: "not found", Code: CodeHop, Hint: "Install it."}},
			}},
		}},
		{"lost", Frame{Kind: KindLost, Peer: 2}, &Lost{
			Problem: Problem{Code: CodePassword, Message: "refused", Quote: "Sorry."},
		}},
		{"close", Frame{Kind: KindClose, Peer: 2}, nil},
		{"call", Frame{Kind: KindCall, Peer: 2, Call: 7}, &Call{
			Action: "directory", Args: []byte{0xa1, 0x64, 'p', 'a', 't', 'h', 0x64, '/', 's', 'r', 'v'},
			Mode: ModeApply, Pipeline: 3, Flags: FlagContinue | FlagLive,
		}},
		{"started", Frame{Kind: KindStarted, Peer: 2, Call: 7}, &Started{At: at.Add(500 * time.Millisecond)}},
		{"waits", Frame{Kind: KindStarted, Peer: 2, Call: 7}, &Started{Waits: "process 812 (agent-1f0c)"}},
		{"data", Frame{Kind: KindData, Stream: StreamOutput, Peer: 2, Call: 7, Payload: []byte("ok\n")}, nil},
		{"end", Frame{Kind: KindData, Stream: StreamInput, Peer: 2, Call: 7}, nil},
		{"credit", Frame{Kind: KindCredit, Stream: StreamOutput, Peer: 2, Call: 7}, &Credit{N: Window / 2}},
		{"whole", Frame{Kind: KindCredit, Stream: StreamInput, Peer: 2, Call: 7}, &Credit{}},
		{"cancel", Frame{Kind: KindCancel, Peer: 2, Call: 7}, &Cancel{Kill: true}},
		{"result", Frame{Kind: KindResult, Peer: 2, Call: 7}, &Result{
			Change: Change{Verb: VerbCreate, After: []byte{0xa1, 0x03, 0x64, '0', '6', '4', '4'}}, Values: []byte{0xa0}, Started: at, Elapsed: 1500 * time.Microsecond,
		}},
		{"failure", Frame{Kind: KindResult, Peer: 2, Call: 7}, &Result{
			Problem: &Problem{Code: CodeExit, Message: "exit status 1"}, Change: Change{Verb: VerbRun}, Started: at,
		}},
		{"refused", Frame{Kind: KindRefused, Peer: 2, Call: 7}, &Refused{
			Kind: KindCall, Problem: Problem{Code: CodeFull, Message: "too many calls"},
		}},
		{"ping", Frame{Kind: KindPing}, nil},
		{"pong", Frame{Kind: KindPong}, nil},
		{"piece", Frame{Kind: KindPiece, Stream: StreamInput, Peer: 2, Call: 7, Offset: 16 << 20, Payload: []byte("ok\n")}, nil},
		{"last", Frame{Kind: KindPiece, Stream: StreamInput, Peer: 2, Call: 7, Offset: 16<<20 + 3}, nil},
		{"feed", Frame{Kind: KindFeed, Peer: 2, Call: 7}, &Feed{Peer: 3, Call: 9}},
		{"rest", Frame{Kind: KindCredit, Stream: StreamInput, Peer: 3, Call: 9}, &Credit{N: Window, From: 1 << 20}},
	}
}

// golden prints an example as the page shows it.
func golden(t *testing.T, e example) string {
	f := e.frame
	if e.message != nil {
		m, err := Message(f.Kind, f.Peer, f.Call, e.message)
		if err != nil {
			t.Fatal(err)
		}
		f.Payload = m.Payload
	}
	b := AppendFrame(nil, f)
	var out strings.Builder
	fmt.Fprintf(&out, "```golden %s\n% x | %02x %02x | % x | % x\n", e.name, b[:4], b[4], b[5], b[6:10], b[10:14])
	for payload := b[HeaderSize:]; len(payload) > 0; {
		n := min(len(payload), 32)
		fmt.Fprintf(&out, "%x\n", payload[:n])
		payload = payload[n:]
	}
	if e.message != nil {
		notation, err := cbor.Diagnose(f.Payload)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "# %s\n", notation)
	}
	out.WriteString("```\n")
	return out.String()
}

var update = flag.Bool("update", false, "write the bytes into PROTOCOL.md")

// The page, the encoder and the decoder agree on every kind of frame.
func TestProtocolPage(t *testing.T) {
	page, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		for _, e := range examples() {
			block := regexp.MustCompile("(?s)```golden " + e.name + "\n.*?```\n")
			page = block.ReplaceAllLiteral(page, []byte(golden(t, e)))
		}
		if err := os.WriteFile("PROTOCOL.md", page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kinds := map[Kind]bool{}
	for _, e := range examples() {
		kinds[e.frame.Kind] = true
		want := golden(t, e)
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("PROTOCOL.md lacks:\n%s", want)
		}
		f, err := ReadFrame(bufio.NewReader(bytes.NewReader(goldenBytes(t, want))))
		if err != nil {
			t.Fatalf("%s: %v", e.name, err)
		}
		if f.Kind != e.frame.Kind || f.Stream != e.frame.Stream || f.Peer != e.frame.Peer || f.Call != e.frame.Call || f.Offset != e.frame.Offset {
			t.Errorf("%s: read %+v, want %+v", e.name, f, e.frame)
		}
		if e.message == nil {
			if !bytes.Equal(f.Payload, e.frame.Payload) {
				t.Errorf("%s: read %q", e.name, f.Payload)
			}
			continue
		}
		got := reflect.New(reflect.TypeOf(e.message).Elem()).Interface()
		if err := Unmarshal(f.Payload, got); err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
		if !reflect.DeepEqual(got, e.message) {
			t.Errorf("%s: decoded %+v, want %+v", e.name, got, e.message)
		}
	}
	for k := KindHello; k <= KindFeed; k++ {
		if !kinds[k] {
			t.Errorf("PROTOCOL.md gives no bytes for kind %d", k)
		}
	}
	if n := strings.Count(string(page), "```golden"); n != len(examples()) {
		t.Errorf("PROTOCOL.md has %d golden blocks, the test %d", n, len(examples()))
	}
	for i, name := range names {
		if !strings.Contains(string(page), fmt.Sprintf("| `%s` | %d |", name, i+1)) {
			t.Errorf("PROTOCOL.md does not say that the number of %s is %d", name, i+1)
		}
	}
	for name, value := range map[string]int{
		"MaxPayload": MaxPayload, "MaxChunk": MaxChunk, "MaxSmall": MaxSmall, "MaxNoise": MaxNoise, "Window": Window,
		"MaxWindow": MaxWindow, "MaxInline": MaxInline, "MaxPending": MaxPending, "MaxCalls": MaxCalls, "MaxAhead": MaxAhead, "Capability": Capability,
	} {
		if !strings.Contains(string(page), fmt.Sprintf("| `%s` | %d |", name, value)) {
			t.Errorf("PROTOCOL.md does not say that %s is %d", name, value)
		}
	}
}

// goldenBytes reads a block as a reader of the page would.
func goldenBytes(t *testing.T, block string) []byte {
	var digits strings.Builder
	for line := range strings.Lines(block) {
		if !strings.HasPrefix(line, "```") && !strings.HasPrefix(line, "#") {
			digits.WriteString(strings.NewReplacer(" ", "", "|", "", "\n", "").Replace(line))
		}
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}
