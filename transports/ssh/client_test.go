package ssh

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// G1: a real server, a command whose reply is not waited for, its streams and its exit status.
func TestG1SessionOnRealServer(t *testing.T) {
	server := startSSHD(t, "127.0.71.1")
	client := dial(t, server.options(t))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	session, err := client.Start(ctx, "cat; echo oops >&2; exit 7")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(session, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := session.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(session)
	if err != nil || string(out) != "hello" {
		t.Fatalf("got %q, %v", out, err)
	}
	exit, err := session.Wait(ctx)
	if err != nil || exit != (Exit{Known: true, Status: 7}) {
		t.Fatalf("got %+v, %v", exit, err)
	}
	if got := session.Stderr(); strings.TrimSpace(got) != "oops" {
		t.Fatalf("stderr is %q", got)
	}
	if sent, received := client.Traffic(); sent < 1000 || received < 1000 {
		t.Fatalf("counted %d bytes sent, %d received", sent, received)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	wantKind(t, client.Err(), KindClosed)
}

// G8: a second hop behind a bastion, through its direct-tcpip channel.
func TestG8SecondHopThroughBastion(t *testing.T) {
	bastion := dial(t, startSSHD(t, "127.0.71.2").options(t))
	inner := startSSHD(t, "127.0.71.3")
	client, err := Dial(context.Background(), inner.options(t), bastion.DialContext)
	if err != nil {
		t.Fatal(explained(err))
	}
	defer client.Close()
	session, err := client.Start(context.Background(), "echo $SSH_CONNECTION")
	if err != nil {
		t.Fatal(err)
	}
	out, _ := io.ReadAll(session)
	if !strings.Contains(string(out), inner.host) {
		t.Fatalf("arrived at %q", out)
	}
}
