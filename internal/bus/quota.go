package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// QuotaBucket is the key-value bucket in which workers share the limits of a platform. Its entries are changed by
// compare-and-set only. Times in them are microseconds since 1970 by the clock of the broker.
const QuotaBucket = "PHONEREG_QUOTA"

// QuotaHint is the subject on which a worker says that an entry changed so that all should look at it now: a platform
// refused. A hint; what it misses is seen with the next lease.
const QuotaHint = "phonereg.v1.control.quota"

// RateQuotaKey names the entry of the rate of a platform and a credential.
func RateQuotaKey(platform, credential string) string { return platform + "." + credential + ".rate" }

// DayQuotaKey names the entry of the daily budget.
func DayQuotaKey(platform, credential string) string { return platform + "." + credential + ".day" }

// CallQuotaKey names the entry of the calls at the same time.
func CallQuotaKey(platform, credential string) string { return platform + "." + credential + ".calls" }

// RateQuota is how fast a platform is asked.
type RateQuota struct {
	Version   int     `json:"v"`
	Next      int64   `json:"next"`                // when the next number may be asked that nobody has leased yet
	Rate      float64 `json:"rate,omitempty"`      // numbers a second, learned; 0: as configured
	Refused   float64 `json:"refused,omitempty"`   // the rate at which the platform refused last; 0: not known
	RefusedAt int64   `json:"refusedAt,omitempty"` // when it refused last
	RaisedAt  int64   `json:"raisedAt,omitempty"`  // when Rate was raised last
	HeldUntil int64   `json:"heldUntil,omitempty"` // nobody asks before
}

// DayQuota is what was taken out of the budget of a day.
type DayQuota struct {
	Version int    `json:"v"`
	Day     string `json:"day"` // 2006-01-02, UTC
	Spent   int64  `json:"spent"`
}

// CallQuota is who may make how many calls at the same time, by worker id.
type CallQuota struct {
	Version int                  `json:"v"`
	Holders map[string]CallLease `json:"holders"`
}

// CallLease is the calls that a worker may make at the same time.
type CallLease struct {
	Calls int   `json:"n"`
	Wants int   `json:"wants"`
	Since int64 `json:"since"` // since when it wants calls and has none; 0: it has some
	Until int64 `json:"until"` // the lease runs out, unless it is renewed
}

// QuotaChanged is the message on QuotaHint.
type QuotaChanged struct {
	Version    int    `json:"v"`
	Platform   string `json:"platform"`
	Credential string `json:"credential"`
}

// maxQuotaBytes bounds the bucket; its entries have a few hundred bytes each.
const maxQuotaBytes = 16 << 20

// EnsureQuota makes sure that the bucket exists and has the replicas of opts.
func EnsureQuota(ctx context.Context, js jetstream.JetStream, opts Options) (jetstream.KeyValue, error) {
	kv, err := js.KeyValue(ctx, QuotaBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, quotaConfig(max(opts.Replicas, 1)))
		if errors.Is(err, jetstream.ErrBucketExists) { // another program was faster
			kv, err = js.KeyValue(ctx, QuotaBucket)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", QuotaBucket, err)
	}
	if opts.CreateOnly || opts.Replicas == 0 {
		return kv, nil
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", QuotaBucket, err)
	}
	if status.Config().Replicas == opts.Replicas {
		return kv, nil
	}
	if kv, err = js.UpdateKeyValue(ctx, quotaConfig(opts.Replicas)); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", QuotaBucket, err)
	}
	return kv, nil
}

func quotaConfig(replicas int) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket: QuotaBucket, Description: "What workers may ask of platforms, by platform and credential.",
		History: 1, MaxBytes: maxQuotaBytes, Storage: jetstream.FileStorage, Replicas: replicas,
	}
}

// quotaEntry is a pointer to an entry of the bucket.
type quotaEntry[T any] interface {
	*T
	version() *int
}

func (q *RateQuota) version() *int    { return &q.Version }
func (q *DayQuota) version() *int     { return &q.Version }
func (q *CallQuota) version() *int    { return &q.Version }
func (q *QuotaChanged) version() *int { return &q.Version }

// DecodeQuota reads an entry of the bucket or a QuotaChanged. It returns ErrVersion for one that is too new.
func DecodeQuota[T any, P quotaEntry[T]](data []byte) (T, error) {
	var entry T
	if err := decode(data, &entry, P(&entry).version()); err != nil {
		return entry, fmt.Errorf("quota: %w", err)
	}
	return entry, nil
}
