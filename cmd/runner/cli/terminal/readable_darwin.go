package terminal

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// readable waits until one of two descriptors can be read. It uses select: poll does not take terminals here.
func readable(a, b int) error {
	if max(a, b) >= unix.FD_SETSIZE {
		return fmt.Errorf("cannot wait for an answer: %w", unix.EMFILE)
	}
	for {
		var set unix.FdSet
		set.Set(a)
		set.Set(b)
		_, err := unix.Select(max(a, b)+1, &set, nil, nil, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot wait for an answer: %w", err)
		}
		return nil
	}
}
