//go:build !darwin

package view

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// accountOf finds the name and the number of a user or group in the target's own files: a static program has no other
// way to ask. (os/user would also believe $USER about the user it runs as.)
func accountOf(kind string, by int, value string) (name, id string, err error) {
	data, err := os.ReadFile(fileOf(kind))
	if errors.Is(err, fs.ErrNotExist) {
		data, err = []byte("root::0:\n"), nil // a container made from scratch
	}
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 4); len(fields) > byID && fields[by] == value {
			return fields[0], fields[2], nil
		}
	}
	return "", "", errNoAccount
}
