//go:build !darwin

package terminal

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// readable waits until one of two descriptors can be read.
func readable(a, b int) error {
	fds := []unix.PollFd{{Fd: int32(a), Events: unix.POLLIN}, {Fd: int32(b), Events: unix.POLLIN}} //nolint:gosec // descriptors are small
	for {
		_, err := unix.Poll(fds, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot wait for an answer: %w", err)
		}
		return nil
	}
}
