package chaos

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/platform/webservice"
)

// answers says what the platforms hold of a number. It is the model: what the registry knows in the end must be this.
type answers struct{ seed uint64 }

// answer is what a platform says of a number whenever it is well.
type answer struct {
	status   scoring.Status
	strength float64
	poison   bool // it never says anything that can be read
}

const method = "chaos"

func (a answers) of(p scoring.Platform, n numbering.Number) answer {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s/%d", a.seed, p, n)
	v := h.Sum64()
	if v%61 == 0 {
		return answer{status: scoring.Failed, poison: true}
	}
	switch pick := v / 61 % 100; {
	case pick < 45:
		return answer{status: scoring.Active, strength: float64(1+v/6100%4) / 4}
	case pick < 70:
		return answer{status: scoring.NotFound}
	case pick < 85:
		return answer{status: scoring.Inactive}
	case pick < 95:
		return answer{status: scoring.Unknown}
	}
	return answer{status: scoring.NotCheckable}
}

// mood is how a platform is.
type mood string

const (
	moodFine     mood = "fine"
	moodLimits   mood = "429"
	moodFails    mood = "503"
	moodHangs    mood = "hangs"
	moodDrips    mood = "drips"
	moodGarbage  mood = "malformed"
	moodForgets  mood = "half of the answers"
	moodRepeats  mood = "answers twice"
	moodHangsUp  mood = "hangs up"
	moodStranger mood = "answers of other numbers"
)

const maxAskedBytes = 1 << 20

func badMoods() []mood {
	return []mood{moodLimits, moodFails, moodHangs, moodDrips, moodGarbage, moodForgets, moodRepeats, moodHangsUp, moodStranger}
}

// platform is an HTTP service that answers for all platforms by the contract of docs/validator-openapi.yaml.
type platform struct {
	answers answers
	server  *http.Server
	url     string
	served  chan struct{}

	mu    sync.Mutex
	moods map[scoring.Platform]mood
	moved chan struct{} // closed when a mood changes
	calls int64
	told  map[string]int // calls of the webhook by the id of their event
}

const hookPath = "/hook"

func newPlatform(a answers) (*platform, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &platform{
		answers: a, url: "http://" + l.Addr().String(), served: make(chan struct{}),
		moods: map[scoring.Platform]mood{}, moved: make(chan struct{}), told: map[string]int{},
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(p.served)
		_ = p.server.Serve(l)
	}()
	return p, nil
}

func (p *platform) close() {
	p.calm()
	_ = p.server.Close()
	<-p.served
}

func (p *platform) set(which scoring.Platform, m mood) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moods[which] = m
	close(p.moved)
	p.moved = make(chan struct{})
}

// calm makes all platforms well.
func (p *platform) calm() {
	for _, which := range scoring.Platforms() {
		p.set(which, moodFine)
	}
}

func (p *platform) moodOf(which scoring.Platform) (mood, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	m := p.moods[which]
	if m == "" {
		m = moodFine
	}
	return m, p.moved
}

// hook takes an event as a receiver of webhooks. It refuses every third event the first time.
func (p *platform) hook(w http.ResponseWriter, r *http.Request) {
	var event struct{ ID, Type string }
	if err := json.NewDecoder(io.LimitReader(r.Body, maxAskedBytes)).Decode(&event); err != nil || event.ID == "" {
		http.Error(w, "not an event", http.StatusBadRequest)
		return
	}
	h := fnv.New32a()
	_, _ = io.WriteString(h, event.ID)
	p.mu.Lock()
	_, before := p.told[event.ID]
	if refused := !before && h.Sum32()%3 == 0; refused {
		p.told[event.ID] = 0
		p.mu.Unlock()
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	p.told[event.ID]++
	p.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// wasTold reports whether the receiver of webhooks has taken an event.
func (p *platform) wasTold(event string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told[event] > 0
}

// ServeHTTP answers one question.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == hookPath {
		p.hook(w, r)
		return
	}
	var asked webservice.Request
	if err := json.NewDecoder(io.LimitReader(r.Body, maxAskedBytes)).Decode(&asked); err != nil {
		http.Error(w, "not the contract", http.StatusBadRequest)
		return
	}
	m, moved := p.moodOf(scoring.Platform(asked.Platform))
	switch m {
	case moodLimits:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "slow down", http.StatusTooManyRequests)
	case moodFails:
		http.Error(w, "failed", http.StatusServiceUnavailable)
	case moodHangs:
		select {
		case <-moved:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case moodDrips:
		p.drip(w, r, moved)
	case moodGarbage:
		_, _ = io.WriteString(w, `{"version":1,"results":[{"number":`+strings.Repeat("[", 50))
	case moodHangsUp:
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(webservice.Response{Version: 1, Results: p.results(asked, m)})
	}
}

// drip sends an answer so slowly that it never ends.
func (p *platform) drip(w http.ResponseWriter, r *http.Request, moved <-chan struct{}) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := io.WriteString(w, " "); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-tick.C:
		case <-moved:
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
			return
		}
	}
}

func (p *platform) results(asked webservice.Request, m mood) []webservice.Result {
	var out []webservice.Result
	for i, text := range asked.Numbers {
		number, err := numbering.ParseE164(text)
		if err != nil || m == moodForgets && i%2 == 0 {
			continue
		}
		r := p.result(scoring.Platform(asked.Platform), number, text)
		if m == moodStranger && i%3 == 0 {
			r.Number = "+4915112345678"
		}
		out = append(out, r)
		if m == moodRepeats && i%2 == 0 {
			out = append(out, r)
		}
	}
	return out
}

func (p *platform) result(which scoring.Platform, n numbering.Number, text string) webservice.Result {
	a := p.answers.of(which, n)
	if a.poison {
		return webservice.Result{Number: text, Status: "NOT_A_STATUS", Method: method}
	}
	return webservice.Result{Number: text, Status: string(a.status), Strength: &a.strength, Method: method}
}

// asked is how often a platform was asked.
func (p *platform) asked() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}
