package bootstrap

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// DumpVariable is the environment variable that makes a controller and all its agents print where they stand, every so
// many seconds.
const DumpVariable = "RUNNER_DUMP_STACKS"

const (
	kept        = 3         // versions of the agent in a cache
	keptActions = 20        // executables of actions of the user's own
	stale       = time.Hour // after which a file that was being stored never will be
)

// Renew makes sure that an agent that was started from a cache is the one that it is called: the file may have been
// damaged since. If it is not, it is removed, and the script starts over, in place of this process. The arguments are
// those that the agent was started with, after the nonce. Renew returns if there is nothing to do.
func Renew(own *Own, nonce, list, mode string, restore []string) error {
	if mode != ModeCached {
		return nil
	}
	binary, err := own.Binary()
	if err != nil {
		return err
	}
	if _, name, _ := strings.Cut(list, "="); name == ShortHash(binary.Hash) {
		return nil
	}
	if self, err := os.Executable(); err == nil {
		_ = os.Remove(self) // what is stored next takes its place in any case
	}
	again := argv(nonce, list, ModeNew, restore)
	if err := syscall.Exec(again[0], again, os.Environ()); err != nil {
		return fmt.Errorf("cannot start over: %w", err)
	}
	return nil
}

// cachePrefix is what the names of cached agents begin with.
const cachePrefix = "agent-"

// Cache is the directory that this agent was started from, if that is one in which agents are cached; else "".
func Cache() string {
	self, err := os.Executable()
	if err != nil || !strings.HasPrefix(filepath.Base(self), cachePrefix) {
		return ""
	}
	return filepath.Dir(self)
}

// Tidy removes from the cache that this agent was started from what nobody needs any more: old versions, and files that
// were never completed. It fails in silence: nothing depends on it.
func Tidy(mode string) {
	self, err := os.Executable()
	if err != nil || mode == ModePath || Cache() == "" {
		return
	}
	tidy(self, time.Now())
}

func tidy(self string, now time.Time) {
	dir := filepath.Dir(self)
	opened, err := os.Open(dir)
	if err != nil {
		return
	}
	entries, err := opened.ReadDir(-1)
	_ = opened.Close()
	if err != nil {
		return
	}
	_ = os.Chtimes(self, now, now) // used last
	var versions, actions []string // by when they were used last, so that they can be sorted
	for _, e := range entries {
		info, err := e.Info()
		file := filepath.Join(dir, e.Name())
		switch {
		case err != nil || !info.Mode().IsRegular() || file == self:
		case strings.HasPrefix(e.Name(), ".new-") && now.Sub(info.ModTime()) > stale:
			_ = os.Remove(file)
		case strings.HasPrefix(e.Name(), cachePrefix):
			versions = append(versions, info.ModTime().UTC().Format("2006-01-02T15:04:05.000000000")+file)
		case strings.HasPrefix(e.Name(), "action-"):
			actions = append(actions, info.ModTime().UTC().Format("2006-01-02T15:04:05.000000000")+file)
		}
	}
	keepLast(versions, kept-1)
	keepLast(actions, keptActions)
}

func keepLast(files []string, most int) {
	slices.Sort(files)
	for _, old := range files[:max(len(files)-most, 0)] {
		_ = os.Remove(old[strings.Index(old, "/"):])
	}
}
