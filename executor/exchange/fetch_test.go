package exchange_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"runner/agent/wire"
	"runner/executor/broker"
	"runner/executor/exchange"
	"runner/planner/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Kinds of records, see agent/transfer.
const (
	total = 1
	enter = 2
	link  = 7
	left  = 8
	end   = 9
	same  = 11
)

// record is one of the stream of a copy, of an entry that has a name, and a target if it is a link.
func record(t *testing.T, kind byte, name string) []byte {
	t.Helper()
	payload, err := wire.Marshal(map[int]any{1: name, 2: 0o700, 8: "target"})
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(payload))), payload...)
}

// peer is a target that sends what next gives until it gives nothing, or its call is cancelled.
func peer(t *testing.T, f *exchange.Fetch, next func() []byte) (wire.Result, error) {
	t.Helper()
	var o broker.CallOptions
	f.Options(&o)
	ended, cancelled := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { f.Receive(t.Context()) })
	all.Go(func() { f.Until(ended, nil, func() { close(cancelled) }) })
	sent := func() bool {
		select {
		case <-cancelled:
			return false
		default:
		}
		data := next()
		o.Live(wire.StreamOutput, data)
		return data != nil
	}
	for sent() {
	}
	close(ended)
	var reply wire.Result
	var said wire.Attributes
	f.Finish(&reply, &said)
	all.Wait()
	in, err := o.Input()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	_, err = io.ReadAll(in)
	return reply, err
}

// G22: a target that sends without end is told to end, with an error that says what there is too much of, and nothing is made here.
func TestG22FetchWithoutEnd(t *testing.T) {
	long := strings.Repeat("x", 255)
	for name, c := range map[string]struct {
		first, kind int
		name        string // with a number behind it
		times       int    // how often before there is too much; 0: what is sent does not belong there
		want        string
	}{
		"what is the same":  {first: 1, kind: same, name: "a", times: 1_000_000, want: "more than 1000000 entries"},
		"what differs":      {first: 1, kind: link, name: "a", times: 1_000_000, want: "more than 1000000 entries"},
		"long paths":        {first: 399, kind: link, name: long[:240], times: 1_200, want: "paths of more than 128 MiB"},
		"what is left out":  {first: 1, kind: left, name: "a", want: "sends what is no copy"},
		"what is to come":   {first: 0, kind: total, name: "a", want: "sends what is no copy"},
		"too deep":          {first: 1, kind: enter, name: "a", times: 399, want: "too many directories in each other"},
		"no tree, but many": {first: 0, kind: link, name: "a", times: 1, want: "a second source"},
	} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "not", "there")
			f, err := exchange.NewFetch(t.Context(), plan.Instance{Destination: to, Args: map[string]any{"path": "/x"}}, exchange.FetchOptions{Dry: true})
			if err != nil {
				t.Fatal(err)
			}
			var first []byte
			for range c.first {
				first = append(first, record(t, enter, long)...)
			}
			n := 0
			reply, err := peer(t, f, func() []byte {
				out := bytes.Clone(first)
				for first = nil; n%1000 != 999 || len(out) == 0; n++ {
					out = append(out, record(t, byte(c.kind), fmt.Sprintf("%s%d", c.name, n))...)
				}
				n++
				return out
			})
			if reply.Problem == nil || !strings.Contains(reply.Problem.Message, "cannot write "+to+" on the controller") || !strings.Contains(reply.Problem.Message, c.want) {
				t.Errorf("it ends with %+v", reply.Problem)
			}
			if err == nil {
				t.Error("the target is told that it is written")
			}
			if n < c.times {
				t.Errorf("only %d entries were taken", n)
			}
			if _, err := os.Lstat(filepath.Dir(to)); !os.IsNotExist(err) {
				t.Errorf("something was made: %v", err)
			}
		})
	}
}

// Directories on the way are made when there is something to be written, and not before.
func TestFetchMakesDirectoriesLate(t *testing.T) {
	for name, c := range map[string]struct {
		dry    bool
		stream []byte
		made   bool
	}{
		"nothing comes": {},
		"a preview":     {dry: true, stream: append(record(t, link, ""), end, 0, 0, 0, 0)},
		"a link":        {stream: append(record(t, link, ""), end, 0, 0, 0, 0), made: true},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			f, err := exchange.NewFetch(t.Context(), plan.Instance{Destination: top + "/a/b/c", Args: map[string]any{"path": "/x"}}, exchange.FetchOptions{Dry: c.dry})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(top + "/a"); err == nil {
				t.Error("they are made before anything has come")
			}
			stream := c.stream
			reply, _ := peer(t, f, func() []byte {
				out := stream
				stream = nil
				return out
			})
			if _, err := os.Lstat(top + "/a/b/c"); (err == nil) != c.made || (reply.Problem == nil) != (c.stream != nil) {
				t.Errorf("%v, %+v", err, reply.Problem)
			}
			if _, err := os.Lstat(top + "/a"); (err == nil) != c.made {
				t.Errorf("of those on the way: %v", err)
			}
		})
	}
}
