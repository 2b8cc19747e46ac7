package registry

import (
	"context"
	"slices"
)

// Role is what a caller may do.
type Role string

// The roles. ADMIN may do everything.
const (
	RoleViewer   Role = "VIEWER"
	RoleAnalyst  Role = "ANALYST"
	RoleSteward  Role = "STEWARD"
	RoleOperator Role = "OPERATOR"
	RoleAdmin    Role = "ADMIN"
)

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool {
	return slices.Contains([]Role{RoleViewer, RoleAnalyst, RoleSteward, RoleOperator, RoleAdmin}, r)
}

// SeesWholeNumbers reports whether numbers are shown unmasked to this role.
func (r Role) SeesWholeNumbers() bool {
	return r == RoleSteward || r == RoleOperator || r == RoleAdmin
}

// Actor is who acts, for the audit trail and for what may be seen.
type Actor struct {
	Name      string // name of the token, or the part of the system, such as "system:applier"
	Role      Role
	RequestID string // "" outside of requests
}

// May reports whether the actor holds one of the roles; ADMIN always does.
func (a Actor) May(roles ...Role) bool {
	return a.Role == RoleAdmin || slices.Contains(roles, a.Role)
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
