// Package clientaddr finds out from which address a client comes when there are proxies in between. What a proxy tells of
// it in a header is believed of proxies that are trusted, and of nobody else: a client could write it as well.
package clientaddr

import (
	"net/http"
	"net/netip"
)

// Headers in which proxies tell where a request comes from.
const (
	XForwardedFor = "X-Forwarded-For"
	Forwarded     = "Forwarded" // RFC 7239
)

// maxHops is how many entries of a header are looked at. Nobody has so many proxies one behind the other.
const maxHops = 16

// Proxies are those whose word is taken. The zero value trusts none, and looks at no header.
type Proxies struct {
	trusted []netip.Prefix
	header  string // the one that they write; the other may have been written by anybody
}

// Handler lets a handler see, as the RemoteAddr of a request that comes from a trusted proxy, the address of the client,
// with port 0. All that depends on where a request comes from then sees the same.
func (p Proxies) Handler(next http.Handler) http.Handler {
	if len(p.trusted) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, client := p.find(r.RemoteAddr, r.Header)
		if client != peer {
			own := *r // a request is not to be changed by those who handle it
			own.RemoteAddr = netip.AddrPortFrom(client, 0).String()
			r = &own
		}
		next.ServeHTTP(w, r)
	})
}

// Client returns the address of who sent a request, without zone, and of IPv4 as such: that of the connection, remote
// (HOST:PORT), or that which trusted proxies tell. It is not valid when remote is no address.
func (p Proxies) Client(remote string, header http.Header) netip.Addr {
	_, client := p.find(remote, header)
	return client
}

// find goes back from the connection, entry by entry from the end of the header, for as long as the one who wrote it is
// trusted. The first who is not is the client: it may have written all that is left of it. An entry that is no address
// ends the walk at the one who wrote it.
func (p Proxies) find(remote string, header http.Header) (peer, client netip.Addr) {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return peer, client
	}
	peer = plain(at.Addr())
	client = peer
	if !p.trusts(client) {
		return peer, client
	}
	told := entries{lines: header[p.header], forwarded: p.header == Forwarded}
	for range maxHops {
		address, ok := told.last()
		if !ok {
			break
		}
		client = address
		if !p.trusts(client) {
			break
		}
	}
	return peer, client
}

func (p Proxies) trusts(address netip.Addr) bool {
	for _, prefix := range p.trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// plain is an address in the form in which it is compared: one of IPv4 is no address of IPv6, and which interface of ours
// it is reached by does not matter.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
