package registry

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// DefaultMaxPhones is how many phones a customer may have unless configured.
const DefaultMaxPhones = 5

// Service is what the registry does for its callers: it checks input, applies the rules of the domain and leaves the
// keeping to its store. Resolvers, the REST face and the command line all call it.
type Service struct {
	store     Store
	numbers   *numbering.Normalizer
	model     *scoring.Model
	platforms func() []PlatformInfo
	notify    Notifier
	fleet     Fleet
	maxPhones int
	now       func() time.Time
	log       *slog.Logger
	stats     statsCache

	syncAccess func(ctx context.Context) error
	keyChanged func(id uuid.UUID)

	privateWebhooks bool
}

// Config is what a Service is made of.
type Config struct {
	Store     Store
	Numbers   *numbering.Normalizer
	Model     *scoring.Model
	Platforms func() []PlatformInfo // what this installation can check; nil: nothing
	Notifier  Notifier              // nil: nobody is told
	Fleet     Fleet                 // nil: no worker is ever seen
	MaxPhones int                   // phones a customer may have; 0: DefaultMaxPhones
	Now       func() time.Time      // nil: time.Now
	Logger    *slog.Logger          // nil: none

	// SyncAccess writes what was recorded of accesses so far into the store; nil: it is there already.
	SyncAccess func(ctx context.Context) error

	// KeyChanged is told which API key was ended or changed, before the caller is answered; nil: nobody is.
	KeyChanged func(id uuid.UUID)

	// PrivateWebhooks lets webhooks be in private networks, and be called without TLS.
	PrivateWebhooks bool
}

// New makes a Service. Store, Numbers and Model are needed.
func New(c Config) *Service {
	s := &Service{
		store: c.Store, numbers: c.Numbers, model: c.Model, platforms: c.Platforms,
		notify: c.Notifier, fleet: c.Fleet, maxPhones: c.MaxPhones, now: c.Now, log: c.Logger,
		privateWebhooks: c.PrivateWebhooks, syncAccess: c.SyncAccess, keyChanged: c.KeyChanged,
	}
	if s.syncAccess == nil {
		s.syncAccess = func(context.Context) error { return nil }
	}
	if s.keyChanged == nil {
		s.keyChanged = func(uuid.UUID) {}
	}
	if s.notify == nil {
		s.notify = silent{}
	}
	if s.maxPhones == 0 {
		s.maxPhones = DefaultMaxPhones
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// PlatformInfo is a platform and what this installation can tell about it.
type PlatformInfo struct {
	Platform  Platform
	Adapter   string // "" when there is none
	Simulated bool
	Weight    float64 // in the scoring model; filled in by Service.Platforms
}
