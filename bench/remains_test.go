package main

import (
	"testing"
	"time"
)

// raw is what `go tool pprof -raw` writes of a profile, shortened.
const raw = `PeriodType: cpu nanoseconds
Period: 10000000
Samples:
samples/count cpu/nanoseconds
          3   30000000: 1 2 3 
          1   10000000: 4 3 
                request:[some label]
          2   20000000: 5 
          4   40000000: 6 
Locations
     1: 0x1 M=1 syscall.write fd.go:1:0 s=1
             internal/poll.(*FD).Write fd.go:2:0 s=2
     2: 0x2 M=1 github.com/jackc/pgx/v5/pgconn.(*PgConn).flush pgconn.go:3:0 s=3
     3: 0x3 M=1 phoneregistry/resolvers.query.Customer customers.go:4:0 s=4
     4: 0x4 M=1 phoneregistry/internal/auth.(*Authenticator).serve auth.go:5:0 s=5
     5: 0x5 M=1 runtime.gcBgMarkWorker mgc.go:6:0 s=6
     6: 0x6 M=1 runtime.findRunnable proc.go:7:0 s=7
Mappings
1: 0x1/0x2/0x0 /phoneregistry  [FN]
`

func TestRemains(t *testing.T) {
	read, err := parseProfile([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if len(read) != 4 || len(read[0].stack) != 4 || read[0].stack[1] != "internal/poll.(*FD).Write" || read[0].took != 30*time.Millisecond {
		t.Fatalf("read %+v", read)
	}
	spent := effort{server: 100 * time.Millisecond, postgres: 100 * time.Millisecond, things: 1}
	const want = "50% in PostgreSQL itself, 20% the scheduler, 15% PostgreSQL: sending, waiting, reading rows, 10% collecting garbage, 5% auth, limits, records"
	if got := read.shares(spent); got != want {
		t.Errorf("shares are\n%s, want\n%s", got, want)
	}
	const top = "resolvers.query.Customer 40%, pgconn.(*PgConn).flush 30%, poll.(*FD).Write 30%, syscall.write 30%, auth.(*Authenticator).serve 10%"
	if got := read.top(5); got != top {
		t.Errorf("the top is\n%s, want\n%s", got, top)
	}
	if got := (spells{}).shares(spent); got != "nothing is known" {
		t.Errorf("shares of nothing: %s", got)
	}
	if ratio := spent.over(effort{server: 50 * time.Millisecond, things: 1}); ratio != 4 {
		t.Errorf("ratio %g", ratio)
	}
}
