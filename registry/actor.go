package registry

import (
	"context"
	"slices"
	"time"
)

// Role is what a caller may do: a set of scopes.
type Role string

// The roles. ADMIN may do everything.
const (
	RoleViewer   Role = "VIEWER"
	RoleAnalyst  Role = "ANALYST"
	RoleSteward  Role = "STEWARD"
	RoleOperator Role = "OPERATOR"
	RoleAdmin    Role = "ADMIN"
)

// Roles lists the roles.
func Roles() []Role { return []Role{RoleViewer, RoleAnalyst, RoleSteward, RoleOperator, RoleAdmin} }

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// Scopes returns what a role may do; nothing for one that is not known.
func (r Role) Scopes() Scopes {
	analyst := ScopesOf(ScopeRead, ScopeAggregate, ScopeExport)
	switch r {
	case RoleViewer:
		return ScopesOf(ScopeRead)
	case RoleAnalyst:
		return analyst
	case RoleSteward:
		return analyst | ScopesOf(ScopeReveal, ScopeEdit)
	case RoleOperator:
		return analyst | ScopesOf(ScopeJobs, ScopeImports)
	case RoleAdmin:
		return ScopesOf(AllScopes()...)
	}
	return 0
}

// Scope is one thing that a caller may be allowed to do. Each field of the schema names the one it needs.
type Scope string

// The scopes.
const (
	ScopeRead      Scope = "READ"       // the registry, with numbers masked
	ScopeAggregate Scope = "AGGREGATE"  // totals over the registry
	ScopeExport    Scope = "EXPORT"     // whole lists as files
	ScopeReveal    Scope = "REVEAL"     // whole numbers, for a purpose
	ScopeEdit      Scope = "EDIT"       // contacts and evidence
	ScopeJobs      Scope = "JOBS"       // validation jobs, schedules, workers
	ScopeImports   Scope = "IMPORTS"    // files taken in
	ScopeAdmin     Scope = "ADMINISTER" // sources, webhooks, API keys, the access log
)

// AllScopes lists the scopes.
func AllScopes() []Scope {
	return []Scope{ScopeRead, ScopeAggregate, ScopeExport, ScopeReveal, ScopeEdit, ScopeJobs, ScopeImports, ScopeAdmin}
}

// Scopes is a set of scopes.
type Scopes uint16

// ScopesOf returns the set of scopes; those that are not known are left out.
func ScopesOf(scopes ...Scope) Scopes {
	var set Scopes
	for _, s := range scopes {
		if at := slices.Index(AllScopes(), s); at >= 0 {
			set |= 1 << at
		}
	}
	return set
}

// Has reports whether the set holds a scope. No set holds one that is not known.
func (s Scopes) Has(scope Scope) bool {
	one := ScopesOf(scope)
	return one != 0 && s&one == one
}

// List returns the scopes of the set, in their order.
func (s Scopes) List() []Scope {
	var list []Scope
	for at, scope := range AllScopes() {
		if s&(1<<at) != 0 {
			list = append(list, scope)
		}
	}
	return list
}

// Actor is who acts, for the audit trail and for what may be seen.
type Actor struct {
	Name      string // name of the token, or the part of the system, such as "system:applier"
	Role      Role
	Withheld  Scopes // those of the role that the token does not have
	Purpose   string // for what whole numbers are asked, in the caller's words; "": not told
	Token     string // which token it is, the same in every request and on every server; no secret; "": none
	RequestID string // "" outside of requests

	Ends time.Time // when the API key ends that the actor bears; zero: never, or it is none
}

// Scopes returns what the actor may do.
func (a Actor) Scopes() Scopes { return a.Role.Scopes() &^ a.Withheld }

// May reports whether the actor may do something.
func (a Actor) May(scope Scope) bool { return a.Scopes().Has(scope) }

// SeesWholeNumbers reports whether numbers are shown to the actor unmasked: who may reveal them has to say for what.
// Administrators may leave that out; what they see is recorded all the same.
func (a Actor) SeesWholeNumbers() bool {
	return a.May(ScopeReveal) && (a.Purpose != "" || a.Role == RoleAdmin)
}

type actorKey struct{}

// WithActor returns a context that carries who acts.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorFrom returns who acts. Without one it is nobody: no role, sees and may nothing.
func ActorFrom(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a
}
