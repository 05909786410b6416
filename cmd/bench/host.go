package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// host lets the test bed work for a program: it is the part of testing.TB that the bed uses.
type host struct {
	testing.TB // nil: what is not below is not used
	cleanups   []func()

	mu       sync.Mutex // guards failures: what the bed runs beside may find something too
	failures []string   // what Error and its like said
}

// failure is what Fatal and its like panic with.
type failure struct{ text string }

func (h *host) Helper()                           {}
func (h *host) Name() string                      { return "bench" }
func (h *host) Context() context.Context          { return context.Background() }
func (h *host) Cleanup(f func())                  { h.cleanups = append(h.cleanups, f) }
func (h *host) Log(args ...any)                   { fmt.Fprintln(os.Stderr, args...) }
func (h *host) Logf(format string, args ...any)   { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (h *host) Error(args ...any)                 { h.fail(fmt.Sprint(args...)) }
func (h *host) Errorf(format string, args ...any) { h.fail(fmt.Sprintf(format, args...)) }
func (h *host) Fatal(args ...any)                 { panic(failure{fmt.Sprint(args...)}) }
func (h *host) Fatalf(format string, args ...any) { panic(failure{fmt.Sprintf(format, args...)}) }
func (h *host) Skip(args ...any)                  { h.Fatal(args...) }
func (h *host) Skipf(format string, args ...any)  { h.Fatalf(format, args...) }

// fail says what a check of the bed found, and keeps it for the end: the bed goes on.
func (h *host) fail(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Log(text)
	h.failures = append(h.failures, text)
}

// end removes what was made and turns a failure of the bed, a fatal one or one that it went on after, into an error.
func (h *host) end(err *error) {
	what := recover()
	for _, cleanup := range slices.Backward(h.cleanups) {
		cleanup()
	}
	switch f := what.(type) {
	case nil:
		if *err == nil {
			*err = h.failed()
		}
	case failure:
		*err = fmt.Errorf("%s", f.text)
	case runtime.Error:
		panic(f)
	default:
		panic(what)
	}
}

// failed returns what was found, or nil.
func (h *host) failed() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.failures) == 0 {
		return nil
	}
	return fmt.Errorf("the test bed failed: %s", strings.Join(h.failures, "; "))
}
