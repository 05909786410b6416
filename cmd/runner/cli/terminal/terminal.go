// Package terminal asks people questions, and says whether there is somebody to ask. Its neighbour is cli, which knows
// what to ask; what is shown while a run goes on is for package views.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// IsTerminal says whether a file is a terminal.
func IsTerminal(f *os.File) bool { return f != nil && term.IsTerminal(int(f.Fd())) }

// Size returns the size of the terminal that a file is, in characters; 80 by 24 when it does not say.
func Size(f *os.File) (width, height int) {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// ErrNone says that there is no terminal to ask at.
var ErrNone = errors.New("there is no terminal")

// Password asks a question at the controlling terminal, whatever the standard streams are, and returns the answer, which
// is not shown as it is typed. It returns the cause when ctx ends first.
func Password(ctx context.Context, question string) (answer string, err error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", ErrNone
	}
	defer tty.Close()
	fd := int(tty.Fd())
	before, err := unix.IoctlGetTermios(fd, ioctlGet)
	if err != nil {
		return "", fmt.Errorf("cannot read the terminal's settings: %w", err)
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	quiet.Lflag |= unix.ICANON | unix.ISIG
	quiet.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, ioctlSet, &quiet); err != nil {
		return "", fmt.Errorf("cannot switch the terminal's echo off: %w", err)
	}
	defer func() {
		restore := unix.IoctlSetTermios(fd, ioctlSet, before)
		if restore != nil && err == nil {
			err = fmt.Errorf("cannot switch the terminal's echo on: %w", restore)
		}
	}()
	if _, err := fmt.Fprint(tty, question); err != nil {
		return "", fmt.Errorf("cannot ask for a password: %w", err)
	}
	answer, err = readLine(ctx, fd)
	fmt.Fprintln(tty) //nolint:errcheck // the line end that was typed is not shown
	return answer, err
}

// Line asks a question at a terminal and returns the line that is typed there. It returns the cause when ctx ends first,
// io.ErrUnexpectedEOF when the terminal is at its end.
func Line(ctx context.Context, tty *os.File, question string) (string, error) {
	// The question is shown where the answer is typed, wherever the standard streams lead.
	out, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		out = tty // not the controlling one; then it is open for writing, as terminals are
	} else {
		defer out.Close()
	}
	if _, err := fmt.Fprint(out, question); err != nil {
		return "", fmt.Errorf("cannot ask: %w", err)
	}
	answer, err := readLine(ctx, int(tty.Fd()))
	if err != nil {
		fmt.Fprintln(out) //nolint:errcheck // the question stands in a line of its own
	}
	return answer, err
}

// longest is how long an answer can be, in bytes.
const longest = 4096

// readLine reads up to a line end, byte by byte so that what follows is left for whoever reads next. Waiting for it ends
// with ctx: nobody is left behind in a read.
func readLine(ctx context.Context, fd int) (string, error) {
	wake, end, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("cannot wait for an answer: %w", err)
	}
	defer wake.Close()
	defer end.Close()
	stop := context.AfterFunc(ctx, func() { end.Write([]byte{0}) }) //nolint:errcheck // its own pipe
	defer stop()
	var line []byte
	for len(line) < longest {
		if err := readable(fd, int(wake.Fd())); err != nil {
			return "", err
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		var b [1]byte
		n, err := unix.Read(fd, b[:])
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil:
			return "", fmt.Errorf("cannot read an answer: %w", err)
		case n == 0:
			return "", io.ErrUnexpectedEOF
		case b[0] == '\n':
			return string(line), nil
		}
		line = append(line, b[0])
	}
	return "", fmt.Errorf("cannot read an answer of more than %d bytes", longest)
}
