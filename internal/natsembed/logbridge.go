package natsembed

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// logBridge hands the server's log lines to slog and remembers the first fatal one. The server expects that its logger
// ends the process on Fatalf; here Start returns it as an error.
type logBridge struct {
	log   *slog.Logger
	mu    sync.Mutex
	fatal string
}

func (b *logBridge) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fatal == "" {
		return nil
	}
	return errors.New(b.fatal)
}

// line makes one line of what the server indents and decorates for a terminal.
func line(format string, args []any) string {
	return strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
}

// Fatalf implements server.Logger.
func (b *logBridge) Fatalf(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fatal == "" {
		b.fatal = line(format, args)
	}
}

// Errorf implements server.Logger.
func (b *logBridge) Errorf(format string, args ...any) {
	b.log.Error("nats", "event", line(format, args))
}

// Warnf implements server.Logger.
func (b *logBridge) Warnf(format string, args ...any) {
	b.log.Warn("nats", "event", line(format, args))
}

// Noticef implements server.Logger.
func (b *logBridge) Noticef(format string, args ...any) {
	b.log.Debug("nats", "event", line(format, args))
}

// Debugf implements server.Logger.
func (b *logBridge) Debugf(format string, args ...any) {
	b.log.Debug("nats", "event", line(format, args))
}

// Tracef implements server.Logger. A trace shows messages and therefore goes nowhere.
func (b *logBridge) Tracef(string, ...any) {}
