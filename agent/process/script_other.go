//go:build !linux

package process

import "os"

// scriptFile puts a script into a file that only this user can read and that its Close removes: these systems show a
// process no descriptors but its own.
func scriptFile(script []byte) (*os.File, string, error) {
	f, err := os.CreateTemp("", ".runner-script-")
	if err != nil {
		return nil, "", err
	}
	if _, err := f.Write(script); err != nil {
		closeScript(f)
		return nil, "", err
	}
	return f, f.Name(), nil
}

func closeScript(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

// Program makes content something that can be started, by its own first line if it is a script: path is what to start,
// until it is released. Here it is a private file.
func Program(content []byte) (path string, release func(), err error) { return privateFile(content) }
