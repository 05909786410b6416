//go:build darwin || freebsd

package child

import "golang.org/x/sys/unix"

const getTermios = unix.TIOCGETA
