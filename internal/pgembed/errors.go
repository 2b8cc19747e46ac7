package pgembed

import "errors"

// What a person can put right. Each is wrapped in one line that names the folder or program and what to do; match
// with errors.Is. For ErrInUse, errors.As with *dirlock.HeldError gives the process id of the holder.
var (
	// ErrNoBinaries: no PostgreSQL server of a supported version on this machine.
	ErrNoBinaries = errors.New("no PostgreSQL server found")
	// ErrInUse: another process of phoneregistry holds the data directory.
	ErrInUse = errors.New("data directory in use")
	// ErrForeignOwner: the data directory belongs to another user.
	ErrForeignOwner = errors.New("data directory of another user")
	// ErrNotEnterable: the user that PostgreSQL runs as cannot enter a folder above the data directory.
	ErrNotEnterable = errors.New("data directory out of reach for PostgreSQL")
	// ErrVersion: the data was written by a major version of PostgreSQL that is not installed here.
	ErrVersion = errors.New("data of another PostgreSQL version")
	// ErrNotACluster: the folder for the data holds files, but not PostgreSQL's.
	ErrNotACluster = errors.New("not a PostgreSQL data directory")
	// ErrStart: PostgreSQL was started and gave up, or did not get ready in time.
	ErrStart = errors.New("PostgreSQL did not start")
	// ErrNotRunning: nothing serves the data directory (RunningURL).
	ErrNotRunning = errors.New("PostgreSQL is not running")
)
