package limit

import (
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestPlaces(t *testing.T) {
	c := newClock()
	l := c.limiter(t, Config{Operations: Bound{2, 3}, Pending: Bound{1, 0}, Subscriptions: Bound{1, 1}})
	enter := func(token string, kind Kind) (*Visit, *Refusal) {
		v, _ := l.Visit(token)
		return v, v.Enter(kind, 1)
	}
	write, no := enter("a", Write)
	if no != nil {
		t.Fatal(no)
	}
	var more []*Visit
	for i, step := range []struct {
		token string
		kind  Kind
		code  string
		own   bool
	}{
		{"a", Write, CodePending, true},
		{"a", Read, "", false},
		{"a", Read, CodeOperations, true},
		{"b", Read, "", false},
		{"b", Read, CodeOperations, false},
		{"b", Subscription, "", false},
		{"c", Subscription, CodeSubscriptions, false},
		{"b", Subscription, CodeSubscriptions, true},
		{"b", Invalid, "", false},
	} {
		v, no := enter(step.token, step.kind)
		more = append(more, v)
		if (no == nil) != (step.code == "") || no != nil && (no.Code != step.code || no.Own != step.own || no.Seconds() != 1) {
			t.Errorf("step %d: %+v; want %q", i, no, step.code)
		}
	}
	write.Leave()
	write.Leave()
	if v, no := enter("c", Write); no != nil {
		t.Errorf("what was left is not free: %+v", no)
	} else {
		more = append(more, v)
	}
	for _, v := range more {
		v.Leave()
	}
	if got, want := l.InUse(), (InUse{Tokens: 3}); got != want {
		t.Errorf("%+v; want %+v", got, want)
	}
}

// TestHeavyOperationsTakeMorePlaces: as many as they weigh, and no more than there are; all of them come back.
func TestHeavyOperationsTakeMorePlaces(t *testing.T) {
	c := newClock()
	l := c.limiter(t, Config{Operations: Bound{10, 14}, Pending: Bound{2, 0}, Subscriptions: Bound{9, 0}})
	var all []*Visit
	for i, step := range []struct {
		token  string
		kind   Kind
		weight int
		code   string
		own    bool
		want   InUse
	}{
		{"a", Read, 4, "", false, InUse{Operations: 4}},
		{"a", Write, 6, "", false, InUse{Operations: 10, Pending: 1}},
		{"a", Read, 1, CodeOperations, true, InUse{Operations: 10, Pending: 1}},
		{"a", Subscription, 8, "", false, InUse{Operations: 10, Pending: 1, Subscriptions: 8}},
		{"a", Subscription, 2, CodeSubscriptions, true, InUse{Operations: 10, Pending: 1, Subscriptions: 8}},
		{"b", Read, 5, CodeOperations, false, InUse{Operations: 10, Pending: 1, Subscriptions: 8}},
		{"b", Read, 4, "", false, InUse{Operations: 14, Pending: 1, Subscriptions: 8}},
		{"c", Invalid, 9, "", false, InUse{Operations: 14, Pending: 1, Subscriptions: 8}},
	} {
		v, _ := l.Visit(step.token)
		all = append(all, v)
		no := v.Enter(step.kind, step.weight)
		if (no == nil) != (step.code == "") || no != nil && (no.Code != step.code || no.Own != step.own) {
			t.Errorf("step %d: %+v; want %q", i, no, step.code)
		}
		got := l.InUse()
		if got.Tokens = 0; got != step.want {
			t.Errorf("step %d: %+v; want %+v", i, got, step.want)
		}
	}
	for _, v := range all {
		v.Leave()
	}
	heaviest, _ := l.Visit("a")
	if no := heaviest.Enter(Read, 1_000_000); no != nil || l.InUse().Operations != 10 {
		t.Errorf("the heaviest operation cannot run alone: %+v, %+v", no, l.InUse())
	}
	heaviest.Leave()
	if got, want := l.InUse(), (InUse{Tokens: 3}); got != want {
		t.Errorf("%+v; want %+v", got, want)
	}
}

func asError(no *Refusal) error {
	if no == nil {
		return nil
	}
	return errors.New(no.Message())
}

// TestReceiving: what is received has places of its own, and gives them back however it ends.
func TestReceiving(t *testing.T) {
	c := newClock()
	l := c.limiter(t, Config{Reads: 1, Operations: Bound{1, 2}})
	receive := func(token, code string, own bool) *Visit {
		v, _ := l.Visit(token)
		if no := v.Receive(); (no == nil) != (code == "") || no != nil && (no.Code != code || no.Own != own) {
			t.Errorf("%s: %+v; want %q", token, no, code)
		}
		return v
	}
	first := receive("a", "", false)
	refused := receive("a", CodeOperations, true)
	left := receive("b", "", false)
	full := receive("c", CodeOperations, false)
	left.Leave()
	if no := first.Enter(Read, 1); no != nil {
		t.Errorf("%+v", no)
	}
	if got, want := l.InUse(), (InUse{Operations: 1, Tokens: 3}); got != want {
		t.Errorf("%+v; want %+v", got, want)
	}
	late := receive("a", "", false)
	if no := late.Enter(Read, 1); no == nil || no.Code != CodeRate {
		t.Errorf("%+v", no)
	}
	for _, v := range []*Visit{first, refused, left, full, late} {
		v.Leave()
	}
	stranger, _ := l.Connect()
	socket, _ := l.Connect()
	if no := errors.Join(asError(stranger.Receive()), asError(socket.Join("a")), asError(socket.Receive())); no != nil {
		t.Error(no)
	}
	receive("a", CodeOperations, true).Leave()
	socket.Received()
	socket.Received()
	receive("a", "", false).Leave()
	if no := socket.Receive(); no != nil {
		t.Errorf("%+v", no)
	}
	socket.Leave()
	stranger.Leave()
	if got, want := l.InUse(), (InUse{Tokens: 3}); got != want {
		t.Errorf("%+v; want %+v", got, want)
	}
}

func TestSockets(t *testing.T) {
	c := newClock()
	l := c.limiter(t, Config{Connections: Bound{1, 8}, Messages: 2})
	var all []*Socket
	connect := func() *Socket {
		s, no := l.Connect()
		if no != nil {
			t.Fatalf("%+v", no)
		}
		all = append(all, s)
		return s
	}
	first := connect()
	connect()
	if _, no := l.Connect(); no == nil || no.Own || no.Status() != http.StatusServiceUnavailable {
		t.Errorf("strangers take more than a quarter: %+v", no)
	}
	if no := first.Join("a"); no != nil {
		t.Errorf("%+v", no)
	}
	second := connect()
	if no := second.Join("a"); no == nil || no.Code != CodeConnections || !no.Own {
		t.Errorf("a second socket of one token: %+v", no)
	}
	for i, want := range []bool{true, true, false} {
		if first.Message() != want {
			t.Errorf("message %d: %t", i, !want)
		}
	}
	c.wait(30 * time.Second)
	if !first.Message() {
		t.Error("messages do not come back")
	}
	for _, s := range all {
		s.Leave()
		s.Leave()
	}
	if got, want := l.InUse(), (InUse{Tokens: 1}); got != want {
		t.Errorf("%+v; want %+v", got, want)
	}
}

// TestTokensAreForgotten asks by very many tokens: those that rest make place, those that hold something stay.
func TestTokensAreForgotten(t *testing.T) {
	c := newClock()
	l := c.limiter(t, Config{Reads: 1, Writes: 1, Tokens: 50, Operations: Bound{1, 0}})
	holder, _ := l.Visit("holder")
	if no := holder.Enter(Read, 1); no != nil {
		t.Fatal(no)
	}
	for i := range 1000 {
		token := string(rune('a'+i%26)) + string(rune('a'+i/26))
		if no := ask(l, token, Read, 1); no != nil {
			t.Fatalf("token %d: %+v", i, no)
		}
		c.wait(4 * time.Second)
	}
	if got := l.InUse().Tokens; got > 40 {
		t.Errorf("%d tokens are known, though 16 used something in the last minute", got)
	}
	if no := ask(l, "holder", Read, 1); no == nil || no.Code != CodeOperations {
		t.Errorf("what a token holds was forgotten: %+v", no)
	}
	holder.Leave()
}

// TestNoRoomForTokens asks by more tokens at once than there is room for: the rest share one account, and nobody's is lost.
func TestNoRoomForTokens(t *testing.T) {
	c := newClock()
	l := c.limiter(t, Config{Reads: 5, Tokens: 3})
	for _, token := range []string{"a", "b", "c"} {
		for range 5 {
			if no := ask(l, token, Read, 1); no != nil {
				t.Fatalf("%+v", no)
			}
		}
	}
	in := 0
	for i := range 20 {
		if ask(l, string(rune('d'+i)), Read, 1) == nil {
			in++
		}
	}
	if in != 5 {
		t.Errorf("%d of those without room were let in; want 5", in)
	}
	if ask(l, "a", Read, 1) == nil {
		t.Error("what a token had used was forgotten")
	}
	c.wait(2 * time.Minute)
	for range 5 {
		if no := ask(l, "z", Read, 1); no != nil {
			t.Errorf("no room is made: %+v", no)
		}
	}
}

func TestMetrics(t *testing.T) {
	r := prometheus.NewRegistry()
	c := newClock()
	l := c.limiter(t, Config{Reads: 1, Messages: 1, Registerer: r})
	ask(l, "a", Read, 1)
	ask(l, "a", Read, 1)
	s, _ := l.Connect()
	s.Message()
	s.Message()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"limit_refusals_total token reads": 1, "limit_refusals_total token messages": 1,
		"limit_in_use connections": 1, "limit_in_use tokens": 1, "limit_in_use operations": 0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %f; want %f in %v", name, v, want, got)
		}
	}
	if _, err := New(Config{Reads: -1}); err == nil {
		t.Error("a negative rate is taken")
	}
}

func TestRefusals(t *testing.T) {
	l := newClock().limiter(t, Config{})
	for _, c := range []struct {
		no      *Refusal
		status  int
		seconds int
	}{
		{l.full(connections, true, 5), 429, 1},
		{l.full(operations, false, 5), 503, 1},
		{l.full(pending, true, 5), 429, 1},
		{l.late(PolicyReads, perMinute(60), 0, int64(1500*time.Millisecond)), 429, 2},
		{l.late(PolicyWrites, perMinute(60), 3, int64(2*time.Second)), 429, 2},
	} {
		e := c.no.Extensions()
		if c.no.Status() != c.status || c.no.Seconds() != c.seconds || e["retryAfterSeconds"] != c.seconds || e["code"] != c.no.Code || c.no.Message() == "" {
			t.Errorf("%+v %q %v", c.no, c.no.Message(), e)
		}
	}
}

// BenchmarkRequest is what the limiter adds to each request: a visit, its headers, and the end. One client asks at a time,
// or many do.
func BenchmarkRequest(b *testing.B) {
	l, err := New(Config{Reads: 10_000_000, Writes: 10_000_000, Operations: Bound{200, 1000}, Pending: Bound{32, 256}})
	if err != nil {
		b.Fatal(err)
	}
	request := func(token string) {
		v, no := l.Visit(token)
		if no == nil {
			no = v.Enter(Read, 1)
		}
		if no != nil {
			b.Error(no.Message())
		}
		h := make(http.Header, 2)
		v.Sign(h)
		v.Leave()
	}
	const token = "key:7d9f4b9e-2c2b-4f3e-9d53-0c7f5d1f2a10"
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			request(token)
		}
	})
	b.Run("many", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(8)
		var tokens atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			own := token + strconv.FormatInt(tokens.Add(1), 10)
			for pb.Next() {
				request(own)
			}
		})
	})
}

// BenchmarkStrangers asks by a new token each time, with a full table of those that still know something.
func BenchmarkStrangers(b *testing.B) {
	l, err := New(Config{Reads: 1000, Tokens: 10_000})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		v := l.Arrive(strconv.Itoa(i))
		v.Leave()
	}
}
