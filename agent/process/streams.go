package process

import (
	"fmt"
	"os"
	"syscall"
)

// streams are both ends of a new process's descriptors. Its own ends block, as programs expect; ours do not.
type streams struct {
	child                 []uintptr // its descriptors, by number
	ctty                  int       // which of them is its controlling terminal; -1: it has none
	stdin, stdout, stderr *os.File  // our ends; stdin is nil where it reads /dev/null, all are at a terminal
	script                *os.File
	path                  string // where the program finds the script

	theirs []*os.File // their ends, closed once the process has them
}

// newStreams makes a pipe for each standard stream, but for an input that nobody would write to.
func newStreams(script []byte, input bool, terminal *os.File) (*streams, error) {
	s := &streams{ctty: -1}
	if err := s.make(script, input, terminal); err != nil {
		s.closeTheirs()
		s.closeOurs()
		return nil, err
	}
	return s, nil
}

func (s *streams) make(script []byte, input bool, terminal *os.File) (err error) {
	var theirs *os.File
	if input {
		theirs, s.stdin, err = os.Pipe()
	} else {
		theirs, err = os.Open(os.DevNull)
	}
	if err != nil {
		return err
	}
	s.give(theirs)
	if s.stdout, theirs, err = os.Pipe(); err != nil {
		return err
	}
	s.give(theirs)
	if s.stderr, theirs, err = os.Pipe(); err != nil {
		return err
	}
	s.give(theirs)
	if script != nil {
		if s.script, s.path, err = scriptFile(script); err != nil {
			return err
		}
	}
	if terminal != nil {
		s.ctty = len(s.child)
		s.child = append(s.child, terminal.Fd())
	}
	return nil
}

// terminalStreams makes all three standard streams one terminal, which it closes once the process has it.
func terminalStreams(terminal *os.File) *streams {
	fd := terminal.Fd()
	return &streams{child: []uintptr{fd, fd, fd}, theirs: []*os.File{terminal}}
}

// held are the links by which a process shows that it holds one of these streams, where the system shows that.
func (s *streams) held() []string {
	if s.stdout == nil {
		return []string{s.theirs[0].Name()}
	}
	return []string{fmt.Sprintf("pipe:[%d]", inode(s.stdout)), fmt.Sprintf("pipe:[%d]", inode(s.stderr))}
}

func (s *streams) give(f *os.File) {
	s.theirs = append(s.theirs, f)
	s.child = append(s.child, f.Fd()) // Fd makes it block
}

func (s *streams) closeTheirs() {
	for _, f := range s.theirs {
		_ = f.Close()
	}
}

func (s *streams) closeOurs() {
	for _, f := range []*os.File{s.stdin, s.stdout, s.stderr} {
		if f != nil {
			_ = f.Close()
		}
	}
	if s.script != nil {
		closeScript(s.script)
	}
}

// inode tells pipes apart.
func inode(f *os.File) uint64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Ino) //nolint:unconvert // its type differs between systems
	}
	return 0
}
