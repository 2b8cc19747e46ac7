package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"phoneregistry/registry"
)

// Rates says how much callers may ask, and how long an answer may take. All of it counts on each server by itself.
type Rates struct {
	RateReads    int `help:"Reads a minute that each token may ask: queries, starts of subscriptions, downloads; 0 for no limit." default:"1000"`
	RateWrites   int `help:"Writes a minute that each token may ask: mutations and uploads; 0 for no limit." default:"100"`
	RateMessages int `help:"Messages a minute that may come over one WebSocket; 0 for no limit." default:"6000"`

	TokenSockets       int `help:"WebSockets of one token at the same time; 0 for no limit." default:"1000"`
	TokenSubscriptions int `help:"Subscriptions of one token at the same time; 0 for no limit." default:"2000"`
	TokenOperations    int `help:"Requests and operations of one token at the same time; 0 for no limit." default:"200"`
	TokenWrites        int `help:"Mutations and uploads of one token at the same time, running or waiting; 0 for no limit." default:"100"`
	AllSockets         int `help:"WebSockets at the same time; a quarter of them may be new, with nobody known behind them; 0 for no limit." default:"20000"`
	AllSubscriptions   int `help:"Subscriptions at the same time; 0 for no limit." default:"50000"`
	AllOperations      int `help:"Requests and operations at the same time; 0 for no limit." default:"1000"`
	AllWrites          int `help:"Mutations and uploads at the same time, running or waiting; 0 for no limit." default:"400"`

	MaxBody int64 `name:"max-request-bytes" help:"Largest GraphQL request, and largest message on a WebSocket, in bytes." default:"1048576"`

	Deadline     time.Duration     `help:"How long a query, a mutation or a short request may take, the start of a subscription and what each of its events reads, each page of a download, and each question of an upload. What it asks of PostgreSQL is cancelled then." default:"30s"`
	DeadlineRole map[string]string `help:"The same for a role, in place of --deadline. Unless told: VIEWER=10s, ADMIN=45s. May be repeated." placeholder:"ROLE=DURATION"`
}

// Bounds of the settings.
const (
	maxRate     = 10_000_000
	maxPlaces   = 1_000_000
	maxBody     = 64 << 20
	maxDeadline = time.Hour
)

// Deadlines are how long an operation may take, by role.
type Deadlines struct {
	of        map[registry.Role]time.Duration
	otherwise time.Duration
}

// Of returns how long an operation of a role may take; 0: as the part that asks sees fit.
func (d Deadlines) Of(role registry.Role) time.Duration {
	if of, ok := d.of[role]; ok {
		return of
	}
	return d.otherwise
}

// Longest is the longest of all.
func (d Deadlines) Longest() time.Duration {
	longest := d.otherwise
	for _, of := range d.of {
		longest = max(longest, of)
	}
	return longest
}

// Deadlines reads how long an operation may take.
func (r *Rates) Deadlines() (Deadlines, error) {
	d := Deadlines{
		of:        map[registry.Role]time.Duration{registry.RoleViewer: 10 * time.Second, registry.RoleAdmin: 45 * time.Second},
		otherwise: r.Deadline,
	}
	for name, text := range r.DeadlineRole {
		role := registry.Role(strings.ToUpper(strings.TrimSpace(name)))
		if !role.Valid() {
			return d, &Error{"--deadline-role", name, fmt.Sprintf("is no role; these are: %v", registry.Roles())}
		}
		of, err := time.ParseDuration(text)
		if err != nil || of <= 0 || of > maxDeadline {
			return d, &Error{"--deadline-role", name + "=" + text, "must be a time up to " + maxDeadline.String() + ", as in " + string(role) + "=45s"}
		}
		d.of[role] = of
	}
	return d, nil
}

func (r *Rates) check() error {
	for _, n := range []struct {
		field string
		value int
		most  int
	}{
		{"--rate-reads", r.RateReads, maxRate},
		{"--rate-writes", r.RateWrites, maxRate},
		{"--rate-messages", r.RateMessages, maxRate},
		{"--token-sockets", r.TokenSockets, maxPlaces},
		{"--token-subscriptions", r.TokenSubscriptions, maxPlaces},
		{"--token-operations", r.TokenOperations, maxPlaces},
		{"--token-writes", r.TokenWrites, maxPlaces},
		{"--all-sockets", r.AllSockets, maxPlaces},
		{"--all-subscriptions", r.AllSubscriptions, maxPlaces},
		{"--all-operations", r.AllOperations, maxPlaces},
		{"--all-writes", r.AllWrites, maxPlaces},
	} {
		if n.value < 0 || n.value > n.most {
			return &Error{n.field, strconv.Itoa(n.value), fmt.Sprintf("must be 1 to %d, or 0 for no limit", n.most)}
		}
	}
	if r.MaxBody < 0 || r.MaxBody > maxBody {
		return &Error{"--max-request-bytes", strconv.FormatInt(r.MaxBody, 10), fmt.Sprintf("must be 1 to %d", maxBody)}
	}
	if r.Deadline < 0 || r.Deadline > maxDeadline {
		return &Error{"--deadline", r.Deadline.String(), "must be a time up to " + maxDeadline.String()}
	}
	_, err := r.Deadlines()
	return err
}
