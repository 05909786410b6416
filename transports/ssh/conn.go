package ssh

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxForeword is how many bytes a server may send before its version: far more than any banner, and an end to a
	// server that sends without one.
	maxForeword = 4 << 20
	// maxKept is how much of a banner is kept for quotes.
	maxKept = 64 << 10
	// maxVersion is the longest version line, without its end (RFC 4253, section 4.2).
	maxVersion = 253
)

// errNoVersion tells that the connection ended, or too much came, before the server's version.
var errNoVersion = errors.New("no SSH version from the server")

// meter stands between a byte stream and the SSH library. It counts bytes, knows when something was last heard, and
// takes away what the server says before its version: the library would give up on long lines, reads them byte by byte,
// and could not tell what they were.
type meter struct {
	net.Conn
	sent, received atomic.Int64
	heard          atomic.Int64 // of time.Now().UnixNano()
	broken         atomic.Bool  // a read failed, or there is no more to read
	phase          atomic.Int32

	version  bool   // it has come; only the reader uses this and head
	head     []byte // read but not yet handed on
	foreword kept
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.Conn.Write(p)
	m.sent.Add(int64(n))
	return n, err
}

func (m *meter) Read(p []byte) (int, error) {
	if !m.version {
		if err := m.readVersion(); err != nil {
			return 0, err
		}
	}
	if len(m.head) > 0 {
		n := copy(p, m.head)
		m.head = m.head[n:]
		return n, nil
	}
	return m.fill(p)
}

func (m *meter) fill(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	if n > 0 {
		m.received.Add(int64(n))
		m.heard.Store(time.Now().UnixNano())
	}
	if err != nil {
		m.broken.Store(true)
	}
	return n, err
}

// readVersion reads up to the end of the version line and leaves it, with what came behind it, in head.
func (m *meter) readVersion() error {
	var line []byte // begins where a line begins
	buf := make([]byte, 4<<10)
	skipping := false // in a line that is too long to be a version
	for total := 0; total < maxForeword; {
		n, err := m.fill(buf)
		total += n
		line = append(line, buf[:n]...)
		for {
			end := bytes.IndexByte(line, '\n')
			if end < 0 {
				break
			}
			if !skipping && bytes.HasPrefix(line, []byte("SSH-")) {
				m.version, m.head = true, line
				m.phase.Store(int32(phaseKeyExchange))
				return nil
			}
			m.foreword.keep(line[:end+1])
			line, skipping = line[end+1:], false
		}
		if len(line) > maxVersion && (skipping || !bytes.HasPrefix(line, []byte("SSH-"))) {
			m.foreword.keep(line)
			line, skipping = line[:0], true
		}
		if len(line) > 2*maxVersion {
			break
		}
		if err != nil {
			m.foreword.keep(line)
			return errors.Join(errNoVersion, noEOF(err))
		}
	}
	return errNoVersion
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// kept is the beginning of a text, up to maxKept bytes.
type kept struct {
	mu   sync.Mutex
	data []byte
}

func (k *kept) keep(p []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.data = append(k.data, p[:min(len(p), maxKept-len(k.data))]...)
}

func (k *kept) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return string(k.data)
}

// quote returns the last words kept, for an error.
func (k *kept) quote() string { return clip(strings.TrimSpace(k.String())) }
