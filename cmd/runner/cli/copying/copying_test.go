package copying

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"runner/agent/transfer"
	"runner/agent/wire"
)

// TestG22SenderGoesOn: a sender that goes on behind the end of a copy is not waited for.
func TestG22SenderGoesOn(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "from"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	honest := SendHere(filepath.Join(dir, "from"), transfer.Progress{})
	endless := func(ctx context.Context, held []transfer.Held, to io.Writer) error {
		for err := honest(ctx, held, to); ; _, err = to.Write(make([]byte, 1<<10)) {
			if err != nil {
				return err //nolint:wrapcheck // the writer's own
			}
		}
	}
	report, err := ReceiveHere(t.Context(), transfer.Destination{Path: filepath.Join(dir, "to")}, endless, transfer.Progress{})
	if err != nil || report.Files != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestOffer: what a host has of a copy is heard in pieces, and nothing that it says behind that is kept.
func TestOffer(t *testing.T) {
	var said bytes.Buffer
	if err := transfer.WriteHeld(&said, []transfer.Held{{Key: "key", Size: 7}}); err != nil {
		t.Fatal(err)
	}
	o := offer{held: make(chan answer, 1), from: func(context.Context, []transfer.Held, io.Writer) error { return nil }}
	for _, b := range said.Bytes() {
		o.hear(wire.StreamOutput, []byte{b})
	}
	for range 100 {
		o.hear(wire.StreamOutput, make([]byte, 1<<10))
	}
	if len(o.heard) > 0 {
		t.Errorf("%d bytes are kept", len(o.heard))
	}
	if a := <-o.held; a.err != nil || len(a.held) != 1 || a.held[0].Key != "key" {
		t.Errorf("%+v", a)
	}
	over := make(chan struct{})
	close(over)
	if _, err := o.open(t.Context(), over); !errors.Is(err, errUnread) {
		t.Errorf("a call that is over got %v", err)
	}
}
