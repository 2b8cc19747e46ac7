package config

import (
	"errors"
	"testing"
)

func TestOIDC(t *testing.T) {
	for name, c := range map[string]struct {
		oidc  OIDC
		field string
	}{
		"off":               {OIDC{}, ""},
		"on":                {OIDC{OIDCIssuer: "https://login.example.com", OIDCAudience: "api", OIDCRoleMap: map[string]string{"team": "STEWARD"}}, ""},
		"on this machine":   {OIDC{OIDCIssuer: "http://127.0.0.1:9000/realm", OIDCAudience: "api"}, ""},
		"plain":             {OIDC{OIDCIssuer: "http://login.example.com", OIDCAudience: "api"}, "--oidc-issuer"},
		"with a query":      {OIDC{OIDCIssuer: "https://login.example.com?a=b", OIDCAudience: "api"}, "--oidc-issuer"},
		"no URL":            {OIDC{OIDCIssuer: "login", OIDCAudience: "api"}, "--oidc-issuer"},
		"no audience":       {OIDC{OIDCIssuer: "https://login.example.com"}, "--oidc-audience"},
		"no issuer":         {OIDC{OIDCAudience: "api"}, "--oidc-issuer"},
		"an unknown role":   {OIDC{OIDCIssuer: "https://login.example.com", OIDCAudience: "api", OIDCRoleMap: map[string]string{"team": "BOSS"}}, "--oidc-role-map"},
		"roles and no more": {OIDC{OIDCRoleMap: map[string]string{"team": "ADMIN"}}, "--oidc-issuer"},
	} {
		err := c.oidc.check()
		if wrong, ok := errors.AsType[*Error](err); (c.field == "") != (err == nil) || ok && wrong.Field != c.field {
			t.Errorf("%s: %v; want %q", name, err, c.field)
		}
	}
}
