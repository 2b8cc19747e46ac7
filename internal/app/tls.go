package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/config"
)

const (
	certificateEvery = 5 * time.Second // between looks at the files
	maxPEM           = 1 << 20         // bytes of a file that may be a certificate or a key
	// hsts is how long a browser that has come by TLS comes by nothing else.
	hsts = "max-age=31536000"
)

// certificate is what the public listener shows. It follows its files; one that cannot be used changes nothing.
type certificate struct {
	files   config.TLS
	log     *slog.Logger
	current atomic.Pointer[tls.Certificate]

	cert, key []byte // as read last, good or not: what is bad is told once; only the loop looks
}

// loadCertificate reads the certificate when one is wanted, before anything is started: with one that cannot be used nothing is.
func (s *Server) loadCertificate(context.Context) error {
	if s.config.TLSCert == "" {
		return nil
	}
	s.certificate = &certificate{files: s.config.TLS, log: s.log}
	_, err := s.certificate.read()
	return err
}

// serveTLS puts TLS before the public listener when it is wanted, and a header that keeps browsers to it before the
// handler.
func (s *Server) serveTLS(l net.Listener, h http.Handler) (net.Listener, http.Handler, error) {
	c := s.certificate
	if c == nil {
		return l, h, nil
	}
	expires := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tls_certificate_expires_seconds", Help: "When the certificate of the public listener expires, as a Unix time.",
	}, func() float64 { return float64(c.current.Load().Leaf.NotAfter.Unix()) })
	if err := s.metrics.Register(expires); err != nil {
		return nil, nil, err
	}
	s.parts.loop("certificate", c.follow)
	return tls.NewListener(l, c.tlsConfig()), strictTransport(h), nil
}

// tlsConfig lets HTTP/2 be spoken, and HTTP/1.1, over which WebSockets come.
func (c *certificate) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// follow reads the files again when they change, and at once on SIGHUP.
func (c *certificate) follow(ctx context.Context) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	look := time.NewTicker(certificateEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			c.cert, c.key = nil, nil // asked for by a person, who wants to be told of what is bad again
		case <-look.C:
		}
		c.refresh()
	}
}

// refresh reads the files, and tells what came of it when they have changed.
func (c *certificate) refresh() {
	changed, err := c.read()
	switch {
	case err != nil && changed:
		c.log.Error("the new certificate cannot be used; the old one stays", "error", err)
	case changed:
		c.log.Info("certificate read", "expires", c.current.Load().Leaf.NotAfter)
	}
}

// read reads the files and takes what is in them if it can be used. A certificate and a key that do not belong
// together are mostly half of a change: the next look finds the other half.
func (c *certificate) read() (changed bool, err error) {
	cert, certErr := readPEM(c.files.TLSCert)
	key, keyErr := readPEM(c.files.TLSKey)
	if c.cert != nil && bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return false, nil
	}
	c.cert, c.key = append([]byte{}, cert...), append([]byte{}, key...)
	switch {
	case certErr != nil:
		return true, c.wrongCert(certErr.Error())
	case keyErr != nil:
		return true, c.wrongKey(keyErr.Error())
	}
	pair, err := tls.X509KeyPair(cert, key)
	switch {
	case err != nil && isCertificate(cert) && !isKey(key):
		return true, c.wrongKey("want a private key in PEM form that needs no password")
	case err != nil:
		return true, c.wrongCert(err.Error())
	case !time.Now().Before(pair.Leaf.NotAfter):
		return true, c.wrongCert("it expired at " + pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	c.current.Store(&pair)
	return true, nil
}

func (c *certificate) wrongCert(why string) error {
	return &config.Error{Field: "--tls-cert", Value: c.files.TLSCert, Want: why}
}

func (c *certificate) wrongKey(why string) error {
	return &config.Error{Field: "--tls-key", Value: c.files.TLSKey, Want: why}
}

// isCertificate reports whether a file begins with a certificate.
func isCertificate(text []byte) bool {
	block, _ := pem.Decode(text)
	if block == nil {
		return false
	}
	_, err := x509.ParseCertificate(block.Bytes)
	return err == nil
}

// isKey reports whether a file holds a private key, as crypto/tls looks for one.
func isKey(text []byte) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		_, pkcs8 := x509.ParsePKCS8PrivateKey(block.Bytes)
		_, pkcs1 := x509.ParsePKCS1PrivateKey(block.Bytes)
		_, sec1 := x509.ParseECPrivateKey(block.Bytes)
		return pkcs8 == nil || pkcs1 == nil || sec1 == nil
	}
	return false
}

// readPEM reads a file of reasonable size.
func readPEM(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxPEM {
		return nil, fmt.Errorf("%s is too large to be a certificate or a key", path)
	}
	return os.ReadFile(path)
}

// strictTransport keeps browsers to TLS.
func strictTransport(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", hsts)
		next.ServeHTTP(w, r)
	})
}
