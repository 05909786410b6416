// Package build says which runner this is. Its neighbour is cmd/runner/cli, which prints it.
package build

import "runtime/debug"

// version and commit are written by the linker: -X runner/cmd/runner/build.version=1.2.3 and the like.
var version, commit string //nolint:gochecknoglobals // the linker can set nothing else; nothing here changes them

// development is the version of a build that was given none.
const development = "0.1.0-dev"

// Version returns the version, such as 0.1.0.
func Version() string {
	if version == "" {
		return development
	}
	return version
}

// Commit returns the commit that this was built from, or "unknown".
func Commit() string {
	if commit != "" {
		return commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	found, modified := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			found = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+changes"
		}
	}
	return found + modified
}
