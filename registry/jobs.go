package registry

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// Defaults and bounds of jobs. The schema of the API states them too.
const (
	DefaultBatchSize     = 500
	DefaultMaxConcurrent = 40
	DefaultRetryAttempts = 3
	MaxBatchSize         = 1000
	MaxConcurrentChunks  = 1000
	MaxRetryAttempts     = 10
	MaxJobName           = 200   // characters
	MaxTargetEntries     = 10000 // numbers, or customer ids, of a target
	MaxClientKey         = 128   // characters
	shownSkipped         = 20    // numbers of a target that are told apart when they are left out
)

// StartJob is a job to start.
type StartJob struct {
	Name          string // 1 to MaxJobName characters
	Platforms     []Platform
	Target        TargetInput
	BatchSize     *int          // 1 to MaxBatchSize; nil: DefaultBatchSize
	MaxConcurrent *int          // 1 to MaxConcurrentChunks; nil: DefaultMaxConcurrent
	RetryAttempts *int          // 0 to MaxRetryAttempts; nil: DefaultRetryAttempts
	RecheckAfter  time.Duration // skip evidence younger than this, in whole seconds; 0: check everything
	Priority      JobPriority   // "": PriorityNormal
	ClientKey     *string       // 1 to MaxClientKey characters: the same key again returns the same job; nil: none
}

// TargetInput is which numbers a job is to check: exactly one of its fields is set.
type TargetInput struct {
	Numbers     []string // in any form that carries the country code
	CustomerIDs []string
	Filter      *PhoneFilter
	ImportID    *uuid.UUID
}

// StartJobResult is a job that was started, and which numbers of its target were left out. When they are the reason
// that it was not started, it holds them and no job.
type StartJobResult struct {
	Job          Job
	Created      bool // false: it was started before, by the same client key
	SkippedCount int
	Skipped      []SkippedNumber // the first of them
}

// ErrJobExists is returned by stores with the job that a client key has started before.
var ErrJobExists = errors.New("the job was started before")

// SkippedNumber is a number of a target that was left out.
type SkippedNumber struct {
	Index  int // in the list; 0 is the first
	Reason string
}

// StartJob starts a job. Numbers of the target that are not valid are left out, those that are new are registered. It
// returns when the first part of the target has been cut into chunks, however large it is. The client key of a job that
// the caller has started before returns that job, if it is for the same. User errors: INVALID_INPUT,
// PLATFORM_NOT_AVAILABLE, EMPTY_TARGET when no valid number is left, NOT_FOUND for an import that does not exist and
// INVALID_STATE for one that has not ended.
func (s *Service) StartJob(ctx context.Context, start StartJob) (StartJobResult, error) {
	spec, err := s.checkJob(start)
	if err != nil {
		return StartJobResult{}, err
	}
	var (
		result StartJobResult
		phones []Phone
	)
	if start.Target.Numbers != nil {
		phones, result = s.readTarget(start.Target.Numbers)
		if len(phones) == 0 {
			return result, Errorf(CodeEmptyTarget, pathTo("input", "target", "numbers"),
				"none of the %d numbers is valid; of the first: %s", len(start.Target.Numbers), result.Skipped[0].Reason)
		}
		for _, p := range phones {
			spec.Target.Numbers = append(spec.Target.Numbers, p.Number)
		}
	}
	result.Job, err = s.store.CreateJob(ctx, spec, phones)
	if errors.Is(err, ErrJobExists) {
		return result, nil
	}
	if err != nil {
		return result, err
	}
	result.Created = true
	s.notify.JobChanged(result.Job.ID)
	return result, nil
}

// checkJob fills in the defaults and refuses what is out of bounds, all of it at once.
func (s *Service) checkJob(start StartJob) (JobSpec, error) {
	spec := JobSpec{
		Name:          strings.TrimSpace(start.Name),
		BatchSize:     withDefault(start.BatchSize, DefaultBatchSize),
		MaxConcurrent: withDefault(start.MaxConcurrent, DefaultMaxConcurrent),
		RetryAttempts: withDefault(start.RetryAttempts, DefaultRetryAttempts),
		RecheckAfter:  wholeSeconds(start.RecheckAfter),
		Priority:      cmp.Or(start.Priority, PriorityNormal),
	}
	var es Errors
	es = collect(es, checkPriority(spec.Priority))
	if start.ClientKey != nil {
		spec.ClientKey = *start.ClientKey
		es = collect(es, checkClientKey(spec.ClientKey))
	}
	es = collect(es, checkTitle(spec.Name, pathTo("input", "name")))
	es = collect(es, within("batchSize", spec.BatchSize, 1, MaxBatchSize))
	es = collect(es, within("maxConcurrent", spec.MaxConcurrent, 1, MaxConcurrentChunks))
	es = collect(es, within("retryAttempts", spec.RetryAttempts, 0, MaxRetryAttempts))
	if start.RecheckAfter < 0 {
		es = append(es, Errorf(CodeInvalidInput, pathTo("input", "recheckAfter"), "recheckAfter is less than no time: want P0D or more"))
	}
	var err error
	spec.Platforms, err = s.checkPlatforms(start.Platforms)
	es = collect(es, err)
	spec.Target, err = checkTarget(start.Target)
	return spec, collect(es, err).orNil()
}

func checkClientKey(key string) error {
	if n := utf8.RuneCountInString(key); n < 1 || n > MaxClientKey || !storable(key) {
		return Errorf(CodeInvalidInput, pathTo("input", "clientKey"), "the client key has %d characters: want 1 to %d, none of them NUL", n, MaxClientKey)
	}
	return nil
}

func withDefault(v *int, otherwise int) int {
	if v == nil {
		return otherwise
	}
	return *v
}

func within(name string, v, least, most int) error {
	if v < least || v > most {
		return Errorf(CodeInvalidInput, pathTo("input", name), "%s is %d: want %d to %d", name, v, least, most)
	}
	return nil
}

// checkPlatforms returns the platforms in the order of lists, without repeats.
func (s *Service) checkPlatforms(wanted []Platform) ([]Platform, error) {
	path := pathTo("input", "platforms")
	if len(wanted) == 0 {
		return nil, Errorf(CodeInvalidInput, path, "platforms is empty: want at least one")
	}
	var es Errors
	for _, p := range distinct(wanted) {
		if !p.Valid() {
			es = append(es, Errorf(CodeInvalidInput, path, "platforms holds %s, which is not known", quoted(string(p))))
		} else if !s.canCheck(p) {
			es = append(es, Errorf(CodePlatformMissing, path, "%s has no adapter here: see platforms for those that have one", p))
		}
	}
	if len(es) > 0 {
		return nil, es
	}
	return slices.DeleteFunc(scoring.Checkable(), func(p Platform) bool { return !slices.Contains(wanted, p) }), nil
}

func (s *Service) canCheck(p Platform) bool {
	if s.platforms == nil {
		return false
	}
	return slices.ContainsFunc(s.platforms(), func(i PlatformInfo) bool { return i.Platform == p && i.Adapter != "" })
}

// checkTarget returns the target in its normal form, but for the numbers, which are yet to be read.
func checkTarget(t TargetInput) (Target, error) {
	path := pathTo("input", "target")
	given := 0
	for _, is := range []bool{t.Numbers != nil, t.CustomerIDs != nil, t.Filter != nil, t.ImportID != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return Target{}, Errorf(CodeInvalidInput, path, "the target names %d of numbers, customerIds, filter and importId: want exactly one", given)
	}
	switch {
	case t.Numbers != nil:
		return Target{}, checkEntries("numbers", len(t.Numbers), path)
	case t.CustomerIDs != nil:
		ids := distinct(t.CustomerIDs)
		if err := checkEntries("customerIds", len(ids), path); err != nil {
			return Target{}, err
		}
		for _, id := range ids {
			if checkCustomerID(id, nil) != nil {
				return Target{}, checkCustomerID(id, at(path, "customerIds", t.CustomerIDs, id))
			}
		}
		return Target{CustomerIDs: ids}, nil
	case t.Filter != nil:
		f, err := CheckPhoneFilter(*t.Filter, in(path, "filter")...)
		return Target{Filter: &f}, err
	}
	return Target{ImportID: t.ImportID}, nil
}

func checkEntries(name string, n int, path []string) error {
	switch {
	case n == 0:
		return Errorf(CodeEmptyTarget, in(path, name), "%s is empty: want at least one", name)
	case n > MaxTargetEntries:
		return tooMany(n, MaxTargetEntries, name, path)
	}
	return nil
}

// readTarget reads the numbers of a target. It returns those that are valid, each once and ascending, and in the result
// those that are left out.
func (s *Service) readTarget(raw []string) ([]Phone, StartJobResult) {
	var (
		phones  []Phone
		result  StartJobResult
		version = s.numbers.PlanVersion()
	)
	for i, text := range raw {
		r := s.readInternational(text)
		if r.IsValid {
			phones = append(phones, PhoneOf(r, version))
			continue
		}
		result.SkippedCount++
		if len(result.Skipped) < shownSkipped {
			result.Skipped = append(result.Skipped, SkippedNumber{Index: i, Reason: WhyInvalid(r.Reason)})
		}
	}
	slices.SortFunc(phones, func(a, b Phone) int { return int(a.Number - b.Number) })
	return slices.CompactFunc(phones, func(a, b Phone) bool { return a.Number == b.Number }), result
}

// readInternational reads a number that carries its country code. Many write it without the plus.
func (s *Service) readInternational(text string) numbering.Result {
	r := s.numbers.Normalize(text, numbering.Options{})
	if r.Reason == numbering.NoRegion {
		if plus := s.numbers.Normalize("+"+strings.TrimSpace(text), numbering.Options{}); plus.IsValid {
			return plus
		}
	}
	return r
}

// Job returns a job; ErrNotFound when there is none with this id.
func (s *Service) Job(ctx context.Context, id uuid.UUID) (Job, error) {
	return s.store.Job(ctx, id)
}

// Jobs returns one page of jobs, newest first. *Error INVALID_INPUT for a filter or page out of bounds.
func (s *Service) Jobs(ctx context.Context, f JobFilter, p PageRequest) (Page[Job], error) {
	var es Errors
	f, err := checkJobFilter(f)
	es = collect(es, err)
	p, err = checkPage(p)
	if es = collect(es, err); len(es) > 0 {
		return Page[Job]{}, es
	}
	return s.store.Jobs(ctx, f, p)
}

// CountJobs counts the jobs that match.
func (s *Service) CountJobs(ctx context.Context, f JobFilter) (int64, error) {
	f, err := checkJobFilter(f)
	if err != nil {
		return 0, err
	}
	return s.store.CountJobs(ctx, f)
}

func checkJobFilter(f JobFilter) (JobFilter, error) {
	var es Errors
	f.Statuses = checkEach(&es, f.Statuses, "statuses", pathTo("filter"), func(status JobStatus) bool {
		switch status {
		case JobQueued, JobRunning, JobPaused, JobCompleted, JobFailed, JobCancelled:
			return true
		}
		return false
	})
	return f, es.orNil()
}

// JobPlatforms returns what each platform has done for each of the jobs, in the order of platforms.
func (s *Service) JobPlatforms(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]PlatformCount, error) {
	return s.store.JobPlatforms(ctx, ids)
}

// JobFailures returns one page of the checks of each job that got no answer. p.After only with one job.
func (s *Service) JobFailures(ctx context.Context, ids []uuid.UUID, p PageRequest) (map[uuid.UUID]Page[JobFailure], error) {
	p, err := checkPageOf(p, len(ids))
	if err != nil {
		return nil, err
	}
	return s.store.JobFailures(ctx, ids, p)
}

// CountJobFailures counts the checks of each job that got no answer.
func (s *Service) CountJobFailures(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	return s.store.CountJobFailures(ctx, ids)
}

// PauseJob holds a job: nothing new is handed to workers. *Error INVALID_STATE unless it is QUEUED or RUNNING.
func (s *Service) PauseJob(ctx context.Context, id uuid.UUID) (Job, error) {
	return s.changed(s.store.PauseJob(ctx, id))
}

// ResumeJob lets a held job go on. *Error INVALID_STATE unless it is PAUSED.
func (s *Service) ResumeJob(ctx context.Context, id uuid.UUID) (Job, error) {
	return s.changed(s.store.ResumeJob(ctx, id))
}

// CancelJob stops a job for good; what was done stays. *Error INVALID_STATE when it has ended.
func (s *Service) CancelJob(ctx context.Context, id uuid.UUID) (Job, error) {
	job, err := s.store.CancelJob(ctx, id)
	if err == nil {
		s.notify.JobCancelled(id)
	}
	return job, err
}

// RetryJob does the failed checks of a finished job again. *Error INVALID_STATE when it has not ended, was cancelled, or
// has no failed checks.
func (s *Service) RetryJob(ctx context.Context, id uuid.UUID) (Job, error) {
	return s.changed(s.store.RetryJob(ctx, id))
}

func (s *Service) changed(job Job, err error) (Job, error) {
	if err == nil {
		s.notify.JobChanged(job.ID)
	}
	return job, err
}
