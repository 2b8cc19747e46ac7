package dispatch

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"phoneregistry/registry"
)

// errPrivate says that a host name leads to where webhooks must not be called.
var errPrivate = errors.New("the address is not public")

// newClient makes the client that calls webhooks. Unless private addresses are allowed, each connection is refused that
// would leave the public Internet. That is looked at when the name has been resolved and the connection is about to be
// made, so that no name can lead elsewhere between the look and the call. A proxy of the environment is not used: it
// would resolve the name itself.
func newClient(allowPrivate bool, roots *x509.CertPool, perHost int, timeout time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second}
	if !allowPrivate {
		dialer.Control = refusePrivate
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    timeout,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    perHost,
			MaxIdleConns:           registry.MaxWebhooks,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
		// What is told is told to who was named, and to nobody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// refusePrivate is called with the address that a connection is to be made to.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !registry.PublicAddress(a.Addr()) {
		return errPrivate
	}
	return nil
}
