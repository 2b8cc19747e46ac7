package clientaddr_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"phoneregistry/internal/clientaddr"
)

// proxies trusts 10.0.0.0/8, fd00::/8 and 2001:db8:0:9::1.
func proxies(t testing.TB, header string) clientaddr.Proxies {
	t.Helper()
	p, err := clientaddr.New([]string{"10.0.0.0/8", "fd00::/8", "2001:db8:0:9::1"}, header)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	proxy  = "10.0.0.1:40000" // is trusted
	nobody = "192.0.2.99:40000"
)

// told is a case: who is the client of a connection with such lines of a header?
type told struct {
	remote string
	lines  []string
	want   string // "" for no address
}

func (c told) check(t *testing.T, p clientaddr.Proxies, name string) {
	t.Helper()
	got := p.Client(c.remote, http.Header{name: c.lines})
	if c.want == "" && got.IsValid() || c.want != "" && got.String() != c.want {
		t.Errorf("%s from %s, %q: %s; want %s", name, c.remote, c.lines, got, c.want)
	}
}

func TestXForwardedFor(t *testing.T) {
	many := strings.Repeat("10.0.0.2,", 40)
	for _, c := range []told{
		{proxy, nil, "10.0.0.1"},
		{proxy, []string{""}, "10.0.0.1"},
		{proxy, []string{"192.0.2.7"}, "192.0.2.7"},
		{proxy, []string{" 192.0.2.7\t"}, "192.0.2.7"},
		{nobody, []string{"192.0.2.7"}, "192.0.2.99"},
		{nobody, []string{"10.0.0.1"}, "192.0.2.99"},
		{"", []string{"192.0.2.7"}, ""},
		{"10.0.0.1", []string{"192.0.2.7"}, ""},
		{"@", []string{"192.0.2.7"}, ""},

		// what a client has written lies left of what its proxy has
		{proxy, []string{"198.51.100.1, 192.0.2.7"}, "192.0.2.7"},
		{proxy, []string{"198.51.100.1", "192.0.2.7"}, "192.0.2.7"},
		{proxy, []string{"10.9.9.9, 192.0.2.7"}, "192.0.2.7"},
		{proxy, []string{"198.51.100.1, 192.0.2.7, 10.2.3.4"}, "192.0.2.7"},
		{proxy, []string{"198.51.100.1", "192.0.2.7,10.2.3.4", "fd00::5, 10.2.3.5"}, "192.0.2.7"},

		// all are trusted: the first of them has asked
		{proxy, []string{"10.2.3.4"}, "10.2.3.4"},
		{proxy, []string{"10.2.3.4, 10.2.3.5"}, "10.2.3.4"},

		// forms
		{proxy, []string{"192.0.2.7:4711"}, "192.0.2.7"},
		{proxy, []string{"2001:db8::7"}, "2001:db8::7"},
		{proxy, []string{"[2001:db8::7]"}, "2001:db8::7"},
		{proxy, []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{proxy, []string{"2001:DB8:0:0::7"}, "2001:db8::7"},
		{proxy, []string{"fe80::7%eth0"}, "fe80::7"},
		{proxy, []string{"[fe80::7%25eth0]:1"}, "fe80::7"},
		{proxy, []string{"::ffff:192.0.2.7"}, "192.0.2.7"},
		{proxy, []string{"[::ffff:192.0.2.7]:1"}, "192.0.2.7"},
		{proxy, []string{"192.0.2.7, ::ffff:10.0.0.7"}, "192.0.2.7"},
		{"[::ffff:10.0.0.1]:40000", []string{"192.0.2.7"}, "192.0.2.7"},
		{"[::ffff:192.0.2.99]:40000", []string{"192.0.2.7"}, "192.0.2.99"},
		{"[fd00::1%eth0]:40000", []string{"192.0.2.7"}, "192.0.2.7"},
		{"[2001:db8:0:9::1]:40000", []string{"192.0.2.7"}, "192.0.2.7"},
		{"[2001:db8:0:9::2]:40000", []string{"192.0.2.7"}, "2001:db8:0:9::2"},

		// what is no address ends the walk
		{proxy, []string{"192.0.2.7, unknown"}, "10.0.0.1"},
		{proxy, []string{"192.0.2.7, unknown, 10.2.3.4"}, "10.2.3.4"},
		{proxy, []string{"192.0.2.7,"}, "10.0.0.1"},
		{proxy, []string{"192.0.2.7", ""}, "10.0.0.1"},
		{proxy, []string{"192.0.2.7, , 10.2.3.4"}, "10.2.3.4"},
		{proxy, []string{"192.0.2.300"}, "10.0.0.1"},
		{proxy, []string{"192.0.2.07"}, "10.0.0.1"},
		{proxy, []string{"192.0.2.7:"}, "10.0.0.1"},
		{proxy, []string{"192.0.2.7:x"}, "10.0.0.1"},
		{proxy, []string{"192.0.2.7:123456"}, "10.0.0.1"},
		{proxy, []string{"192.0.2.7%eth0"}, "10.0.0.1"},
		{proxy, []string{"[192.0.2.7]"}, "10.0.0.1"},
		{proxy, []string{"[2001:db8::7"}, "10.0.0.1"},
		{proxy, []string{"[2001:db8::7]4711"}, "10.0.0.1"},
		{proxy, []string{"[2001:db8::7]:"}, "10.0.0.1"},
		{proxy, []string{"fe80::7%"}, "10.0.0.1"},
		{proxy, []string{`"192.0.2.7"`}, "10.0.0.1"},
		{proxy, []string{"192.0.2.7 192.0.2.8"}, "10.0.0.1"},
		{proxy, []string{"for=192.0.2.7"}, "10.0.0.1"},
		{proxy, []string{"10.0.0.0/8"}, "10.0.0.1"},

		// neither are entries without end, nor many of them
		{proxy, []string{"192.0.2.7," + strings.Repeat(" ", 511) + "10.2.3.4"}, "10.0.0.1"},
		{proxy, []string{"192.0.2.7," + strings.Repeat(" ", 504) + "10.2.3.4"}, "192.0.2.7"},
		{proxy, []string{strings.Repeat("1", 30<<10)}, "10.0.0.1"},
		{proxy, []string{strings.Repeat("1", 30<<10) + ",192.0.2.7"}, "192.0.2.7"},
		{proxy, []string{"192.0.2.7," + many + "10.2.3.4"}, "10.0.0.2"},
		{proxy, strings.Split("192.0.2.7,"+many+"10.2.3.4", ","), "10.0.0.2"},
	} {
		c.check(t, proxies(t, ""), clientaddr.XForwardedFor)
	}
}

func TestForwarded(t *testing.T) {
	for _, c := range []told{
		{proxy, nil, "10.0.0.1"},
		{proxy, []string{"for=192.0.2.7"}, "192.0.2.7"},
		{nobody, []string{"for=192.0.2.7"}, "192.0.2.99"},
		{proxy, []string{"For=192.0.2.7;proto=https;by=10.0.0.1"}, "192.0.2.7"},
		{proxy, []string{`proto=https ; host="a,b;for=198.51.100.1" ; FOR="192.0.2.7:4711"`}, "192.0.2.7"},
		{proxy, []string{`for="[2001:db8:cafe::17]:4711"`}, "2001:db8:cafe::17"},
		{proxy, []string{`for="[2001:db8:cafe::17]"`}, "2001:db8:cafe::17"},
		{proxy, []string{`for="[2001:db8:cafe::17]:_x1"`}, "2001:db8:cafe::17"},
		{proxy, []string{`for="[::ffff:192.0.2.7]"`}, "192.0.2.7"},
		{proxy, []string{"for=198.51.100.1, for=192.0.2.7"}, "192.0.2.7"},
		{proxy, []string{"for=198.51.100.1", "for=192.0.2.7;proto=http, for=10.2.3.4;proto=https"}, "192.0.2.7"},

		// what a client begins does not reach into what its proxy adds
		{proxy, []string{`for="198.51.100.1, for=192.0.2.7`}, "192.0.2.7"},
		{proxy, []string{`for="198.51.100.1;x=, for=192.0.2.7;host="a"`}, "192.0.2.7"},
		{proxy, []string{`for=198.51.100.1;host="\, for=192.0.2.7`}, "192.0.2.7"},
		{proxy, []string{`for=198.51.100.1;host="`, "for=192.0.2.7"}, "192.0.2.7"},
		{proxy, []string{`for=198.51.100.1, for=", for=10.2.3.4`}, "10.2.3.4"},

		// what is no address, or not well-formed, ends the walk
		{proxy, []string{"for=unknown"}, "10.0.0.1"},
		{proxy, []string{"for=_hidden, for=10.2.3.4"}, "10.2.3.4"},
		{proxy, []string{"for=192.0.2.7, proto=https"}, "10.0.0.1"},
		{proxy, []string{"for=192.0.2.7;for=192.0.2.8"}, "10.0.0.1"},
		{proxy, []string{"for=192.0.2.7;"}, "10.0.0.1"},
		{proxy, []string{"for=192.0.2.7;proto"}, "10.0.0.1"},
		{proxy, []string{`for="192.0.2.7`}, "10.0.0.1"},
		{proxy, []string{`for=192.0.2.7"`}, "10.0.0.1"},
		{proxy, []string{`for="192.0.2.7"x`}, "10.0.0.1"},
		{proxy, []string{`for="192.0.2\.7"`}, "10.0.0.1"},
		{proxy, []string{`for="192.0.2.7\""`}, "10.0.0.1"},
		{proxy, []string{"for="}, "10.0.0.1"},
		{proxy, []string{`for=""`}, "10.0.0.1"},
		{proxy, []string{"192.0.2.7"}, "10.0.0.1"},
		{proxy, []string{"for=192.0.2.7;host=" + strings.Repeat("x", 512)}, "10.0.0.1"},
		{proxy, []string{"for=192.0.2.7," + strings.Repeat("for=10.2.3.4,", 16) + "for=10.2.3.5"}, "10.2.3.4"},
	} {
		c.check(t, proxies(t, clientaddr.Forwarded), clientaddr.Forwarded)
	}
}

// TestOneHeaderIsRead: of the two headers that which proxies write; the other is what a client may have sent.
func TestOneHeaderIsRead(t *testing.T) {
	both := http.Header{clientaddr.XForwardedFor: {"192.0.2.7"}, clientaddr.Forwarded: {"for=192.0.2.8"}}
	for header, want := range map[string]string{
		"": "192.0.2.7", clientaddr.XForwardedFor: "192.0.2.7", clientaddr.Forwarded: "192.0.2.8",
	} {
		p := proxies(t, header)
		if got := p.Client(proxy, both).String(); got != want {
			t.Errorf("%q: %s; want %s", header, got, want)
		}
		own := both.Clone()
		if header == "" {
			header = clientaddr.XForwardedFor
		}
		own.Del(header)
		if got := p.Client(proxy, own).String(); got != "10.0.0.1" {
			t.Errorf("without %s: %s", header, got)
		}
	}
	if got := (clientaddr.Proxies{}).Client(proxy, both).String(); got != "10.0.0.1" {
		t.Errorf("without trusted proxies: %s", got)
	}
}

func TestHandler(t *testing.T) {
	var seen *http.Request
	next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r })
	ask := func(p clientaddr.Proxies, remote, from string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = remote
		r.Header.Set(clientaddr.XForwardedFor, from)
		p.Handler(next).ServeHTTP(httptest.NewRecorder(), r)
		if r.RemoteAddr != remote {
			t.Errorf("the request of another was changed: %s", r.RemoteAddr)
		}
		return seen
	}
	for _, c := range []struct{ remote, from, want string }{
		{proxy, "192.0.2.7", "192.0.2.7:0"},
		{proxy, "2001:db8::7", "[2001:db8::7]:0"},
		{proxy, "unknown", proxy},
		{nobody, "192.0.2.7", nobody},
		{"", "192.0.2.7", ""},
	} {
		if got := ask(proxies(t, ""), c.remote, c.from).RemoteAddr; got != c.want {
			t.Errorf("%s by %s: %s; want %s", c.from, c.remote, got, c.want)
		}
		if got := ask(clientaddr.Proxies{}, c.remote, c.from).RemoteAddr; got != c.remote {
			t.Errorf("nobody is trusted, but %s by %s: %s", c.from, c.remote, got)
		}
	}
}

// TestCosts: what is done for every request makes no garbage but the request with another address.
func TestCosts(t *testing.T) {
	for name, p := range map[string]clientaddr.Proxies{
		clientaddr.XForwardedFor: proxies(t, ""), clientaddr.Forwarded: proxies(t, clientaddr.Forwarded),
	} {
		header := http.Header{
			clientaddr.XForwardedFor: {"198.51.100.1, [2001:db8::7]:1, 10.2.3.4"},
			clientaddr.Forwarded:     {`for=198.51.100.1, for="[2001:db8::7]:1";proto=https, for=10.2.3.4`},
		}
		if n := testing.AllocsPerRun(100, func() {
			if p.Client(proxy, header).String() == "" {
				t.Error("no client")
			}
		}); n > 1 { // the text
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkHandler(b *testing.B) {
	handler := proxies(b, "").Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = proxy
	r.Header.Set(clientaddr.XForwardedFor, "198.51.100.1, 192.0.2.7, 10.2.3.4")
	for b.Loop() {
		handler.ServeHTTP(w, r)
	}
}
