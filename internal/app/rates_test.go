package app

import (
	"testing"
	"time"

	"phoneregistry/internal/config"
)

func TestStatementsOutlastDeadlines(t *testing.T) {
	for _, c := range []struct {
		rates config.Rates
		want  time.Duration
	}{
		{config.Rates{}, time.Minute},
		{config.Rates{Deadline: 30 * time.Second}, time.Minute},
		{config.Rates{Deadline: 5 * time.Minute}, 5*time.Minute + 15*time.Second},
		{config.Rates{DeadlineRole: map[string]string{"OPERATOR": "2m"}}, 2*time.Minute + 15*time.Second},
	} {
		if got, err := statementLimit(c.rates); err != nil || got != c.want {
			t.Errorf("%+v: %s, %v; want %s", c.rates, got, err, c.want)
		}
	}
}
