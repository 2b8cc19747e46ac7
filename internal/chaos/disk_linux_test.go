package chaos

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

var errNoMount = errors.New("only root can mount a small disk")

// mountSmall mounts a file system in memory of so many MiB.
func mountSmall(dir string, megabytes int) error {
	if os.Geteuid() != 0 {
		return errNoMount
	}
	return unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+strconv.Itoa(megabytes)+"m,mode=0711")
}

func unmount(dir string) error { return unix.Unmount(dir, unix.MNT_DETACH) }

// small reports whether dir is a disk of its own that can be filled.
func small(dir string) bool {
	var here, above unix.Stat_t
	if unix.Stat(dir, &here) != nil || unix.Stat(filepath.Dir(dir), &above) != nil {
		return false
	}
	return here.Dev != above.Dev
}

// fill takes all that is left of a disk and returns how to give it back.
func fill(dir string) (empty func(), err error) {
	path := filepath.Join(dir, "filler")
	empty = func() { _ = os.Remove(path) }
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return empty, err
	}
	defer func() { _ = f.Close() }()
	block := make([]byte, 1<<20)
	for size := len(block); size >= 512; size /= 2 {
		for {
			if _, err := f.Write(block[:size]); err != nil {
				break
			}
		}
	}
	return empty, nil
}
