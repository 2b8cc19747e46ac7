package config

import (
	"net"
	"net/url"

	"phoneregistry/registry"
)

// OIDC says whose tokens are taken beside API keys. Without an issuer there are none.
type OIDC struct {
	OIDCIssuer    string            `name:"oidc-issuer" help:"Take tokens (JWT) of this OpenID Connect issuer beside API keys." placeholder:"URL"`
	OIDCAudience  string            `name:"oidc-audience" help:"Audience that such a token must be made for; goes with --oidc-issuer." placeholder:"AUDIENCE"`
	OIDCRoleClaim string            `name:"oidc-role-claim" help:"Claim that names roles, a text or a list of them; with dots for a claim within a claim, such as realm_access.roles." default:"roles" placeholder:"CLAIM"`
	OIDCRoleMap   map[string]string `name:"oidc-role-map" help:"Which role a value of that claim means, such as phone-team=STEWARD; several. Left out: the values are the roles themselves." placeholder:"VALUE=ROLE"`
}

// check reports what is wrong, and fills in the default.
func (o *OIDC) check() error {
	if o.OIDCIssuer == "" {
		if o.OIDCAudience != "" || len(o.OIDCRoleMap) > 0 {
			return &Error{"--oidc-issuer", "", "is required with --oidc-audience and --oidc-role-map"}
		}
		return nil
	}
	u, err := url.Parse(o.OIDCIssuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !secure(u) {
		return &Error{"--oidc-issuer", "", "must be a URL such as https://login.example.com/realm; http only on this machine"}
	}
	if o.OIDCAudience == "" {
		return &Error{"--oidc-audience", "", "is required with --oidc-issuer: without it any token of the issuer would do"}
	}
	if o.OIDCRoleClaim == "" {
		o.OIDCRoleClaim = "roles"
	}
	for value, role := range o.OIDCRoleMap {
		if value == "" || !registry.Role(role).Valid() {
			return &Error{"--oidc-role-map", value + "=" + role, "must be VALUE=ROLE with VIEWER, ANALYST, STEWARD, OPERATOR or ADMIN"}
		}
	}
	return nil
}

// secure reports whether nobody on the way can change what an address answers.
func secure(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
