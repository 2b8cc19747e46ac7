package httpd_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"phoneregistry/internal/auth"
	"phoneregistry/internal/clientaddr"
	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

const viewerQuery = "/graphql?query=%7Bviewer%7Brole%7D%7D"

// cameFrom is a listener whose connections look as if they came from an address.
type cameFrom struct {
	net.Listener
	address net.Addr
}

type connFrom struct {
	net.Conn
	address net.Addr
}

func (l cameFrom) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return connFrom{c, l.address}, nil
}

func (c connFrom) RemoteAddr() net.Addr { return c.address }

// proxied is the app as a client sees it who comes from an address, through a proxy that speaks TLS, adds to the header
// and leaves Host as it is.
func (a *app) proxied(t testing.TB, header, from string) *app {
	t.Helper()
	target, err := url.Parse(a.url)
	must(t, err)
	transport := &http.Transport{}
	proxy := &httputil.ReverseProxy{Transport: transport, FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host
		for _, name := range []string{clientaddr.XForwardedFor, clientaddr.Forwarded} { // as most do, it lets both through
			r.Out.Header[name] = r.In.Header[name]
		}
		if header == clientaddr.XForwardedFor {
			r.SetXForwarded()
			return
		}
		r.Out.Header.Add(header, `for="`+r.In.RemoteAddr+`";proto=https`)
	}}
	server := httptest.NewUnstartedServer(proxy)
	server.Listener = cameFrom{server.Listener, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}
	server.StartTLS()
	t.Cleanup(func() {
		server.CloseClientConnections() // sockets too
		server.Close()
		transport.CloseIdleConnections()
	})
	own := *a
	own.url, own.client = server.URL, server.Client()
	return &own
}

// guessing lets three tokens that are not valid come from an address, and believes some proxies. Its clock stands, so that
// no allowance grows however long the test takes.
func guessing(t testing.TB, trusted, header string) option {
	t.Helper()
	var proxies clientaddr.Proxies
	if trusted != "" {
		var err error
		proxies, err = clientaddr.New(strings.Split(trusted, ","), header)
		must(t, err)
	}
	now := time.Now()
	return func(a *app, c *httpd.Config) {
		c.Proxies = proxies
		c.Auth = auth.New(auth.Config{Store: a.store, MaxFailures: 3, Logger: c.Logger, Now: func() time.Time { return now }})
	}
}

// guess sends tokens that are not valid and returns how they were answered.
func (a *app) guess(t testing.TB, times int, header ...string) (statuses []int) {
	t.Helper()
	for range times {
		response := a.request(t, "", http.MethodGet, viewerQuery, "", nil, append(header, "Authorization", "Bearer "+auth.NewToken())...)
		readAll(t, response)
		statuses = append(statuses, response.StatusCode)
	}
	return statuses
}

func wantStatuses(t *testing.T, name string, got []int, want ...int) {
	t.Helper()
	for i := range want {
		if len(got) != len(want) || got[i] != want[i] {
			t.Errorf("%s: %v; want %v", name, got, want)
			return
		}
	}
}

const wrong, enough = http.StatusUnauthorized, http.StatusTooManyRequests

// TestClientsBehindAProxy: each has an allowance of its own, whichever way it guesses and whatever it writes into the
// headers itself.
func TestClientsBehindAProxy(t *testing.T) {
	for _, c := range []struct{ header, forged string }{
		{clientaddr.XForwardedFor, "198.51.100.%d, 192.0.2.1"},
		{clientaddr.Forwarded, `for=198.51.100.%d;host=", for=192.0.2.1`},
	} {
		t.Run(c.header, func(t *testing.T) {
			a := newApp(t, guessing(t, "192.0.2.0/24,127.0.0.1,::1", c.header))
			one, other := a.proxied(t, c.header, "203.0.113.7:5000"), a.proxied(t, c.header, "203.0.113.8:5000")
			six, neighbour := a.proxied(t, c.header, "[2001:db8::7]:5000"), a.proxied(t, c.header, "[2001:db8::8]:5000")
			wantStatuses(t, "one", one.guess(t, 4), wrong, wrong, wrong, enough)
			wantStatuses(t, "other", other.guess(t, 3), wrong, wrong, wrong)
			for i := range 3 {
				forged := fmt.Sprintf(c.forged, i)
				got := other.guess(t, 1, clientaddr.XForwardedFor, forged, clientaddr.Forwarded, forged)
				wantStatuses(t, "forged", got, enough)
			}
			wantStatuses(t, "of IPv6", six.guess(t, 3), wrong, wrong, wrong)
			wantStatuses(t, "of the same network", neighbour.guess(t, 1), enough)

			sockets := a.proxied(t, c.header, "203.0.113.9:5000")
			sockets.guessBySockets(t, 2)
			ticket := []string{"Accept", "text/event-stream"}
			for _, want := range []int{wrong, enough} {
				response := sockets.request(t, "", http.MethodGet, viewerQuery+"&ticket=prt_guess", "", nil, ticket...)
				readAll(t, response)
				wantStatuses(t, "by ticket", []int{response.StatusCode}, want)
			}
			response := one.request(t, registry.RoleViewer, http.MethodGet, viewerQuery, "", nil)
			if text := readAll(t, response); response.StatusCode != http.StatusOK {
				t.Errorf("with a valid token: %d %s", response.StatusCode, text)
			}
			log := a.log.String()
			if told := strings.Count(log, "many tokens from one address"); told != 4 {
				t.Errorf("told %d times", told)
			}
			for _, address := range []string{"203.0.113.", "2001:db8", "198.51.100.", "127.0.0.1"} {
				if strings.Contains(log, address) {
					t.Errorf("the log names an address, %s", address)
				}
			}
		})
	}
}

// guessBySockets sends tokens that are not valid as the first message of a WebSocket.
func (a *app) guessBySockets(t testing.TB, times int) {
	t.Helper()
	for range times {
		c := a.dialProxy(t, nil)
		c.send(t, "", "connection_init", vars{"Authorization": "Bearer " + auth.NewToken()})
		if code := c.closed(t); code != 4403 {
			t.Errorf("closed with %d", code)
		}
	}
}

// dialProxy opens a WebSocket through a proxy that speaks TLS.
func (a *app) dialProxy(t testing.TB, header http.Header) *wsClient {
	t.Helper()
	conn, response, err := a.tryDial(t.Context(), header)
	must(t, err)
	must(t, response.Body.Close())
	t.Cleanup(func() { _ = conn.Close() })
	return &wsClient{conn}
}

func (a *app) tryDial(ctx context.Context, header http.Header) (*websocket.Conn, *http.Response, error) {
	dialer := websocket.Dialer{
		Subprotocols: []string{"graphql-transport-ws"}, TLSClientConfig: a.client.Transport.(*http.Transport).TLSClientConfig,
	}
	return dialer.DialContext(ctx, "wss"+strings.TrimPrefix(a.url, "https")+"/graphql", header)
}

// TestHeadersOfClientsAreNotBelieved: who comes directly, or by a proxy that is not trusted, is the one at the other end
// of the connection.
func TestHeadersOfClientsAreNotBelieved(t *testing.T) {
	for name, trusted := range map[string]string{"others are trusted": "192.0.2.0/24,private", "nobody is": ""} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, guessing(t, trusted, ""))
			var statuses []int
			for _, forged := range []string{"203.0.113.7", "203.0.113.8", "192.0.2.1", "203.0.113.9, 192.0.2.1", "10.0.0.1"} {
				statuses = append(statuses, a.guess(t, 1, clientaddr.XForwardedFor, forged, clientaddr.Forwarded, "for="+forged)...)
			}
			wantStatuses(t, "directly", statuses, wrong, wrong, wrong, enough, enough)
			wantStatuses(t, "by a proxy", a.proxied(t, clientaddr.XForwardedFor, "203.0.113.7:5000").guess(t, 1), enough)
		})
	}
}

// TestSameOriginBehindTLS: the server speaks plain HTTP and knows nothing of TLS; pages of its own may do everything, those
// of others nothing.
func TestSameOriginBehindTLS(t *testing.T) {
	a := newApp(t, guessing(t, "loopback", "")).proxied(t, clientaddr.XForwardedFor, "203.0.113.7:5000")
	host := strings.TrimPrefix(a.url, "https://")
	for origin, allowed := range map[string]bool{
		"https://" + host: true, "https://evil.example": false, "null": false, "https://evil." + host: false,
	} {
		response := a.request(t, registry.RoleViewer, http.MethodPost, "/graphql", "application/json",
			strings.NewReader(`{"query":"{viewer{role}}"}`), "Origin", origin)
		if text := readAll(t, response); (response.StatusCode == http.StatusOK) != allowed {
			t.Errorf("a request of %s: %d %s", origin, response.StatusCode, text)
		}
		conn, answer, err := a.tryDial(t.Context(), http.Header{"Origin": {origin}})
		if (err == nil) != allowed {
			t.Errorf("a socket of %s: %v", origin, err)
		}
		if answer != nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			must(t, answer.Body.Close())
		}
		if conn != nil {
			must(t, conn.Close())
		}
	}
}
