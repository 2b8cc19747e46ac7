package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/natsembed"
	"phoneregistry/workers/platform/webservice"
)

const (
	politeLimit   = 50 // numbers that the platform takes in any second
	politeWorkers = 3
	politeWarm    = 5 * time.Second // which does not count
	politeTold    = 10 * time.Second
	politeLearned = 20 * time.Second
	politeUsed    = 0.8 // the share of the limit that should be used
	politeChunk   = 50  // numbers in a chunk
	politeChunks  = 60
	politeToken   = "politeness-0123456789"
)

// measurePoliteness runs three worker processes against one platform that refuses more than so many numbers in any second:
// first with that limit configured, then without, so that they have to find it out together.
func measurePoliteness(ctx context.Context, b *bench) error {
	told, err := b.timePoliteness(ctx, "told", politeTold, "--limit", fmt.Sprintf("WHATSAPP=rate:%d", politeLimit))
	if err != nil {
		return err
	}
	learned, err := b.timePoliteness(ctx, "learned", politeLearned)
	if err != nil {
		return err
	}
	b.report.add(line{
		What: "three workers told a limit of 50/s, most numbers in a second", Unit: "numbers", Ours: float64(told.most),
		Against: "limit", Peer: politeLimit, Most: politeLimit,
	})
	b.report.add(line{
		What: "the same, numbers answered", Unit: "numbers/s", Ours: told.rate, Against: "limit", Peer: politeLimit, Wanted: politeUsed,
	})
	b.report.add(line{
		What: "three workers that have to learn it, most numbers in a second", Unit: "numbers", Ours: float64(learned.most),
		Against: "limit", Peer: politeLimit,
	})
	b.report.add(line{
		What: "the same, numbers answered", Unit: "numbers/s", Ours: learned.rate, Against: "limit", Peer: politeLimit,
	})
	b.report.note("politeness: after the first %s, told: %d of %d requests refused; learned: %d of %d, in the first %s %d of %d",
		politeWarm, told.refused, told.requests, learned.refused, learned.requests, politeWarm, learned.refusedBefore, learned.before)
	return nil
}

// politeness is what the platform saw after the first seconds.
type politeness struct {
	most                  int     // numbers in any second
	rate                  float64 // numbers a second that were answered
	requests, refused     int
	before, refusedBefore int // in the first seconds
}

func (b *bench) timePoliteness(ctx context.Context, name string, measure time.Duration, flags ...string) (p politeness, err error) {
	b.say("politeness: three workers, %s", name)
	path, err := b.build(ctx)
	if err != nil {
		return p, err
	}
	dir := filepath.Join(b.dir, "politeness-"+name)
	server, err := natsembed.Start(natsembed.Config{StoreDir: filepath.Join(dir, "nats"), Listen: "127.0.0.1:0", Token: politeToken})
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if err := sendChunks(ctx, server); err != nil {
		return p, err
	}
	strict := &strictPlatform{}
	face := httptest.NewServer(strict)
	defer face.Close()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte(politeToken), 0o600); err != nil {
		return p, err
	}
	for i := range politeWorkers {
		stop, err := startWorker(path, filepath.Join(dir, strconv.Itoa(i)+".log"), append([]string{
			"worker", "--nats-url", server.ClientURL(), "--nats-token-file", token, "--platform", "WHATSAPP",
			"--webservice", "WHATSAPP=" + face.URL, "--log-level", "warn",
		}, flags...))
		if err != nil {
			return p, err
		}
		defer stop()
	}
	select {
	case <-time.After(politeWarm + measure):
	case <-ctx.Done():
		return p, ctx.Err()
	}
	return strict.seen()
}

// sendChunks publishes more chunks than the workers can do in the time that is measured.
func sendChunks(ctx context.Context, server *natsembed.Server) error {
	conn, err := server.Connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	if err := bus.EnsureStreams(ctx, js, []string{"WHATSAPP"}, bus.Options{}); err != nil {
		return err
	}
	for no := range politeChunks {
		chunk := bus.Chunk{Version: bus.Version, JobID: "politeness", Platform: "WHATSAPP", ChunkNo: no, Epoch: 1, RetryAttempts: 10}
		for i := range politeChunk {
			chunk.Numbers = append(chunk.Numbers, int64(573001000000+no*politeChunk+i))
		}
		data, err := bus.Encode(chunk)
		if err != nil {
			return err
		}
		if _, err := js.Publish(ctx, bus.WorkSubject("WHATSAPP"), data); err != nil {
			return err
		}
	}
	return nil
}

// startWorker starts a worker process. It is killed in the end: what it holds then is of no interest.
func startWorker(path, log string, args []string) (stop func(), err error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()                      //nolint:errcheck // the process has it
	command := exec.Command(path, args...) //nolint:noctx // stopped by stop
	command.Stderr = out
	if err := command.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = command.Process.Kill() // it may have ended by itself, which shows in what the platform saw
		_ = command.Wait()
	}, nil
}

// strictPlatform is a validator service that refuses what would be more than politeLimit numbers in the last second.
type strictPlatform struct {
	mu       sync.Mutex
	requests []politeRequest // in the order in which they came
	taken    int             // the first of them within the last second
	inWindow int             // numbers that were taken in the last second
}

type politeRequest struct {
	at      time.Time
	numbers int
	refused bool
}

func (s *strictPlatform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	var asked webservice.Request
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	if err != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	if s.refuses(at, len(asked.Numbers)) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	answer := webservice.Response{Version: webservice.Version}
	for _, n := range asked.Numbers {
		answer.Results = append(answer.Results, webservice.Result{Number: n, Status: "NOT_FOUND"})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // whoever asked has gone
}

func (s *strictPlatform) refuses(at time.Time, numbers int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ; s.taken < len(s.requests) && at.Sub(s.requests[s.taken].at) >= time.Second; s.taken++ {
		if old := s.requests[s.taken]; !old.refused {
			s.inWindow -= old.numbers
		}
	}
	refused := s.inWindow+numbers > politeLimit
	if !refused {
		s.inWindow += numbers
	}
	s.requests = append(s.requests, politeRequest{at, numbers, refused})
	return refused
}

// seen looks at all requests: in every window of a second that begins after the first seconds.
func (s *strictPlatform) seen() (p politeness, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) == 0 {
		return p, errors.New("the platform was never asked: see the logs of the workers")
	}
	slices.SortStableFunc(s.requests, func(a, b politeRequest) int { return a.at.Compare(b.at) })
	begin := s.requests[0].at.Add(politeWarm)
	first, sum, answered := 0, 0, 0
	for i, r := range s.requests {
		if r.at.Before(begin) {
			p.before++
			if r.refused {
				p.refusedBefore++
			}
			first = i + 1
			continue
		}
		p.requests++
		if r.refused {
			p.refused++
		} else {
			answered += r.numbers
		}
		sum += r.numbers
		for r.at.Sub(s.requests[first].at) >= time.Second {
			sum -= s.requests[first].numbers
			first++
		}
		p.most = max(p.most, sum)
	}
	if p.requests == 0 {
		return p, errors.New("the platform was not asked after the first seconds: see the logs of the workers")
	}
	p.rate = float64(answered) / s.requests[len(s.requests)-1].at.Sub(begin).Seconds()
	return p, nil
}
