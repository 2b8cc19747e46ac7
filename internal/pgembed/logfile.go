package pgembed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// maxLog bounds postgres.log in bytes; what was in it moves to postgres.log.1 then.
const maxLog = 8 << 20

// openLog opens the log for appending. PostgreSQL inherits the open file, and so keeps writing when this server dies.
func (l layout) openLog() (*os.File, error) {
	file, err := os.OpenFile(l.log(), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of PostgreSQL: %w", err)
	}
	return file, nil
}

// trimLog moves the log aside when it has outgrown limit bytes. It copies and empties the file instead of renaming it:
// PostgreSQL holds it open, in append mode, and goes on writing at the new end.
func (l layout) trimLog(limit int64) error {
	file, err := l.openLog()
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("trim log of PostgreSQL: %w", err)
	}
	if info.Size() <= limit {
		return nil
	}
	old, err := os.OpenFile(l.log()+".1", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("trim log of PostgreSQL: %w", err)
	}
	_, err = io.Copy(old, io.NewSectionReader(file, info.Size()-limit, limit))
	if err := errors.Join(err, old.Close(), file.Truncate(0)); err != nil {
		return fmt.Errorf("trim log of PostgreSQL: %w", err)
	}
	return nil
}

// logSince returns the last lines that PostgreSQL wrote after offset, for an error message.
func (l layout) logSince(offset int64) string {
	file, err := os.Open(l.log())
	if err != nil {
		return "its log cannot be read"
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.NewSectionReader(file, offset, 64<<10))
	if err != nil {
		return "its log cannot be read"
	}
	return lastLines(string(content), 3)
}

// lastLines joins the last n lines that say why a program gave up, without their time stamps.
func lastLines(text string, n int) string {
	chatter := []string{"starting PostgreSQL", "listening on", "database system"} // at every start and stop
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		for _, severity := range []string{"LOG: ", "FATAL: ", "PANIC: ", "HINT: ", "ERROR: "} {
			if at := strings.Index(line, severity); at >= 0 {
				line = strings.TrimSpace(line[at+len(severity):])
				break
			}
		}
		if line != "" && !slices.ContainsFunc(chatter, func(c string) bool { return strings.HasPrefix(line, c) }) {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return "it gave no reason"
	}
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
