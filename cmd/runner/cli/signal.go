package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"runner/agent/bootstrap"
	"runner/executor"
)

// How long a command may take to end after the first interrupt, and after the second, before the program ends without
// it. Both are so much less than what docs/cli.md promises that a busy machine keeps the promise too, and more than what
// ending takes: see executor.Run and broker.Broker.Close.
const (
	patience   = 10500 * time.Millisecond
	lastResort = 1700 * time.Millisecond
)

// interruptible ends the context that it returns at the first SIGINT, SIGTERM or SIGHUP and closes kill at the second.
// When the command has not ended in time after either, because nobody reads what it prints for example, the program does.
// stop gives the signals back.
func (p *Program) interruptible(parent context.Context) (ctx context.Context, kill <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	// Output that nobody reads any more must not end a run in the middle: writing fails, and that is all.
	signal.Ignore(syscall.SIGPIPE)
	p.spared = make(chan struct{}, 1)
	second := make(chan struct{})
	over := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case <-over:
			return
		case <-signals:
		}
		cancel(executor.ErrInterrupted)
		if ended := p.bear(signals, over); ended {
			return
		}
		close(second)
		select {
		case <-over:
		case <-time.After(lastResort):
			p.abandon()
		}
	})
	return ctx, second, func() {
		close(over)
		watcher.Wait()
		signal.Stop(signals)
		cancel(nil)
	}
}

// bear waits after the first interrupt for the second one, or for the end of the command, which may take longer than it
// has as long as something runs that must not be cut.
func (p *Program) bear(signals <-chan os.Signal, over <-chan struct{}) (ended bool) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for told := false; ; {
		select {
		case <-over:
			return true
		case <-signals:
			return false
		case <-timer.C:
			p.abandon()
		case <-p.spared:
			timer.Reset(patience)
			if !told {
				told = true
				p.tell("runner: waiting for what must not be cut; interrupt again to end it all the same")
			}
		}
	}
}

// spare lets a command that was interrupted take more time. It does not wait.
func (p *Program) spare() {
	select {
	case p.spared <- struct{}{}:
	default:
	}
}

// abandon ends the program although its command has not ended. What to say about it may wait for a reader too, and then
// stays unsaid.
func (p *Program) abandon() {
	p.tell("runner: what runs has not ended in time and was left to end by itself")
	os.Exit(int(exitInterrupted)) //nolint:forbidigo // main waits for a command that does not end
}

// tell prints a line if that does not take long.
func (p *Program) tell(line string) {
	said := make(chan struct{})
	go func() {
		fmt.Fprintln(p.Err, line) //nolint:errcheck // nowhere to tell
		close(said)
	}()
	select {
	case <-said:
	case <-time.After(50 * time.Millisecond):
	}
}

// dumpStacks prints where every goroutine stands, again and again, when RUNNER_DUMP_STACKS asks for it with a number of
// seconds. What it returns ends that.
func (p *Program) dumpStacks(ctx context.Context) (stop func()) {
	every, err := strconv.Atoi(p.env(bootstrap.DumpVariable))
	if err != nil || every < 1 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var dumper sync.WaitGroup
	dumper.Go(func() {
		tick := time.NewTicker(time.Duration(every) * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				writeStacks(p.Err, now)
			}
		}
	})
	return func() {
		cancel()
		dumper.Wait()
	}
}

func writeStacks(w io.Writer, now time.Time) {
	const most = 64 << 20
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) && n < most {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	fmt.Fprintf(w, "=== stacks of runner, process %d, at %s\n%s\n", os.Getpid(), now.UTC().Format(time.RFC3339), buf[:n]) //nolint:errcheck // nowhere to tell
}
