// Package record keeps what runs do, as they do it, in a database in the user's state directory: for history, for looking
// at a run later, and for going on with one. What a run tells are the events of executor/event, its neighbour; they are
// kept as they are. It shows nothing and loads no site.
//
// What was committed outlives the end of the process, however it ends; a power failure can cost the last moments. Many
// processes can write at the same time. A run that is under way holds a lock, which ends with its process.
package record

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// version is that of the schema. A database of a later one is left alone.
const version = 1

// schema is what a new database gets. Times are nanoseconds since 1970.
const schema = `
create table runs (
	n       integer primary key,
	id      text not null unique,
	began   integer not null,
	ended   integer,
	status  text not null default '',
	start   blob not null,
	source  blob,
	resumes text not null,
	finish  blob
) strict;
create unique index resumed_runs on runs(resumes) where resumes <> '';
create table events (
	seq     integer primary key,
	run     integer not null references runs(n) on delete cascade,
	host    text not null,
	body    blob not null
) strict;
create index events_of_run on events(run, seq);
create index events_of_host on events(host, run) where host <> '';
`

// Store is the database of one user. It is safe for concurrent use.
type Store struct {
	dir string
	db  *sql.DB
}

// VersionError tells that the database was written by a later runner.
type VersionError struct {
	Path    string
	Version int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s was written by a later runner (format %d; this one knows %d)", e.Path, e.Version, version)
}

// Open opens the database in a directory, and makes both if they are not there. It has to be closed.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, "running"), 0o700); err != nil { //nolint:gosec // the user's own directory
		return nil, fmt.Errorf("cannot keep records: %w", err)
	}
	name := filepath.Join(dir, "runs.db")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the user's own; SQLite would make it readable for others
	if err != nil {
		return nil, fmt.Errorf("cannot keep records: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("cannot keep records: %w", err)
	}
	s := &Store{dir: dir}
	source := url.URL{Scheme: "file", Path: name, RawQuery: url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(wal)", "synchronous(normal)", "foreign_keys(on)", "auto_vacuum(incremental)",
	}, "_txlock": {"immediate"}}.Encode()}
	if s.db, err = sql.Open("sqlite", source.String()); err != nil {
		return nil, fmt.Errorf("cannot keep records in %s: %w", name, err)
	}
	s.db.SetMaxOpenConns(1)
	if err := s.migrate(name); err != nil {
		s.db.Close() //nolint:errcheck // the first error counts
		return nil, err
	}
	return s, nil
}

// migrate makes the tables.
func (s *Store) migrate(name string) error {
	tx, err := s.db.Begin()
	if err != nil {
		return fmt.Errorf("cannot keep records in %s: %w", name, err)
	}
	defer tx.Rollback() //nolint:errcheck // it was committed when all went well
	var is int
	if err := tx.QueryRow("pragma user_version").Scan(&is); err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	switch {
	case is == version:
		return nil
	case is > version:
		return &VersionError{Path: name, Version: is}
	}
	if _, err := tx.Exec(schema + fmt.Sprintf("pragma user_version = %d;", version)); err != nil {
		return fmt.Errorf("cannot keep records in %s: %w", name, err)
	}
	return tx.Commit()
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Key returns what sensitive values are made unreadable with: 32 bytes that only this directory has.
func (s *Store) Key() ([]byte, error) {
	name := filepath.Join(s.dir, "key")
	key, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, keySize)
		rand.Read(key)
		err = create(name, key)
		if errors.Is(err, fs.ErrExist) { // another one was faster
			key, err = os.ReadFile(name)
		}
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot keep records: %w", err)
	case len(key) != keySize:
		return nil, fmt.Errorf("cannot keep records: %s has %d bytes instead of %d", name, len(key), keySize)
	}
	return key, nil
}

const keySize = 32

// create makes a file that appears whole, unless it is there.
func create(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // its other name stays
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), name)
}

// Limits say what is pruned.
type Limits struct {
	Age  time.Duration // of the end of a run
	Size int64         // bytes of the database
}

// DefaultLimits are those that hold when nobody says otherwise.
func DefaultLimits() Limits {
	const day = 24 * time.Hour
	return Limits{Age: 90 * day, Size: 512 << 20}
}

// Prune removes runs that are older, and the oldest until the database is small enough. Those under way stay. It returns
// how many it has removed.
func (s *Store) Prune(l Limits, now time.Time) (removed int, err error) {
	for stay := 0; ; {
		size, err := s.size()
		if err != nil {
			return removed, err
		}
		var n, last int64
		var id string
		row := s.db.QueryRow("select n, id, coalesce(ended, began) from runs order by began, n limit 1 offset ?", stay)
		switch err := row.Scan(&n, &id, &last); {
		case errors.Is(err, sql.ErrNoRows):
			return removed, nil
		case err != nil:
			return removed, fmt.Errorf("cannot prune the records: %w", err)
		}
		if size <= l.Size && now.Sub(time.Unix(0, last)) <= l.Age {
			return removed, nil
		}
		if s.isHeld(id) {
			stay++
			continue
		}
		if _, err := s.db.Exec("delete from runs where n = ?", n); err != nil {
			return removed, fmt.Errorf("cannot remove the record of run %s: %w", id, err)
		}
		if _, err := s.db.Exec("pragma incremental_vacuum"); err != nil {
			return removed, fmt.Errorf("cannot prune the records: %w", err)
		}
		_ = os.Remove(s.lockName(id)) // of one that was killed
		removed++
	}
}

// size is how large the database is, in bytes.
func (s *Store) size() (int64, error) {
	var pages, free, page int64
	for query, to := range map[string]*int64{"pragma page_count": &pages, "pragma freelist_count": &free, "pragma page_size": &page} {
		if err := s.db.QueryRow(query).Scan(to); err != nil {
			return 0, fmt.Errorf("cannot measure the records: %w", err)
		}
	}
	return (pages - free) * page, nil
}
