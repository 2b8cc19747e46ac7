package config_test

import (
	"testing"
	"time"

	"phoneregistry/internal/config"
	"phoneregistry/registry"
)

func TestDeadlines(t *testing.T) {
	r := config.Rates{Deadline: 30 * time.Second, DeadlineRole: map[string]string{"STEWARD": "5s", "admin": "2m"}}
	d, err := r.Deadlines()
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[registry.Role]time.Duration{
		registry.RoleViewer: 10 * time.Second, registry.RoleAnalyst: 30 * time.Second, registry.RoleSteward: 5 * time.Second,
		registry.RoleAdmin: 2 * time.Minute, "": 30 * time.Second,
	} {
		if got := d.Of(role); got != want {
			t.Errorf("%s has %s; want %s", role, got, want)
		}
	}
	if d.Longest() != 2*time.Minute {
		t.Errorf("the longest is %s", d.Longest())
	}
}
