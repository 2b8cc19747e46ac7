package clientaddr_test

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"phoneregistry/internal/clientaddr"
)

var headers = []string{clientaddr.XForwardedFor, clientaddr.Forwarded}

// written is an address as a proxy may write it into a header.
func written(t *rapid.T, header string, a netip.Addr) string {
	text := a.String()
	port := rapid.Bool().Draw(t, "port")
	switch {
	case a.Is6() && (port || header == clientaddr.Forwarded || rapid.Bool().Draw(t, "brackets")):
		text = "[" + text + "]"
	case a.Is4() && rapid.Bool().Draw(t, "mapped"):
		text = "[::ffff:" + text + "]"
	}
	if port {
		text += ":4711"
	}
	if header == clientaddr.XForwardedFor {
		return text
	}
	rest := rapid.SampledFrom([]string{"", ";proto=https", `;host="a,b"`}).Draw(t, "rest")
	return `for="` + text + `"` + rest
}

func address(t *rapid.T, prefix, name string) netip.Addr {
	p := netip.MustParsePrefix(prefix)
	bytes := p.Addr().AsSlice()
	tail := rapid.SliceOfN(rapid.Byte(), 2, 2).Draw(t, name)
	copy(bytes[len(bytes)-2:], tail)
	a, _ := netip.AddrFromSlice(bytes)
	return a
}

// TestNobodyLooksLikeAnother: whatever a client writes into headers, it is known by the address from which the first
// trusted proxy, or this server, was reached by it.
func TestNobodyLooksLikeAnother(t *testing.T) {
	forged := rapid.OneOf(
		rapid.StringMatching(`[\x20-\x7e]{0,40}`),
		rapid.StringMatching(`(for=|"|\\|,|;|10\.0\.0\.1|198\.51\.100\.1|\[2001:db8::5\]| |host="|x=){0,12}`),
		rapid.SampledFrom([]string{"10.0.0.1", "for=10.0.0.1", "198.51.100.1", "for=198.51.100.1"}),
	)
	trusting := map[string]clientaddr.Proxies{}
	for _, header := range headers {
		trusting[header] = proxies(t, header)
	}
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.SampledFrom(headers).Draw(t, "header")
		client := address(t, rapid.SampledFrom([]string{"192.0.0.0/16", "2001:db8:0:1::/64"}).Draw(t, "network"), "client")
		all := http.Header{}
		for _, name := range headers {
			all[name] = rapid.SliceOfN(forged, 0, 4).Draw(t, name)
		}
		p := trusting[header]
		if got := p.Client(netip.AddrPortFrom(client, 1).String(), all); got != client {
			t.Fatalf("%s looks like %s by %q", client, got, all)
		}
		// On its way it comes by proxies, each of which adds whom it was reached by.
		via := client
		for range rapid.IntRange(1, 15).Draw(t, "proxies") {
			add(t, all, header, written(t, header, via))
			via = address(t, rapid.SampledFrom([]string{"10.0.0.0/8", "fd00::/8"}).Draw(t, "network"), "proxy")
		}
		if got := p.Client(netip.AddrPortFrom(via, 1).String(), all); got != client {
			t.Fatalf("%s looks like %s by %q", client, got, all)
		}
	})
}

// add adds an entry as proxies do: to the last line, or as a line of its own.
func add(t *rapid.T, all http.Header, header, entry string) {
	lines := all[header]
	if len(lines) == 0 || rapid.Bool().Draw(t, "line") {
		all[header] = append(lines, entry)
		return
	}
	lines[len(lines)-1] += rapid.SampledFrom([]string{", ", ","}).Draw(t, "comma") + entry
}

// FuzzClient: no header makes it panic, nor says who is not trusted is somebody else, nor changes what a proxy adds.
func FuzzClient(f *testing.F) {
	for _, seed := range []string{
		"", "192.0.2.7", "198.51.100.1, [2001:db8::7]:1, 10.2.3.4", "fe80::7%eth0", "::ffff:192.0.2.7", ", ,\n,", "unknown",
		`for=192.0.2.7;proto=https, for="[2001:db8::7]:4711"`, `for="198.51.100.1, for=10.2.3.4`, `for=_hidden;host="\","`,
		"for=a;for=b", "[", "]", "[]", "%", "1:", "=;=", `"`, strings.Repeat("10.0.0.1,", 40),
	} {
		f.Add(seed, "192.0.2.99:1")
		f.Add(seed, "10.0.0.1:1")
	}
	f.Fuzz(func(t *testing.T, header, remote string) {
		lines := strings.Split(header, "\n")
		last := len(lines) - 1
		for name, added := range map[string]string{clientaddr.XForwardedFor: "192.0.2.7:1", clientaddr.Forwarded: `for="192.0.2.7:1"`} {
			p := proxies(t, name)
			own, got := p.Client(remote, nil), p.Client(remote, http.Header{name: lines})
			if got != got.Unmap().WithZone("") || got.IsValid() != own.IsValid() || got != own && !isTrusted(own) {
				t.Fatalf("%q from %q: %s; without header %s", header, remote, got, own)
			}
			behind := append(slices.Clone(lines[:last]), lines[last]+", "+added)
			for _, lines := range [][]string{behind, append(slices.Clone(lines), added)} {
				if got := p.Client(proxy, http.Header{name: lines}).String(); got != "192.0.2.7" {
					t.Fatalf("%q: %s", lines, got)
				}
			}
		}
	})
}

func isTrusted(a netip.Addr) bool {
	for _, text := range []string{"10.0.0.0/8", "fd00::/8", "2001:db8:0:9::1/128"} {
		if netip.MustParsePrefix(text).Contains(a) {
			return true
		}
	}
	return false
}
