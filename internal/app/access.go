package app

import (
	"phoneregistry/internal/auth"
	"phoneregistry/internal/config"
	"phoneregistry/registry"
)

// newAuth makes what finds out who calls.
func (s *Server) newAuth() *auth.Authenticator {
	c := auth.Config{
		Store: s.store, BootstrapToken: s.token, Logger: s.log, OIDC: newOIDC(s.config.OIDC), MaxFailures: s.config.AuthFailures,
		LookUp: s.config.Rates.Deadline,
	}
	if c.MaxFailures == 0 { // said by the operator: none
		c.MaxFailures = -1
	}
	return auth.New(c)
}

// newOIDC says whose tokens are taken beside API keys; nil: nobody's.
func newOIDC(c config.OIDC) *auth.OIDC {
	if c.OIDCIssuer == "" {
		return nil
	}
	roles := make(map[string]registry.Role, len(c.OIDCRoleMap))
	for value, role := range c.OIDCRoleMap {
		roles[value] = registry.Role(role)
	}
	return &auth.OIDC{Issuer: c.OIDCIssuer, Audience: c.OIDCAudience, RoleClaim: c.OIDCRoleClaim, Roles: roles}
}
