package config

import (
	"errors"
	"testing"
)

func TestTLSNeedsBoth(t *testing.T) {
	for _, c := range []struct {
		tls   TLS
		field string
	}{
		{TLS{}, ""},
		{TLS{TLSCert: "a.pem", TLSKey: "a.key"}, ""},
		{TLS{TLSCert: "a.pem"}, "--tls-key"},
		{TLS{TLSKey: "a.key"}, "--tls-cert"},
	} {
		err := c.tls.check()
		if wrong, ok := errors.AsType[*Error](err); (c.field == "") != (err == nil) || ok && wrong.Field != c.field {
			t.Errorf("%+v: %v; want %q", c.tls, err, c.field)
		}
	}
}
