package sources

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"runner/agent/disk"
)

// member is one entry of an archive, as the archive says.
type member struct {
	name     string
	kind     disk.Kind // a Link says link; Unknown is what no archive should have
	link     string    // of a Link, or of a Regular that is one more name of what another entry is (a hard link)
	perm     uint32
	size     int64
	modified int64 // seconds since 1970; 0: it does not say
}

// maxMeta is how much may be said of one entry beside its header, in bytes.
const maxMeta = 1 << 20

var errSparse = errors.New("it has sparse files in a form that is not known here")

// readTar gives the entries of a tar archive one after the other, each with its content: ustar, pax (POSIX 1003.1-2001) and
// GNU's long names.
func readTar(r io.Reader, each func(m member, content io.Reader) error) error {
	var block [512]byte
	extended, global := map[string]string{}, map[string]string{}
	for {
		_, err := io.ReadFull(r, block[:])
		if errors.Is(err, io.EOF) || err == nil && block == [512]byte{} {
			_, err = io.Copy(io.Discard, r) // what packed it may check the rest
			return err
		}
		if err != nil || !isTar(block[:]) {
			return cmpErr(err, errDamaged)
		}
		m := member{
			name: text(block[:100]), perm: uint32(number(block[100:108])) & 0o7777, link: text(block[157:257]), //nolint:gosec // as many bits remain
			size: number(block[124:136]), modified: number(block[136:148]),
		}
		if prefix := text(block[345:500]); prefix != "" && string(block[257:263]) == "ustar\x00" {
			m.name = prefix + "/" + m.name
		}
		kind := block[156]
		if m.size < 0 {
			return errDamaged
		}
		if strings.IndexByte("xgLK", kind) >= 0 {
			if m.size > maxMeta {
				return errDamaged
			}
			meta := make([]byte, (m.size+511)&^511)
			if _, err := io.ReadFull(r, meta); err != nil {
				return cmpErr(nil, errDamaged)
			}
			meta = meta[:m.size]
			switch kind {
			case 'x':
				err = records(meta, extended)
			case 'g':
				err = records(meta, global)
			case 'L':
				extended["path"] = text(meta)
			case 'K':
				extended["linkpath"] = text(meta)
			}
			if err != nil {
				return err
			}
			continue
		}
		for _, said := range []map[string]string{global, extended} {
			if err := m.take(said); err != nil {
				return err
			}
		}
		extended = map[string]string{}
		if m.kind = kindOf(kind); m.kind == disk.Regular && kind != '1' {
			m.link = ""
			if strings.HasSuffix(m.name, "/") { // as old archives mark them
				m.kind = disk.Directory
			}
		} else if kind == 'S' {
			return errSparse
		}
		if m.kind != disk.Regular || kind == '1' {
			m.size = 0
		}
		content := &io.LimitedReader{R: r, N: m.size}
		if err := each(m, content); err != nil {
			return err
		}
		rest := content.N + (512-m.size&511)&511
		if n, err := io.Copy(io.Discard, io.LimitReader(r, rest)); err != nil || n < rest {
			return cmpErr(err, io.ErrUnexpectedEOF)
		}
	}
}

// cmpErr is the first error, or the second where there is none, or only the end.
func cmpErr(err, other error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return other
	}
	return err
}

func kindOf(kind byte) disk.Kind {
	switch kind {
	case '0', 0, '7', '1':
		return disk.Regular
	case '2':
		return disk.Link
	case '5':
		return disk.Directory
	case '3':
		return disk.CharDevice
	case '4':
		return disk.BlockDevice
	case '6':
		return disk.Pipe
	}
	return disk.Unknown
}

// isTar tells whether a block is a header, by its checksum.
func isTar(block []byte) bool {
	sum := int64(8 * ' ')
	for i, b := range block {
		if i < 148 || i >= 156 {
			sum += int64(b)
		}
	}
	return number(block[148:156]) == sum
}

func text(field []byte) string {
	before, _, _ := bytes.Cut(field, []byte{0})
	return string(before)
}

// number is octal, or, where the first bit is set, binary (GNU's form of large ones). -1: it is none.
func number(field []byte) int64 {
	if field[0]&0x80 != 0 {
		n := int64(field[0] & 0x3f)
		for _, b := range field[1:] {
			if n >= 1<<47 {
				return -1
			}
			n = n<<8 | int64(b)
		}
		return n
	}
	s := strings.Trim(text(field), " ")
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 8, 64)
	if err != nil {
		return -1
	}
	return n
}

// records reads what pax says: lines of "LENGTH NAME=VALUE".
func records(meta []byte, into map[string]string) error {
	for len(meta) > 0 {
		length, _, ok := bytes.Cut(meta, []byte(" "))
		n, err := strconv.Atoi(string(length))
		if !ok || err != nil || n <= len(length)+1 || n > len(meta) || meta[n-1] != '\n' {
			return errDamaged
		}
		name, value, ok := strings.Cut(string(meta[len(length)+1:n-1]), "=")
		if !ok {
			return errDamaged
		}
		if strings.HasPrefix(name, "GNU.sparse.") {
			return errSparse
		}
		into[name] = value
		meta = meta[n:]
	}
	return nil
}

// take takes what pax says of an entry.
func (m *member) take(said map[string]string) (err error) {
	if v := said["path"]; v != "" {
		m.name = v
	}
	if v := said["linkpath"]; v != "" {
		m.link = v
	}
	if v := said["size"]; v != "" {
		if m.size, err = strconv.ParseInt(v, 10, 64); err != nil || m.size < 0 {
			return errDamaged
		}
	}
	if v, _, _ := strings.Cut(said["mtime"], "."); v != "" {
		if m.modified, err = strconv.ParseInt(v, 10, 64); err != nil {
			return errDamaged
		}
	}
	return nil
}
