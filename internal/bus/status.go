package bus

import (
	"errors"
	"fmt"
	"time"
)

// Subjects of the heartbeats of workers, plain messages: every running worker says every HeartbeatEvery what it does.
const (
	statusPrefix   = "phonereg.v1.worker.status."
	WorkerStatuses = statusPrefix + "*"

	// HeartbeatEvery is how often a worker tells its status.
	HeartbeatEvery = 2 * time.Second
	// ForgetWorkerAfter is how long a worker may be silent before it counts as gone.
	ForgetWorkerAfter = 10 * time.Second
)

// WorkerStatusSubject is the subject of the heartbeats of a worker. Its id is one token: letters, digits, - and _.
func WorkerStatusSubject(id string) string { return statusPrefix + id }

// WorkerQuestion is the subject on which a worker answers with its status when it is asked.
func WorkerQuestion(id string) string { return "phonereg.v1.worker.ask." + id }

// WorkerStatus is the heartbeat of a worker: what it is and what it does on each of its platforms.
type WorkerStatus struct {
	Version   int              `json:"v"`
	Worker    string           `json:"worker"` // its id, unique among those that run
	Name      string           `json:"name"`
	Program   string           `json:"program,omitempty"` // the version of its program
	StartedAt time.Time        `json:"startedAt"`
	Leaving   bool             `json:"leaving,omitempty"` // its last words: it stops
	Platforms []PlatformStatus `json:"platforms"`
}

// PlatformStatus is what a worker does on one platform.
type PlatformStatus struct {
	Platform      string       `json:"platform"`
	Adapter       string       `json:"adapter"`
	Simulated     bool         `json:"simulated,omitempty"`
	Slots         int          `json:"slots"`    // chunks it may hold at the same time
	InFlight      int          `json:"inFlight"` // chunks it holds
	Checked       int64        `json:"checked"`  // checks done since it started
	Failed        int64        `json:"failed"`   // those of them that ended as ERROR or RATE_LIMITED
	RatePerSecond float64      `json:"rate"`     // checks done in a second, over the last few seconds
	Breaker       string       `json:"breaker"`  // one of the Breaker… values
	HeldUntil     *time.Time   `json:"heldUntil,omitempty"`
	Reason        string       `json:"reason,omitempty"` // why it leaves the platform alone, or asks less than it might
	Quota         *QuotaStatus `json:"quota,omitempty"`  // left out: nothing is limited
}

// States of a breaker.
const (
	BreakerClosed   = "CLOSED"
	BreakerHalfOpen = "HALF_OPEN"
	BreakerOpen     = "OPEN"
)

// QuotaStatus is what may be asked of a platform with one credential, by all workers together, as a worker knows it.
// 0 in the place of a limit: there is none.
type QuotaStatus struct {
	Credential  string  `json:"credential"`         // its name; no secret
	Rate        float64 `json:"rate,omitempty"`     // numbers a second, as configured
	CurrentRate float64 `json:"current,omitempty"`  // numbers a second that are asked at most now
	Concurrency int     `json:"calls,omitempty"`    // calls at the same time
	Daily       int64   `json:"daily,omitempty"`    // numbers a day (UTC)
	SpentToday  int64   `json:"spent,omitempty"`    // numbers taken out of the budget of the day
	CallsNow    int     `json:"callsNow,omitempty"` // calls at the same time that this worker makes at most now
}

// Bounds of a heartbeat.
const (
	maxStatusPlatforms = 64
	maxStatusName      = 200
)

// DecodeWorkerStatus reads a heartbeat and checks its bounds. It returns ErrVersion for one that is too new.
func DecodeWorkerStatus(data []byte) (WorkerStatus, error) {
	var s WorkerStatus
	if err := decode(data, &s, &s.Version); err != nil {
		return WorkerStatus{}, fmt.Errorf("worker status: %w", err)
	}
	switch {
	case s.Worker == "":
		return WorkerStatus{}, errors.New("worker status: worker is required")
	case len(s.Worker) > maxStatusName || len(s.Name) > maxStatusName || len(s.Program) > maxStatusName:
		return WorkerStatus{}, fmt.Errorf("worker status: worker, name and program may have %d bytes at most", maxStatusName)
	case len(s.Platforms) > maxStatusPlatforms:
		return WorkerStatus{}, fmt.Errorf("worker status: holds %d platforms, at most %d are allowed", len(s.Platforms), maxStatusPlatforms)
	}
	for i := range s.Platforms {
		if err := s.Platforms[i].check(); err != nil {
			return WorkerStatus{}, fmt.Errorf("worker status: entry %d of platforms: %w", i, err)
		}
	}
	return s, nil
}

func (p *PlatformStatus) check() error {
	switch {
	case p.Platform == "" || len(p.Platform) > maxStatusName:
		return errors.New("has no platform, or one that is too long")
	case p.Slots < 0 || p.InFlight < 0 || p.Checked < 0 || p.Failed < 0 || p.RatePerSecond < 0:
		return errors.New("a count cannot be negative")
	case p.Breaker != BreakerClosed && p.Breaker != BreakerHalfOpen && p.Breaker != BreakerOpen:
		return errors.New("the state of the breaker is not known")
	case len(p.Adapter) > maxStatusName || len(p.Reason) > maxStatusName:
		return fmt.Errorf("adapter and reason may have %d bytes at most", maxStatusName)
	case p.Quota != nil && len(p.Quota.Credential) > maxStatusName:
		return fmt.Errorf("the name of a credential may have %d bytes at most", maxStatusName)
	}
	return nil
}
