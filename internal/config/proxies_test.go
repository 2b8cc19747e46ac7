package config

import (
	"errors"
	"net/http"
	"testing"

	"phoneregistry/internal/clientaddr"
)

func TestProxies(t *testing.T) {
	for _, trusted := range [][]string{nil, {"loopback"}, {"10.1.0.0/16", " 2001:db8::1"}} {
		if err := (&Proxies{TrustedProxies: trusted, ProxyHeader: "Forwarded"}).check(); err != nil {
			t.Errorf("%q: %v", trusted, err)
		}
	}
	err := (&Proxies{TrustedProxies: []string{"10.1.0.0/16", "10.1.2.3/16"}}).check()
	wrong, ok := errors.AsType[*Error](err)
	if !ok || wrong.Error() != `--trusted-proxies "10.1.2.3/16": must be the network 10.1.0.0/16, or the address 10.1.2.3` {
		t.Errorf("%v", err)
	}
	p, err := (&Proxies{TrustedProxies: []string{"loopback"}, ProxyHeader: "Forwarded"}).Trusted()
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{clientaddr.Forwarded: {"for=192.0.2.7"}, clientaddr.XForwardedFor: {"192.0.2.8"}}
	if got := p.Client("127.0.0.1:1", header).String(); got != "192.0.2.7" {
		t.Errorf("%s", got)
	}
}
