package sources

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"runner/agent/disk"
)

var (
	errEncrypted = errors.New("it is encrypted")
	errMethod    = errors.New("it is packed in another way than stored or deflated")
)

// readZip gives the entries of a zip archive one after the other, each with its content (APPNOTE.TXT of PKWARE, with Zip64).
func readZip(r io.ReaderAt, size int64, each func(m member, content io.Reader) error) error {
	at, length, err := directory(r, size)
	if err != nil {
		return err
	}
	central := bufio.NewReader(io.NewSectionReader(r, at, length))
	z := &inflater{}
	for length > 0 {
		var h [46]byte
		if _, err := io.ReadFull(central, h[:]); err != nil || string(h[:4]) != "PK\x01\x02" {
			return errDamaged
		}
		u16, u32 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
		name, extra, comment := int(u16(h[28:])), int(u16(h[30:])), int(u16(h[32:]))
		more := make([]byte, name+extra+comment)
		if _, err := io.ReadFull(central, more); err != nil {
			return errDamaged
		}
		length -= int64(len(h) + len(more))
		f := packed{
			member: member{name: string(more[:name]), size: int64(u32(h[24:])), kind: disk.Regular, perm: 0o644},
			method: u16(h[10:]), crc: u32(h[16:]), size: int64(u32(h[20:])), at: int64(u32(h[42:])),
		}
		f.extra(more[name : name+extra])
		if u16(h[8:])&1 != 0 {
			return errEncrypted
		}
		const unix, dosDirectory = 3, 0x10
		if mode := u32(h[38:]) >> 16; h[5] == unix && mode != 0 {
			f.perm, f.kind = mode&0o7777, modeKind(mode)
		} else if h[38]&dosDirectory != 0 || strings.HasSuffix(f.name, "/") {
			f.perm, f.kind = 0o755, disk.Directory
		}
		if err := f.give(r, z, each); err != nil {
			return err
		}
	}
	return nil
}

func modeKind(mode uint32) disk.Kind {
	switch mode >> 12 {
	case 8, 0:
		return disk.Regular
	case 4:
		return disk.Directory
	case 10:
		return disk.Link
	}
	return disk.Unknown
}

// directory finds the central directory.
func directory(r io.ReaderAt, size int64) (at, length int64, err error) {
	const end, mostComment = 22, 1 << 16
	tail := make([]byte, min(size, end+mostComment))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, err
	}
	i := bytes.LastIndex(tail[:max(0, len(tail)-end+4)], []byte("PK\x05\x06"))
	if i < 0 || len(tail)-i < end {
		return 0, 0, errDamaged
	}
	at, length = int64(binary.LittleEndian.Uint32(tail[i+16:])), int64(binary.LittleEndian.Uint32(tail[i+12:]))
	if i >= 20 && string(tail[i-20:i-16]) == "PK\x06\x07" { // there are more numbers, with more digits
		var big [56]byte
		if _, err := r.ReadAt(big[:], int64(binary.LittleEndian.Uint64(tail[i-12:])&^(1<<63))); err != nil || string(big[:4]) != "PK\x06\x06" { //nolint:gosec // no sign remains
			return 0, 0, errDamaged
		}
		at, length = int64(binary.LittleEndian.Uint64(big[48:])), int64(binary.LittleEndian.Uint64(big[40:])) //nolint:gosec // checked below
	}
	if at < 0 || length < 0 || at > size || length > size-at {
		return 0, 0, errDamaged
	}
	return at, length, nil
}

// packed is an entry with where its content is.
type packed struct {
	member
	method uint16
	crc    uint32
	size   int64 // packed
	at     int64 // of the header before it
}

// extra takes the sizes that have no room in the header, and the time.
func (f *packed) extra(fields []byte) {
	for len(fields) >= 4 {
		id, n := binary.LittleEndian.Uint16(fields), int(binary.LittleEndian.Uint16(fields[2:]))
		fields = fields[4:]
		field := fields[:min(n, len(fields))]
		fields = fields[len(field):]
		switch id {
		case 1:
			for _, number := range []*int64{&f.member.size, &f.size, &f.at} {
				if *number == 1<<32-1 && len(field) >= 8 {
					*number = int64(binary.LittleEndian.Uint64(field)) //nolint:gosec // give refuses what is less than nothing
					field = field[8:]
				}
			}
		case 0x5455:
			if len(field) >= 5 && field[0]&1 != 0 {
				f.modified = int64(binary.LittleEndian.Uint32(field[1:]))
			}
		}
	}
}

func (f *packed) give(r io.ReaderAt, z *inflater, each func(m member, content io.Reader) error) error {
	var h [30]byte
	if f.at < 0 || f.size < 0 || f.member.size < 0 {
		return errDamaged
	}
	if _, err := r.ReadAt(h[:], f.at); err != nil || string(h[:4]) != "PK\x03\x04" {
		return errDamaged
	}
	at := f.at + int64(len(h)) + int64(binary.LittleEndian.Uint16(h[26:])) + int64(binary.LittleEndian.Uint16(h[28:]))
	var content io.Reader = io.NewSectionReader(r, at, f.size)
	switch f.method {
	case 0:
	case 8:
		*z = inflater{in: bufio.NewReader(content)}
		content = z
	default:
		return errMethod
	}
	checked := &checked{r: io.LimitReader(content, f.member.size+1), size: f.member.size, crc: f.crc}
	checked.sum.begin()
	content = checked
	if f.kind != disk.Regular {
		said, err := io.ReadAll(io.LimitReader(content, maxMeta))
		if err != nil {
			return err
		}
		f.link, f.member.size = string(said), 0
		if f.kind != disk.Link {
			f.link = ""
		}
	}
	return each(f.member, content)
}

// checked reads a content that must have a size and a checksum.
type checked struct {
	r    io.Reader
	sum  checksum
	size int64
	crc  uint32
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum.add(p[:n])
	if errors.Is(err, io.EOF) && (c.sum.size != c.size || c.sum.value() != c.crc) {
		err = errDamaged
	}
	return n, err
}
