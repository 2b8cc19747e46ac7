package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Sizes of the jobs that are started: what a large one takes more than a small one is what grows with the job.
const (
	smallStart = 100_000
	largeStart = 1_000_000
)

// Bounds of the start of a large job.
const (
	answerWithin = 1.0 // seconds until the mutation answers
	firstWithin  = 2.0 // seconds until the first results are counted
	mayGrow      = 1.25
)

// measureStart starts a job over all numbers of a small and of a large registry, and follows both until the whole target
// is planned and as many checks are done as the small job has.
func measureStart(ctx context.Context, b *bench) error {
	small, err := b.timeStart(ctx, smallStart)
	if err != nil {
		return err
	}
	large, err := b.timeStart(ctx, largeStart)
	if err != nil {
		return err
	}
	b.report.add(line{
		What: "start of a job over a million numbers, until it is answered", Unit: "s", Ours: large.answer.Seconds(),
		Against: "over 100,000", Peer: small.answer.Seconds(), Most: answerWithin,
	})
	b.report.add(line{
		What: "the same, until the first results are counted", Unit: "s", Ours: large.first.Seconds(),
		Against: "over 100,000", Peer: small.first.Seconds(), Most: firstWithin,
	})
	b.report.add(line{
		What: "the same, memory of the server at its most", Unit: "MiB", Ours: large.memory, Against: "over 100,000",
		Peer: small.memory, Most: mayGrow * small.memory,
	})
	b.report.note("start: memory of the server before the job %.0f MiB, with 100,000 numbers %.0f MiB, with a million %.0f MiB; the million was cut into chunks in %.1f s",
		small.before, small.memory, large.memory, large.planned.Seconds())
	return nil
}

// started is what came of a start.
type started struct {
	answer, first, planned time.Duration // since the mutation was sent
	before, memory         float64       // MiB of the server, before the mutation and at the most
}

func (b *bench) timeStart(ctx context.Context, numbers int) (s started, err error) {
	b.say("start: a job over %d numbers", numbers)
	db, err := b.server.fresh(ctx)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, db.drop()) }()
	if err := db.loadPhones(ctx, numbers); err != nil {
		return s, err
	}
	p, err := b.startProgram(ctx, db)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	s.before = p.memory("VmRSS")
	began := time.Now()
	job, err := startJob(ctx, p.graphql)
	if err != nil {
		return s, err
	}
	s.answer = time.Since(began)
	whole := int64(5 * numbers)
	err = job.follow(ctx, p.graphql, func() bool {
		if s.first == 0 && job.Processed > 0 {
			s.first = time.Since(began)
		}
		if s.planned == 0 && job.Total == whole {
			s.planned = time.Since(began)
		}
		return s.planned > 0 && job.Processed >= min(whole, 5*smallStart)
	})
	s.memory = p.memory("VmHWM")
	if err == nil && (s.first == 0 || s.planned == 0) {
		err = fmt.Errorf("the job ended as %s with %d of %d checks", job.Status, job.Processed, whole)
	}
	return s, err
}

// memory reads MiB from what the system tells of the process; 0 where it does not.
func (p *program) memory(field string) float64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.command.Process.Pid), "status"))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		var kib float64
		if n, _ := fmt.Sscanf(string(line), field+": %f kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	return 0
}
