// Command testbed prepares this machine for the tests that need real programs: it installs what Debian's packages
// provide, starts a Docker daemon where none answers, and makes the images. Package bed is what tests then use.
//
//	testbed up      install, start, make: does nothing where all is there
//	testbed down    end the daemon that up has started
//	testbed status  say what is missing; exit status 1 when something is
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "testbed: %v\n", err)
		os.Exit(1) //nolint:gocritic // the process ends here
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: testbed up|down|status")
	}
	switch args[0] {
	case "up":
		return up(ctx)
	case "down":
		return stopDaemon(ctx)
	case "status":
		return status(ctx)
	}
	return fmt.Errorf("unknown command %q: usage: testbed up|down|status", args[0])
}

func up(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("cannot prepare anything: this is an ordinary user, and sshd, sudo rules and containers need root")
	}
	steps := []func(context.Context) error{install, makeLocale, startDaemon, makeImages, makeDebian}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// status names everything that tests need and do not find.
func status(ctx context.Context) error {
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	for _, p := range packages() {
		if !p.present() {
			missing = append(missing, p.name)
		}
	}
	if !daemonAnswers(ctx) {
		missing = append(missing, "a Docker daemon")
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing: %s", strings.Join(missing, ", "))
	}
	return nil
}

// command runs a program whose output is only of interest when it fails.
func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot run %s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
