package httpd_test

import (
	"testing"
	"time"

	"phoneregistry/registry"
)

// TestNobodyOutlivesTheirKey: who holds a key that ends makes of it neither one that lasts, nor lets it last itself. Who
// holds one that lasts may do both.
func TestNobodyOutlivesTheirKey(t *testing.T) {
	a := newApp(t)
	const brief = registry.Role("brief")
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	own := a.createKey(t, registry.RoleAdmin, vars{"name": "brief", "role": "ADMIN", "expiresAt": end})
	a.tokens[brief] = own.Token
	lasting := a.createKey(t, registry.RoleAdmin, vars{"name": "lasting", "role": "VIEWER"})
	sooner := a.createKey(t, registry.RoleAdmin, vars{"name": "sooner", "role": "VIEWER", "expiresAt": end.Add(-time.Minute)})
	const refused = "INVALID_INPUT input.expiresAt"
	for name, c := range map[string]struct {
		expires any
		want    string
	}{
		"as long":  {end, ""},
		"sooner":   {end.Add(-time.Second), ""},
		"longer":   {end.Add(time.Second), refused},
		"for ever": {nil, refused},
	} {
		if got := a.createKey(t, brief, vars{"name": name, "role": "VIEWER", "expiresAt": c.expires}); got.wrong() != c.want ||
			(got.Token == "") != (c.want != "") {
			t.Errorf("made, %s: %+v; want %q", name, got, c.want)
		}
	}
	change := func(role registry.Role, key keyPayload, value vars) string {
		t.Helper()
		value["id"] = key.APIKey.ID
		return a.changeKey(t, role, "updateApiKey", "UpdateApiKeyInput", value).wrong()
	}
	for name, c := range map[string]struct{ got, want string }{
		"its own, for ever":      {change(brief, own, vars{"expiresAt": nil}), refused},
		"its own, longer":        {change(brief, own, vars{"expiresAt": end.Add(time.Second)}), refused},
		"its own name":           {change(brief, own, vars{"name": "brief 2"}), ""},
		"another, for ever":      {change(brief, sooner, vars{"expiresAt": nil}), refused},
		"another, as long":       {change(brief, sooner, vars{"expiresAt": end}), ""},
		"one that lasts, sooner": {change(brief, lasting, vars{"expiresAt": end.Add(time.Minute)}), ""},
		"by who lasts":           {change(registry.RoleAdmin, own, vars{"expiresAt": nil}), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q; want %q", name, c.got, c.want)
		}
	}
}
