package process

import (
	"os"
	"syscall"
)

// streams are both ends of a new process's descriptors. Its own ends block, as programs expect; ours do not.
type streams struct {
	child                 []uintptr // its descriptors, by number
	stdin, stdout, stderr *os.File  // our ends; stdin is nil where it reads /dev/null
	script                *os.File
	path                  string // where the program finds the script

	theirs []*os.File // their ends, closed once the process has them
}

// newStreams makes a pipe for each standard stream, but for an input that nobody would write to.
func newStreams(script []byte, input bool, terminal *os.File) (*streams, error) {
	s := &streams{}
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
		s.child = append(s.child, terminal.Fd())
	}
	return nil
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
