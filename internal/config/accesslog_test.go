package config_test

import (
	"strings"
	"testing"
	"time"

	"phoneregistry/internal/config"
)

func TestAccessLogCheck(t *testing.T) {
	for name, c := range map[string]struct {
		set   config.AccessLog
		wrong string
	}{
		"defaults":        {config.AccessLog{AccessLogKeep: 17520 * time.Hour, AccessLogSpoolBytes: 256 << 20, BulkRevealAbove: 1000}, ""},
		"nothing told":    {config.AccessLog{}, ""},
		"kept too short":  {config.AccessLog{AccessLogKeep: time.Hour}, "--access-log-keep"},
		"kept for less":   {config.AccessLog{AccessLogKeep: -24 * time.Hour}, "--access-log-keep"},
		"a small spool":   {config.AccessLog{AccessLogSpoolBytes: 1000}, "--access-log-spool-bytes"},
		"a negative line": {config.AccessLog{BulkRevealAbove: -1}, "--bulk-reveal-above"},
	} {
		s := good()
		s.AccessLog = c.set
		err := s.Check()
		if (err == nil) != (c.wrong == "") || err != nil && !strings.HasPrefix(err.Error(), c.wrong+" ") {
			t.Errorf("%s: %v; want %q", name, err, c.wrong)
		}
	}
}
