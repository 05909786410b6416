package sources

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

var errDamaged = errors.New("it is damaged")

// inflater unpacks what deflate has packed (RFC 1951). Go's own package brings along what packs, for which an agent has no
// use.
type inflater struct {
	in   *bufio.Reader
	bits uint64 // that were read and not used yet, the next one lowest
	n    int    // how many; less than nothing: the input has ended too early
	err  error

	state             int
	last              bool // no block follows
	stored            int  // bytes to come of a block that is not packed
	literal, distance huffman

	ring [ring]byte // what was unpacked last
	w, r int64      // how much was written to it, and read from it
}

const (
	ring   = 1 << 16
	window = 1 << 15 // as far back as copies reach
)

const (
	betweenBlocks = iota
	inStored
	inPacked
	ended
)

// begin begins a stream, at the next byte of the input.
func (z *inflater) begin() {
	z.take(z.n & 7)
	z.state, z.last, z.w, z.r = betweenBlocks, false, 0, 0
}

// Read unpacks. It never goes on so far that copies could not reach back any more.
func (z *inflater) Read(p []byte) (int, error) {
	for z.err == nil && z.state != ended && z.w-z.r < window-512 {
		z.step()
		if z.n < 0 {
			z.err = io.ErrUnexpectedEOF
		}
	}
	if z.err != nil {
		return 0, z.err
	}
	if z.r == z.w {
		return 0, io.EOF
	}
	from := z.r & (ring - 1)
	n := copy(p, z.ring[from:min(ring, from+z.w-z.r)])
	z.r += int64(n)
	return n, nil
}

// take takes up to 32 bits.
func (z *inflater) take(n int) int {
	if z.n < n {
		z.fill()
	}
	v := int(z.bits & (1<<n - 1)) //nolint:gosec // at most 32 bits
	z.bits >>= n
	z.n -= n
	return v
}

// fill has 32 bits at hand, or what there is.
func (z *inflater) fill() {
	if next, _ := z.in.Peek(4); len(next) == 4 && z.n >= 0 && z.n <= 32 {
		z.bits |= uint64(binary.LittleEndian.Uint32(next)) << z.n
		z.n += 32
		_, _ = z.in.Discard(4) // they are there
		return
	}
	for z.n >= 0 && z.n < 32 {
		b, err := z.in.ReadByte()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				z.err = err
			}
			return
		}
		z.bits |= uint64(b) << z.n
		z.n += 8
	}
}

func (z *inflater) step() {
	switch z.state {
	case inPacked:
		z.unpack()
	case inStored:
		from := z.w & (ring - 1)
		n := min(int64(z.stored), ring-from, window-512)
		if z.n > 0 { // these were read already
			n = min(n, 1)
			z.ring[from] = byte(z.take(8 * int(n))) //nolint:gosec // 8 bits
		} else if _, err := io.ReadFull(z.in, z.ring[from:from+n]); err != nil {
			z.err = io.ErrUnexpectedEOF
		}
		z.w += n
		if z.stored -= int(n); z.stored == 0 {
			z.state = betweenBlocks
		}
	case betweenBlocks:
		if z.last {
			z.state = ended
			return
		}
		z.last = z.take(1) == 1
		z.state = inPacked
		switch z.take(2) {
		case 0:
			z.take(z.n & 7)
			z.stored, z.state = z.take(16), inStored
			if z.take(16) != z.stored^0xffff {
				z.err = errDamaged
			}
		case 1:
			z.fixed()
		case 2:
			z.dynamic()
		default:
			z.err = errDamaged
		}
	}
}

// fixed has the codes of blocks that bring none.
func (z *inflater) fixed() {
	var lengths [288]byte
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	z.literal.build(lengths[:])
	for i := range 30 {
		lengths[i] = 5
	}
	z.distance.build(lengths[:30])
}

// dynamic reads the codes of a block.
func (z *inflater) dynamic() {
	literals, distances, codes := z.take(5)+257, z.take(5)+1, z.take(4)+4
	var lengths [320]byte
	for _, at := range "\x10\x11\x12\x00\x08\x07\x09\x06\x0a\x05\x0b\x04\x0c\x03\x0d\x02\x0e\x01\x0f"[:codes] {
		lengths[at] = byte(z.take(3)) //nolint:gosec // 3 bits
	}
	ok := z.literal.build(lengths[:19])
	clear(lengths[:19])
	for i := 0; ok && i < literals+distances; {
		length, times := z.symbol(&z.literal), 1
		switch length {
		case 16:
			if i == 0 {
				z.err = errDamaged
				return
			}
			length, times = int(lengths[i-1]), z.take(2)+3 //nolint:gosec // i is not 0
		case 17:
			length, times = 0, z.take(3)+3
		case 18:
			length, times = 0, z.take(7)+11
		}
		if length < 0 || i+times > literals+distances {
			z.err = errDamaged
			return
		}
		for range times {
			lengths[i] = byte(length)
			i++
		}
	}
	if !ok || lengths[256] == 0 || literals > 286 || !z.literal.build(lengths[:literals]) || !z.distance.build(lengths[literals:literals+distances]) {
		z.err = errDamaged
	}
}

// unpack unpacks symbols until enough can be read, or the block ends.
func (z *inflater) unpack() {
	for z.w-z.r < window-512 && z.n >= 0 {
		symbol := z.symbol(&z.literal)
		if symbol < 256 {
			if symbol < 0 {
				z.err = errDamaged
				return
			}
			z.ring[z.w&(ring-1)] = byte(symbol)
			z.w++
			continue
		}
		if symbol == 256 {
			z.state = betweenBlocks
			return
		}
		length := 258
		if symbol != 285 {
			length = z.measure(symbol-257, 4, 28) + 3
		}
		back := z.measure(z.symbol(&z.distance), 2, 30) + 1
		if length < 3 || back < 1 || int64(back) > z.w || back > window {
			z.err = errDamaged
			return
		}
		for range length {
			z.ring[z.w&(ring-1)] = z.ring[(z.w-int64(back))&(ring-1)]
			z.w++
		}
	}
}

// measure reads the length or distance that a symbol begins: of each size of extra bits there are some symbols. Where
// there is no such symbol it is far below nothing.
func (z *inflater) measure(symbol, each, all int) int {
	if symbol < 0 || symbol >= all {
		return -1 << 20
	}
	if symbol < 2*each {
		return symbol
	}
	extra := symbol/each - 1
	return (each+symbol%each)<<extra + z.take(extra)
}

// symbol reads a symbol; less than nothing: there is no such code.
func (z *inflater) symbol(h *huffman) int {
	const longest = 15
	if z.n < longest {
		z.fill()
	}
	if e := h.quick[z.bits&(1<<quick-1)]; e != 0 {
		z.bits >>= e & 15
		z.n -= int(e & 15)
		return int(e >> 4)
	}
	code, first, at := 0, 0, 0
	for length := 1; length <= longest; length++ {
		code |= int(z.bits >> (length - 1) & 1)
		count := int(h.count[length])
		if code-count < first {
			z.bits >>= length
			z.n -= length
			return int(h.symbols[at+code-first])
		}
		at += count
		first = (first + count) << 1
		code <<= 1
	}
	return -1
}

const quick = 9

// huffman is a set of codes.
type huffman struct {
	quick   [1 << quick]uint16 // by the next bits: the symbol, and in the lowest four bits the length of its code; 0: it is longer
	count   [16]uint16         // of codes, by length
	symbols [288]uint16        // in the order of their codes
}

// build makes codes of the lengths of each symbol's. It tells whether that can be; codes may be missing.
func (h *huffman) build(lengths []byte) bool {
	*h = huffman{}
	for _, l := range lengths {
		h.count[l]++
	}
	h.count[0] = 0
	left := 1
	var at, next [17]int
	for l := 1; l < 16; l++ {
		left = left<<1 - int(h.count[l])
		if left < 0 {
			return false
		}
		at[l+1] = at[l] + int(h.count[l])
		next[l+1] = (next[l] + int(h.count[l])) << 1
	}
	for symbol, l := range lengths {
		if l == 0 {
			continue
		}
		h.symbols[at[l]] = uint16(symbol)
		at[l]++
		if l <= quick {
			reversed := 0
			for i := range l {
				reversed |= next[l] >> i & 1 << (l - 1 - i)
			}
			for i := reversed; i < 1<<quick; i += 1 << l {
				h.quick[i] = uint16(symbol<<4) | uint16(l)
			}
		}
		next[l]++
	}
	return true
}

// gunzipper reads what gzip has packed (RFC 1952), of one or several members.
type gunzipper struct {
	inflater
	sum    checksum
	inside bool
	behind bool // the first member
}

func newGunzipper(r io.Reader) *gunzipper {
	return &gunzipper{inflater: inflater{in: bufio.NewReaderSize(r, 64<<10)}}
}

// Read unpacks, and checks what the end of each member says.
func (g *gunzipper) Read(p []byte) (int, error) {
	for {
		if !g.inside {
			if err := g.header(); err != nil {
				return 0, err
			}
			g.begin()
			g.sum.begin()
			g.inside = true
		}
		n, err := g.inflater.Read(p)
		g.sum.add(p[:n])
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		g.take(g.n & 7)
		if sum, size := g.take(32), g.take(32); uint32(sum) != g.sum.value() || uint32(size) != uint32(g.sum.size) || g.n < 0 { //nolint:gosec // 32 bits
			return 0, errDamaged
		}
		g.inside, g.behind = false, true
	}
}

// header reads the header of a member. What is behind the last one is no matter.
func (g *gunzipper) header() error {
	g.fill()
	if g.err == nil && g.behind && g.bits&0xffff != 0x8b1f {
		return io.EOF
	}
	const extra, name, comment, check = 4, 8, 16, 2
	magic, flags := g.take(24), g.take(8)
	g.take(32)
	g.take(16)
	if flags&extra != 0 {
		for range g.take(16) {
			g.take(8)
		}
	}
	for _, text := range []int{name, comment} {
		for flags&text != 0 && g.n >= 0 && g.take(8) != 0 {
		}
	}
	if flags&check != 0 {
		g.take(16)
	}
	if g.err == nil && (magic != 0x088b1f || g.n < 0) {
		return errDamaged
	}
	return g.err
}

// checksum is the CRC-32 that gzip and zip have.
type checksum struct {
	table [256]uint32
	crc   uint32
	size  int64
}

func (c *checksum) begin() {
	const polynomial = 0xedb88320
	for i := range c.table {
		v := uint32(i)
		for range 8 {
			v = v>>1 ^ polynomial&-(v&1)
		}
		c.table[i] = v
	}
	c.crc, c.size = ^uint32(0), 0
}

func (c *checksum) add(p []byte) {
	crc := c.crc
	for _, b := range p {
		crc = c.table[byte(crc)^b] ^ crc>>8 //nolint:gosec // the lowest byte is meant
	}
	c.crc = crc
	c.size += int64(len(p))
}

func (c *checksum) value() uint32 { return ^c.crc }
