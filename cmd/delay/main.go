// Command delay is a slow link in user space, for measurements and tests:
//
//	delay -listen 127.0.0.1:2222 -to 127.0.0.1:22 -rtt 250ms
//
// It prints the address that it listens on, and what has passed, as JSON, when it is interrupted.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"runner/cmd/delay/proxy"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "delay: %v\n", err)
		os.Exit(1) //nolint:gocritic // the process ends here
	}
}

func run(ctx context.Context, args []string) error {
	var cfg proxy.Config
	flags := flag.NewFlagSet("delay", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "`address` to listen on")
	stats := flags.String("stats", "", "`file` for what has passed; standard output unless set")
	flags.StringVar(&cfg.To, "to", "", "`address` that connections are passed on to")
	flags.DurationVar(&cfg.RTT, "rtt", 0, "round-trip `time`, half of it each way")
	flags.Int64Var(&cfg.Rate, "rate", 0, "bytes a second each way; 0 is no limit")
	flags.Int64Var(&cfg.CutAfter, "cut-after", 0, "reset everything after so many `bytes`")
	flags.Int64Var(&cfg.DropAfter, "drop-after", 0, "carry nothing any more after so many `bytes`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if cfg.To == "" || flags.NArg() > 0 {
		return errors.New("usage: delay -listen ADDRESS -to ADDRESS -rtt 250ms")
	}
	p, err := proxy.Listen(*listen, cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "delay: %s -> %s\n", p.Addr(), cfg.To)
	<-ctx.Done()
	if err := p.Close(); err != nil {
		return err
	}
	out := os.Stdout
	if *stats != "" {
		if out, err = os.Create(*stats); err != nil {
			return err
		}
		defer out.Close()
	}
	return json.NewEncoder(out).Encode(p.Stats())
}
