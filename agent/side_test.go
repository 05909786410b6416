package agent_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"runner/agent/wire"
)

// widen has the root listen for side streams.
func (c *controller) widen() wire.Widened {
	c.t.Helper()
	result := c.call(root, wire.Call{Action: "widen", Flags: wire.FlagNoLane}, nil)
	var at wire.Widened
	if err := wire.Unmarshal(result.Values, &at); err != nil || len(at.Key) != wire.WidenKeySize {
		c.t.Fatalf("%+v, %v, %+v", at, err, result.Problem)
	}
	return at
}

// connectSide connects and says something.
func connectSide(t *testing.T, at wire.Widened, said []byte) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.Write(said); err != nil {
		t.Fatal(err)
	}
	return conn
}

// side makes a side stream.
func side(t *testing.T, at wire.Widened) *wire.Link {
	t.Helper()
	conn := connectSide(t, at, at.Key[:wire.WidenKeySize/2])
	answer := make([]byte, wire.WidenKeySize/2)
	if _, err := io.ReadFull(conn, answer); err != nil || !bytes.Equal(answer, at.Key[wire.WidenKeySize/2:]) {
		t.Fatalf("the answer is %x, %v", answer, err)
	}
	link := wire.NewLink(conn, wire.LinkConfig{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = link.Run(func(f wire.Frame) { t.Errorf("a frame of kind %d came up a side stream", f.Kind) })
	}()
	t.Cleanup(func() { _ = link.Close(); <-ended })
	return link
}

// TestSideStreams: pieces come by any way, for the root and for who lies behind it, and the file is the one that was sent.
func TestSideStreams(t *testing.T) {
	c := connect(t)
	c.send(wire.KindOpen, root, wire.CallID(second), c.open("second", shell()))
	c.send(wire.KindOpen, second, wire.CallID(third), c.open("third", shell()))
	at := c.widen()
	links := []*wire.Link{c.link}
	for range wire.MaxSides {
		links = append(links, side(t, at))
	}
	content := make([]byte, 5<<20+1)
	_, _ = rand.Read(content)
	sum := sha256.Sum256(content)
	for _, peer := range []wire.PeerID{root, third} {
		file := filepath.Join(t.TempDir(), "file")
		id, r := c.start(peer, wire.Call{Action: "file"}, map[string]any{
			"path": file, "content_size": len(content), "content_sha256": hex.EncodeToString(sum[:]),
		})
		for n := 0; ; n++ {
			f := wire.Frame{Kind: wire.KindPiece, Peer: peer, Call: id, Offset: uint64(n * wire.MaxChunk)}
			if n*wire.MaxChunk < len(content) {
				f.Payload = content[n*wire.MaxChunk : min(len(content), (n+1)*wire.MaxChunk)]
			} else {
				f.Offset = uint64(len(content))
			}
			c.wait("credit", func() bool { return uint64(r.credit) >= f.Offset+uint64(len(f.Payload)) })
			if n == 0 {
				f.Kind, f.Offset = wire.KindData, 0
				if err := c.link.Send(f); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if err := links[n%len(links)].Send(f); err != nil {
				t.Fatal(err)
			}
			if len(f.Payload) == 0 {
				break
			}
		}
		if result := c.result(r); result.Problem != nil {
			t.Errorf("%+v", result.Problem)
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, content) {
			t.Errorf("peer %d: another file arrived, %v", peer, err)
		}
	}
}

// TestG22StrangersAtTheSide: who does not know the key gets nothing and holds nobody up, and no more streams are taken than there
// may be.
func TestG22StrangersAtTheSide(t *testing.T) {
	c := connect(t)
	at := c.widen()
	silent := connectSide(t, at, nil)
	short := connectSide(t, at, at.Key[:3])
	for _, said := range [][]byte{make([]byte, wire.WidenKeySize/2), at.Key[wire.WidenKeySize/2:]} {
		if n, err := connectSide(t, at, said).Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("a stranger got %d bytes, %v", n, err)
		}
	}
	for range wire.MaxSides {
		side(t, at)
	}
	var unreachable error
	for unreachable == nil { // it may be about to close
		var conn net.Conn
		if conn, unreachable = (&net.Dialer{}).DialContext(t.Context(), "tcp", at.Address); unreachable == nil {
			_ = conn.Close()
		}
	}
	if c.command(root, "/bin/true").Problem != nil {
		t.Error("the link has suffered")
	}
	c.close()
	for name, conn := range map[string]net.Conn{"silent": silent, "short": short} {
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s got %d bytes, %v", name, n, err)
		}
	}
}

// TestSideViolations: a side stream brings pieces, within what was granted, and nothing else; one that ends does no harm.
func TestSideViolations(t *testing.T) {
	for name, f := range map[string]wire.Frame{
		"a call":                 {Kind: wire.KindCall, Peer: root, Call: 9},
		"data":                   {Kind: wire.KindData, Peer: root, Call: 2, Payload: []byte("x")},
		"a close":                {Kind: wire.KindClose, Peer: root},
		"an unknown frame":       {Kind: 99, Peer: root},
		"a piece without credit": {Kind: wire.KindPiece, Peer: root, Call: 2, Payload: []byte("x")},
		"a piece of output":      {Kind: wire.KindPiece, Stream: wire.StreamOutput, Peer: root, Call: 2, Payload: []byte("x")},
	} {
		c := connect(t)
		at := c.widen()
		_, r := c.start(root, wire.Call{Action: "command"}, map[string]any{"argv": []any{"/bin/sleep", "100"}})
		c.wait("start", func() bool { return r.started })
		_ = side(t, at).Close()
		if c.call(root, wire.Call{Action: "facts", Flags: wire.FlagNoLane}, nil).Problem != nil {
			t.Errorf("%s: the end of a side stream harms", name)
		}
		if err := side(t, at).Send(f); err != nil {
			t.Fatal(err)
		}
		c.waitEnd()
		c.close()
		if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at.Address); err == nil {
			_ = conn.Close()
			t.Errorf("%s: somebody listens still", name)
		}
	}
}
