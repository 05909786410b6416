// Package program runs the program of a dynamic inventory, by lang/program, and words what is wrong with it. What it
// prints means is for package ansible.
package program

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/program"
)

// DefaultTimeout is how long a program may take.
const DefaultTimeout = 10 * time.Second

// Run runs a program in a directory, with the environment of whoever runs this, and returns its standard output.
func Run(ctx context.Context, argv []string, dir string, timeout time.Duration) (*inventory.File, *hcl.Diagnostic) {
	text, err := program.Output(ctx, program.Command{Argv: argv, Dir: dir, Timeout: timeout, Most: inventory.MaxFile})
	failed, ok := errors.AsType[*program.Error](err)
	if !ok {
		return &inventory.File{Name: "output of " + argv[0], Text: string(text)}, nil
	}
	shown := diag.Quote(strings.Join(argv, " "))
	switch failed.Why {
	case program.TooMuch:
		return nil, fail("The program %s printed more than %d MiB.", shown, inventory.MaxFile>>20)
	case program.TooLong:
		return nil, fail("The program %s did not end within %s. The argument timeout gives it more time.%s", shown, timeout, failed.Words())
	case program.Missing:
		return nil, fail("The program %s cannot be started: there is no such file. It is looked for in PATH, or, with a slash in its name, from the directory of the site.", shown)
	case program.Permission:
		return nil, fail("The program %s cannot be started: permission denied. It has to be executable.", shown)
	default:
		return nil, fail("The program %s failed: %s.%s", shown, failed.How, failed.Words())
	}
}

func fail(format string, args ...any) *hcl.Diagnostic {
	return diag.Errorf(diag.Program, hcl.Range{}, "Inventory program failed", format, args...)
}
