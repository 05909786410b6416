package transfer

import (
	"encoding/binary"
	"io"
	"math/bits"
	"slices"
)

// A signature describes a file that somebody has, by its blocks: of each a sum that rolls and one that is stronger. Where another
// file has a block like that, at whatever place, it need not be sent. Neither sum resists anybody who wants two blocks to have the
// same: the digest of the whole file does, and another seed gives other sums.
//
// The idea, and the sum that rolls, are those of rsync (Tridgell and Mackerras, "The rsync algorithm", 1996).

const (
	leastDelta = 64 << 10 // bytes: a smaller file is sent whole
	leastBlock = 4 << 10  // bytes of a block of a signature
	mostBlocks = 1 << 17  // of one: it takes a few MiB of memory on the side that sends, and no more
	sumSize    = 4 + 8    // bytes of one block's sums
)

// blockOf is how large the blocks of a file's signature are.
func blockOf(size int64) int {
	block := leastBlock
	for size/int64(block) > mostBlocks {
		block *= 2
	}
	return block
}

// rolling is the sum of a block's bytes, and that of the sums of its beginnings, of which only 16 bits count.
type rolling struct{ a, b uint32 }

func roll(p []byte) rolling {
	var a, b uint32
	for len(p) >= 4 {
		b += 4*a + 4*uint32(p[0]) + 3*uint32(p[1]) + 2*uint32(p[2]) + uint32(p[3])
		a += uint32(p[0]) + uint32(p[1]) + uint32(p[2]) + uint32(p[3])
		p = p[4:]
	}
	for _, x := range p {
		a += uint32(x)
		b += a
	}
	return rolling{a, b}
}

// next is the sum of the block of size bytes that begins one byte later.
func (r *rolling) next(size int, out, in byte) {
	r.a += uint32(in) - uint32(out)
	r.b += r.a - uint32(size)*uint32(out) //nolint:gosec // a block is small
}

func (r *rolling) sum() uint32 { return r.a&0xffff | r.b<<16 }

// strong is a sum of a block whose size divides by 32.
func strong(seed uint64, p []byte) uint64 {
	const k1, k2 = 0x9e3779b185ebca87, 0xc2b2ae3d27d4eb4f
	v := [4]uint64{seed + k1, seed ^ k2, seed, seed - k1}
	for ; len(p) >= 32; p = p[32:] {
		v[0] = bits.RotateLeft64(v[0]+binary.LittleEndian.Uint64(p)*k2, 31) * k1
		v[1] = bits.RotateLeft64(v[1]+binary.LittleEndian.Uint64(p[8:])*k2, 31) * k1
		v[2] = bits.RotateLeft64(v[2]+binary.LittleEndian.Uint64(p[16:])*k2, 31) * k1
		v[3] = bits.RotateLeft64(v[3]+binary.LittleEndian.Uint64(p[24:])*k2, 31) * k1
	}
	h := bits.RotateLeft64(v[0], 1) + bits.RotateLeft64(v[1], 7) + bits.RotateLeft64(v[2], 12) + bits.RotateLeft64(v[3], 18)
	h = (h ^ h>>33) * k2
	return h ^ h>>29
}

// signature is what the side that sends knows of the file that the other one has.
type signature struct {
	block  int
	seed   uint64
	weak   []uint32
	strong []uint64
	first  []int32 // by a part of the weak sum: the first block that has it, counted from 1
	next   []int32 // the next one
}

// most is how many blocks are compared that have the same place in first.
const most = 32

func (s *signature) slot(weak uint32) uint32 {
	return weak * 0x9e3779b1 >> (32 - bits.Len(uint(len(s.first)-1)))
}

// index makes the blocks easy to find.
func (s *signature) index() {
	size := 1 << 10
	for size < 2*len(s.weak) {
		size *= 2
	}
	s.first, s.next = make([]int32, size), make([]int32, len(s.weak))
	for i, weak := range slices.Backward(s.weak) {
		at := s.slot(weak)
		s.next[i], s.first[at] = s.first[at], int32(i+1) //nolint:gosec // at most mostBlocks
	}
}

// find returns a block with the content p, the expected one if it is; -1 if there is none.
func (s *signature) find(weak uint32, p []byte, expected int) int {
	at := s.first[s.slot(weak)]
	if at == 0 {
		return -1
	}
	sum, summed := uint64(0), false
	is := func(i int) bool {
		if s.weak[i] != weak {
			return false
		}
		if !summed {
			sum, summed = strong(s.seed, p), true
		}
		return s.strong[i] == sum
	}
	if expected < len(s.weak) && is(expected) {
		return expected
	}
	for n := 0; at > 0 && n < most; n++ {
		if is(int(at - 1)) {
			return int(at - 1)
		}
		at = s.next[at-1]
	}
	return -1
}

// delta finds what of a file the other side has.
type delta struct {
	*signature
	in   io.Reader
	take func(at int64, data []byte) error // new content; data is valid until the next call
	copy func(at, from, size int64) error  // what the other side has from from on
}

// run goes through a file to its end.
func (d *delta) run() error {
	buf := make([]byte, 0, 8*max(Block, d.block))
	var (
		base         int64 // of the buffer in the file
		lit, pos     int   // in the buffer: what is new begins, and is looked at
		sum          rolling
		fresh, ended = true, false
		from, size   int64 // what was found last
		expected     int
	)
	flush := func(to int) error { // what is new up to there, behind what was found before
		if size > 0 {
			if err := d.copy(base+int64(lit)-size, from, size); err != nil {
				return err
			}
			size = 0
		}
		for lit < to {
			n := min(to-lit, Block)
			if err := d.take(base+int64(lit), buf[lit:lit+n]); err != nil {
				return err
			}
			lit += n
		}
		return nil
	}
	for {
		if len(buf)-pos <= d.block && !ended {
			if pos+d.block >= cap(buf)-1 {
				if lit < pos {
					if err := flush(pos); err != nil {
						return err
					}
				}
				base += int64(pos)
				buf = buf[:copy(buf[:cap(buf)], buf[pos:])]
				lit, pos = 0, 0
			}
			n, err := d.in.Read(buf[len(buf):cap(buf)])
			buf = buf[:len(buf)+n]
			if err == io.EOF {
				ended = true
			} else if err != nil {
				return err
			}
			continue
		}
		if len(buf)-pos < d.block {
			return flush(len(buf))
		}
		window := buf[pos : pos+d.block]
		if fresh {
			sum, fresh = roll(window), false
		}
		if i := d.find(sum.sum(), window, expected); i >= 0 {
			at := int64(i) * int64(d.block)
			if lit < pos || size > 0 && from+size != at {
				if err := flush(pos); err != nil {
					return err
				}
			}
			if size == 0 {
				from = at
			}
			size += int64(d.block)
			pos += d.block
			lit, fresh, expected = pos, true, i+1
			continue
		}
		if len(buf)-pos == d.block {
			return flush(len(buf))
		}
		sum.next(d.block, buf[pos], buf[pos+d.block])
		pos++
	}
}
