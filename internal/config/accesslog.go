package config

import (
	"strconv"
	"time"
)

// AccessLog says how it is kept who saw whole numbers.
type AccessLog struct {
	AccessLogKeep       time.Duration `name:"access-log-keep" help:"How long entries of the access log are kept; 0 for ever. Default: two years." default:"17520h" placeholder:"SPAN"`
	AccessLogSpoolBytes int64         `name:"access-log-spool-bytes" help:"How much of the access log may wait in DIR/access-log for PostgreSQL; beyond that whole numbers are not shown." default:"268435456" placeholder:"BYTES"`
	AccessLogSync       bool          `name:"access-log-sync" help:"Answers that show whole numbers wait until the disk has their entry, so that a power cut loses none; several wait for one sync."`
	BulkRevealAbove     int64         `name:"bulk-reveal-above" help:"Whole numbers that one caller may see within an hour on one server before a warning is logged and counted." default:"1000" placeholder:"N"`
}

// Least values that make sense.
const (
	minAccessLogKeep  = 24 * time.Hour
	minAccessLogSpool = 1 << 20
)

func (a *AccessLog) check() error {
	if a.AccessLogKeep != 0 && a.AccessLogKeep < minAccessLogKeep {
		return &Error{"--access-log-keep", a.AccessLogKeep.String(), "must be 24h or more, or 0 to keep it for ever"}
	}
	if a.AccessLogSpoolBytes != 0 && a.AccessLogSpoolBytes < minAccessLogSpool {
		return &Error{"--access-log-spool-bytes", strconv.FormatInt(a.AccessLogSpoolBytes, 10), "must be at least 1048576"}
	}
	if a.BulkRevealAbove < 0 {
		return &Error{"--bulk-reveal-above", strconv.FormatInt(a.BulkRevealAbove, 10), "must be at least 1"}
	}
	return nil
}
