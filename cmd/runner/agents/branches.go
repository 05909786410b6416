package agents

import "encoding/binary"

// x86 code calls a function by its distance, which is another one at each place that calls it. As absolute addresses, the
// highest byte first, equal calls are equal bytes, and an executable packs a sixteenth smaller. (xz calls such a step a BCJ filter.)

const (
	call = 0xe8 // opcodes that a distance of four bytes follows
	jump = 0xe9
)

// isX86 says whether an architecture's code has these.
func isX86(arch string) bool { return arch == "amd64" || arch == "386" }

// Absolute replaces the distances in an executable for arch by addresses, in place. Other architectures' are left alone.
func Absolute(arch string, data []byte) {
	eachBranch(arch, data, func(field []byte, at, size int32) {
		v := int32(binary.LittleEndian.Uint32(field)) //nolint:gosec // a signed number in any four bytes
		switch {
		case v >= -at && v < size-at:
			v += at
		case v >= size-at && v < size: // its place is taken by an address
			v -= size
		}
		binary.BigEndian.PutUint32(field, uint32(v)) //nolint:gosec // likewise
	})
}

// relative undoes Absolute.
func relative(arch string, data []byte) {
	eachBranch(arch, data, func(field []byte, at, size int32) {
		v := int32(binary.BigEndian.Uint32(field)) //nolint:gosec // a signed number in any four bytes
		switch {
		case v >= 0 && v < size:
			v -= at
		case v >= -at && v < 0:
			v += size
		}
		binary.LittleEndian.PutUint32(field, uint32(v)) //nolint:gosec // likewise
	})
}

// eachBranch finds what looks like calls and jumps: of each the four bytes behind the opcode, and where they end. It finds the
// same ones again after these bytes were changed.
func eachBranch(arch string, data []byte, change func(field []byte, at, size int32)) {
	if !isX86(arch) {
		return
	}
	for i := 0; i+5 <= len(data); i++ {
		if data[i] == call || data[i] == jump {
			change(data[i+1:i+5], int32(i+5), int32(len(data))) //nolint:gosec // an agent has a few million bytes
			i += 4
		}
	}
}
