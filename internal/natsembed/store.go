package natsembed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

func lockPath(dir string) string      { return filepath.Join(dir, "lock") }
func jetStreamPath(dir string) string { return filepath.Join(dir, server.JetStreamStoreDir) }
func streamsPath(dir string) string   { return filepath.Join(jetStreamPath(dir), "$G", "streams") }
func damagedPath(dir string) string   { return filepath.Join(dir, "damaged") }

// damaged names the streams that lie in the store and that the running server does not have: it skips those that it
// cannot read, with a line in its log.
func (s *Server) damaged() ([]string, error) {
	entries, err := os.ReadDir(streamsPath(s.config.StoreDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	served, err := s.nats.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	known := map[string]bool{}
	for _, account := range served.AccountDetails {
		for _, stream := range account.Streams {
			known[stream.Name] = true
		}
	}
	var missing []string
	for _, entry := range entries {
		// A leading dot marks what the server is about to delete.
		if name := entry.Name(); entry.IsDir() && !strings.HasPrefix(name, ".") && !known[name] {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

func damageError(dir string, streams []string) error {
	return fmt.Errorf("%w: %s cannot be read; move %s away, its messages are published anew from the database",
		ErrDamaged, strings.Join(streams, ", "), filepath.Join(streamsPath(dir), "{"+strings.Join(streams, ",")+"}"))
}

// setAside moves streams out of the store. An earlier one of the same name gives way: it was kept for a look, no more.
func setAside(dir string, streams []string) error {
	if err := os.MkdirAll(damagedPath(dir), 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrStore, err)
	}
	for _, name := range streams {
		target := filepath.Join(damagedPath(dir), name)
		if err := os.RemoveAll(target); err != nil {
			return fmt.Errorf("%w: %w", ErrStore, err)
		}
		if err := os.Rename(filepath.Join(streamsPath(dir), name), target); err != nil {
			return fmt.Errorf("%w: %w", ErrStore, err)
		}
	}
	return nil
}
