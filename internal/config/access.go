package config

import (
	"strconv"
	"strings"

	"phoneregistry/registry"
)

// Access says what is open to whom, beyond what the schema declares.
type Access struct {
	Production          bool     `help:"Show no more than clients need: GraphiQL is served only with --graphiql, and only administrators may ask for the schema unless --introspection says otherwise; the token is not printed."`
	GraphiQL            *bool    `name:"graphiql" negatable:"" help:"Serve GraphiQL at /graphiql. Default: yes; with --production no."`
	Introspection       []string `help:"Roles that may ask for the schema (introspection), and get suggestions in errors of validation: all, none, or a list such as ADMIN,STEWARD. Default: all; with --production ADMIN." placeholder:"ROLE,…"`
	LookupMissesPerHour int      `name:"lookup-misses-per-hour" help:"Whole numbers that one token, where numbers are masked to it, may ask for in an hour though they are not there: this bounds guessing." default:"100"`
	LookupMissesPerDay  int      `name:"lookup-misses-per-day" help:"The same in a day." default:"500"`
}

func (a *Access) check() error {
	for _, role := range a.Introspection {
		if !allOrNone(role) && !registry.Role(roleName(role)).Valid() {
			return &Error{"--introspection", role, "must be all, none, or roles of VIEWER, ANALYST, STEWARD, OPERATOR and ADMIN"}
		}
		if allOrNone(role) && len(a.Introspection) > 1 {
			return &Error{"--introspection", strings.Join(a.Introspection, ","), "all and none go with nothing else"}
		}
	}
	if a.LookupMissesPerHour < 0 {
		return &Error{"--lookup-misses-per-hour", strconv.Itoa(a.LookupMissesPerHour), "must be 1 or more; left out: 100"}
	}
	if a.LookupMissesPerDay < 0 || a.LookupMissesPerDay > 0 && a.LookupMissesPerDay < a.LookupMissesPerHour {
		return &Error{"--lookup-misses-per-day", strconv.Itoa(a.LookupMissesPerDay), "must be at least --lookup-misses-per-hour"}
	}
	return nil
}

func roleName(text string) string { return strings.ToUpper(strings.TrimSpace(text)) }

func allOrNone(text string) bool { return roleName(text) == "ALL" || roleName(text) == "NONE" }

// ServesGraphiQL reports whether GraphiQL is served.
func (a *Access) ServesGraphiQL() bool {
	if a.GraphiQL != nil {
		return *a.GraphiQL
	}
	return !a.Production
}

// Introspecting returns the roles that may ask for the schema; nil: all of them.
func (a *Access) Introspecting() []registry.Role {
	switch {
	case len(a.Introspection) == 0 && a.Production:
		return []registry.Role{registry.RoleAdmin}
	case len(a.Introspection) == 0 || roleName(a.Introspection[0]) == "ALL":
		return nil
	case roleName(a.Introspection[0]) == "NONE":
		return []registry.Role{}
	}
	roles := make([]registry.Role, len(a.Introspection))
	for i, role := range a.Introspection {
		roles[i] = registry.Role(roleName(role))
	}
	return roles
}

// Lookups is how often whole numbers may be guessed where they are masked.
func (a *Access) Lookups() registry.LookupLimits {
	return registry.LookupLimits{PerHour: a.LookupMissesPerHour, PerDay: a.LookupMissesPerDay}
}
