//go:build !linux

package process

const inputWaiting = 0x4004667f // FIONREAD

// adopt does nothing: here orphans go to the first process, and only a process group can be ended.
func adopt() error { return nil }

func list() ([]seen, bool) { return nil, false }

func bornAt(pid int) birth { return birth{pid: pid} }

func holds(int, []string) bool { return false }

func programOf(int) string { return "" }

// Finishing is for parents that look; here none can.
func Finishing() {}

func isFinishing(int) bool { return false }

func isRoots(int) bool { return true }
