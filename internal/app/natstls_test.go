package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/app"
	"phoneregistry/internal/bus"
	"phoneregistry/internal/config"
	"phoneregistry/internal/testkit"
)

// identity is a certificate with its key, in files.
type identity struct {
	cert     *x509.Certificate
	key      *ecdsa.PrivateKey
	certFile string
	keyFile  string
}

// newIdentity makes a certificate that is signed by an authority; nil: by itself.
func newIdentity(t *testing.T, dir, name string, by *identity) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: by == nil,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	id := &identity{cert: template, key: key, certFile: filepath.Join(dir, name+".pem"), keyFile: filepath.Join(dir, name+".key")}
	if by == nil {
		by = id
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	if id.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{id.certFile: {Type: "CERTIFICATE", Bytes: der}, id.keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// TestNATSOverTLS: a worker shows its certificate and trusts only the authority that it was told.
func TestNATSOverTLS(t *testing.T) {
	dir := t.TempDir()
	authority, stranger := newIdentity(t, dir, "authority", nil), newIdentity(t, dir, "stranger", nil)
	own, worker := newIdentity(t, dir, "server", authority), newIdentity(t, dir, "worker", authority)
	pair, err := tls.LoadX509KeyPair(own.certFile, own.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.cert)
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: filepath.Join(dir, "store"), NoSigs: true, NoLog: true, TLSTimeout: 30,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("NATS did not become ready")
	}
	c := config.Worker{
		NATS:     config.NATS{NATSURL: s.ClientURL(), NATSTLS: config.NATSTLS{NATSCA: authority.certFile, NATSCert: worker.certFile, NATSKey: worker.keyFile}},
		Adapters: config.Adapters{Concurrency: 1}, Platform: []string{"google"},
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*config.Worker){
		"a strange authority": func(c *config.Worker) { c.NATSCA = stranger.certFile },
		"no certificate":      func(c *config.Worker) { c.NATSCert, c.NATSKey = "", "" },
		"no such file":        func(c *config.Worker) { c.NATSCA = filepath.Join(dir, "nothing.pem") },
	} {
		wrong := c
		change(&wrong)
		if err := app.Work(t.Context(), wrong, app.Options{Logger: testkit.Logger(t)}); app.ExitCode(err) != app.ExitUnreachable {
			t.Errorf("%s: %v", name, err)
		}
	}
	watcher, err := nats.Connect(s.ClientURL(), nats.RootCAs(authority.certFile), nats.ClientCert(worker.certFile, worker.keyFile))
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	watcher.SetClosedHandler(func(*nats.Conn) { close(closed) })
	defer func() {
		watcher.Close()
		<-closed
	}()
	heartbeats, err := watcher.SubscribeSync(bus.WorkerStatuses)
	if err != nil {
		t.Fatal(err)
	}
	if err := watcher.Flush(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- app.Work(ctx, c, app.Options{Logger: testkit.Logger(t)}) }()
	if _, err := heartbeats.NextMsg(time.Minute); err != nil {
		t.Errorf("no heartbeat: %v", err)
	}
	js, err := jetstream.New(watcher)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it pulls", func() bool {
		consumer, err := js.Consumer(t.Context(), bus.WorkStream("GOOGLE"), bus.WorkConsumer)
		return err == nil && consumer.CachedInfo().NumWaiting > 0
	})
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
