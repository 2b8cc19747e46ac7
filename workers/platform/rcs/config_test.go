package rcs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"phoneregistry/internal/testkit/adaptertest"
	"phoneregistry/workers/platform/rcs"
)

func TestConfig(t *testing.T) {
	g := newGoogle(t)
	good := rcs.Config{Credentials: g.keyFile(nil), Agent: agent}
	file := func(field, value string) func(*rcs.Config) {
		return func(c *rcs.Config) {
			c.Credentials = g.keyFile(func(f map[string]string) { f[field] = value })
		}
	}
	tests := []struct {
		name   string
		change func(*rcs.Config)
		field  string // "": it is right
		want   string
	}{
		{"as it is", func(*rcs.Config) {}, "", ""},
		{"Europe in batches", func(c *rcs.Config) { c.Region, c.Mode, c.MaxBatch = rcs.Europe, rcs.Batch, 10_000 }, "", ""},
		{"old form of the key", file("private_key", pkcs1(t, 2048)), "", ""},
		{"no key file", func(c *rcs.Config) { c.Credentials = nil }, "Credentials", "not JSON"},
		{"a key alone", func(c *rcs.Config) { c.Credentials = []byte("hush-hush") }, "Credentials", "not JSON"},
		{"of a person", file("type", "authorized_user"), "Credentials", `want "type": "service_account"`},
		{"nobody's", file("client_email", ""), "Credentials", "lacks client_email"},
		{"no address for tokens", file("token_uri", ""), "Credentials", "lacks client_email, private_key or token_uri"},
		{"tokens in the open", file("token_uri", "http://oauth2.example/hush-hush"), "Credentials", "not encrypted"},
		{"key is no PEM", file("private_key", "hush-hush"), "Credentials", "not PEM"},
		{"key is rubbish", file("private_key", "-----BEGIN PRIVATE KEY-----\naHVzaC1odXNo\n-----END PRIVATE KEY-----\n"), "Credentials", "not an RSA key"},
		{"key is not RSA", file("private_key", elliptical(t)), "Credentials", "not an RSA key"},
		{"key is short", file("private_key", pkcs1(t, 1024)), "Credentials", "1024 bits"},
		{"no agent", func(c *rcs.Config) { c.Agent = "" }, "Agent", "missing"},
		{"agent is a path", func(c *rcs.Config) { c.Agent = "brands/x/agents/y" }, "Agent", "not an id"},
		{"agent is endless", func(c *rcs.Config) { c.Agent = strings.Repeat("x", 129) }, "Agent", "not an id"},
		{"no such region", func(c *rcs.Config) { c.Region = "mars" }, "Region", "mars"},
		{"no such mode", func(c *rcs.Config) { c.Mode = "both" }, "Mode", "both"},
		{"evidence that has run out", func(c *rcs.Config) { c.TTL = -1 }, "TTL", "more than 0"},
		{"no queries", func(c *rcs.Config) { c.QueriesPerMinute = -1 }, "QueriesPerMinute", "1 or more"},
		{"batch too large", func(c *rcs.Config) { c.MaxBatch = 10_001 }, "MaxBatch", "10000"},
		{"endless", func(c *rcs.Config) { c.Timeout = time.Hour }, "Timeout", "5m0s"},
		{"in the open", func(c *rcs.Config) { c.BaseURL = "http://rcs.example" }, "BaseURL", "not encrypted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := good
			tt.change(&cfg)
			a, err := rcs.New(cfg)
			if tt.field == "" {
				if err != nil {
					t.Fatal(err)
				}
				a.Close()
				return
			}
			adaptertest.CheckSettingError(t, err, "rcs", tt.field, tt.want, "PRIVATE KEY")
		})
	}
}

// TestPrinted: no way of printing a configuration shows the key, and the region picks the endpoint.
func TestPrinted(t *testing.T) {
	cfg := rcs.Config{Credentials: newGoogle(t).keyFile(nil), Agent: agent, Region: rcs.Asia}
	for _, text := range []string{fmt.Sprint(cfg), fmt.Sprintf("%+v", cfg), fmt.Sprintf("%#v", cfg)} {
		if text != "rcs agent my_brand_agent at https://asia-rcsbusinessmessaging.googleapis.com" {
			t.Errorf("printed as %s", text)
		}
	}
}

func pkcs1(t *testing.T, bits int) string {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0") // to make a key that is too short
	key := newKey()
	if bits != 2048 {
		var err error
		if key, err = rsa.GenerateKey(rand.Reader, bits); err != nil {
			t.Fatal(err)
		}
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func elliptical(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
