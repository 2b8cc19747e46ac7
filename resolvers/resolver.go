// Package resolvers answers the fields of the GraphQL schema from the domain. A resolver is a few lines: it turns
// arguments into a call of the service and wraps the answer. What is loaded for an object is loaded for all objects
// of its list at once; graph/model keeps track of that.
package resolvers

import (
	"context"
	"errors"
	"log/slog"

	"github.com/google/uuid"

	"phoneregistry/graph"
	"phoneregistry/graph/access"
	"phoneregistry/internal/live"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// Live is where subscriptions come from; *live.Hub is one.
type Live interface {
	JobProgress(ctx context.Context, id uuid.UUID) (<-chan *live.JobProgress, error)
	ImportProgress(ctx context.Context, id uuid.UUID) (<-chan *live.ImportProgress, error)
	LeadScores(ctx context.Context, f registry.LeadFilter) (<-chan live.LeadChange, error)
}

// Config is what the resolvers need.
type Config struct {
	Service *registry.Service
	Live    Live
	Codec   *opaque.Codec
	Logger  *slog.Logger
	Access  access.Enforce // who may see what; the zero value: nobody
	Lookups *registry.Lookups
	Away    func(error) bool // tells that something the answer needs cannot be reached right now; nil: nothing is needed
}

// Resolver is the root of all resolvers.
type Resolver struct {
	service *registry.Service
	live    Live
	codec   *opaque.Codec
	log     *slog.Logger
	access  access.Enforce
	lookups *registry.Lookups
	away    func(error) bool
	kinds   map[string]nodeKind
}

var _ graph.ResolverRoot = (*Resolver)(nil)

// New makes the resolvers.
func New(c Config) *Resolver {
	r := &Resolver{service: c.Service, live: c.Live, codec: c.Codec, log: c.Logger, access: c.Access, lookups: c.Lookups, away: c.Away, kinds: nodeKinds()}
	if r.access.Rules == nil {
		r.access.Rules = &access.Rules{}
	}
	if r.away == nil {
		r.away = func(error) bool { return false }
	}
	if r.lookups == nil {
		r.lookups = registry.NewLookups(registry.LookupLimits{})
	}
	return r
}

// Enforce is the extension of the executor by which these resolvers are asked only what their caller may.
func (r *Resolver) Enforce() access.Enforce { return r.access }

// Query answers reads.
func (r *Resolver) Query() graph.QueryResolver { return query{r} }

// Mutation answers changes.
func (r *Resolver) Mutation() graph.MutationResolver { return mutation{r} }

// Subscription answers live views.
func (r *Resolver) Subscription() graph.SubscriptionResolver { return subscription{r} }

// Phone answers what a phone does not hold itself.
func (r *Resolver) Phone() graph.PhoneResolver { return phone{r} }

// Customer answers what a customer does not hold itself.
func (r *Resolver) Customer() graph.CustomerResolver { return customer{r} }

// CustomerPhone answers what a customer's phone does not hold itself.
func (r *Resolver) CustomerPhone() graph.CustomerPhoneResolver { return customerPhone{r} }

// LeadScore answers what a score does not hold itself.
func (r *Resolver) LeadScore() graph.LeadScoreResolver { return leadScore{r} }

// ValidationJob answers what a job does not hold itself.
func (r *Resolver) ValidationJob() graph.ValidationJobResolver { return validationJob{r} }

// ValidationJobProgress answers what the progress of a job does not hold itself.
func (r *Resolver) ValidationJobProgress() graph.ValidationJobProgressResolver { return jobProgress{r} }

// ImportBatch answers what an import does not hold itself.
func (r *Resolver) ImportBatch() graph.ImportBatchResolver { return importBatch{r} }

// ImportProgress answers what the progress of an import does not hold itself.
func (r *Resolver) ImportProgress() graph.ImportProgressResolver { return importProgress{r} }

// PlatformInfo answers what a platform does not hold itself.
func (r *Resolver) PlatformInfo() graph.PlatformInfoResolver { return platformInfo{r} }

// ValidationSchedule answers what a schedule does not hold itself.
func (r *Resolver) ValidationSchedule() graph.ValidationScheduleResolver {
	return validationSchedule{r}
}

// PhoneConditions answers what of a filter not everybody may see.
func (r *Resolver) PhoneConditions() graph.PhoneConditionsResolver { return phoneConditions{r} }

// Webhook answers what a webhook does not hold itself.
func (r *Resolver) Webhook() graph.WebhookResolver { return webhook{r} }

// The resolvers of the types of the schema.
type (
	query              struct{ *Resolver }
	mutation           struct{ *Resolver }
	subscription       struct{ *Resolver }
	phone              struct{ *Resolver }
	customer           struct{ *Resolver }
	customerPhone      struct{ *Resolver }
	leadScore          struct{ *Resolver }
	validationJob      struct{ *Resolver }
	jobProgress        struct{ *Resolver }
	importBatch        struct{ *Resolver }
	importProgress     struct{ *Resolver }
	platformInfo       struct{ *Resolver }
	validationSchedule struct{ *Resolver }
	phoneConditions    struct{ *Resolver }
	webhook            struct{ *Resolver }
)

// orNull turns absence into null.
func orNull[T any](v *T, err error) (*T, error) {
	if errors.Is(err, registry.ErrNotFound) {
		return nil, nil //nolint:nilnil // null is the answer
	}
	return v, err
}

// deref returns what p points to, and the zero value for null.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
