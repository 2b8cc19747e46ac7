package config_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/internal/config"
	"phoneregistry/registry/scoring"
)

func TestAdaptersCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*config.Serve)
		field string // "": it is right
	}{
		{"kinds in any case", func(s *config.Serve) {
			s.Adapter = map[string]string{"whatsapp": "FirstParty", "LINE": "twilio"}
		}, ""},
		{"kind of no platform", func(s *config.Serve) { s.Adapter = map[string]string{"ICQ": "simulator"} }, "--adapter"},
		{"two kinds of one platform", func(s *config.Serve) {
			s.Adapter = map[string]string{"apple": "simulator", "APPLE": "firstparty"}
		}, "--adapter"},
		{"two services of one platform", func(s *config.Serve) {
			s.Webservice = map[string]string{"apple": "https://a/", "APPLE": "https://b/"}
		}, "--webservice"},
		{"service for the line", func(s *config.Serve) { s.Webservice = map[string]string{"line": "https://host/"} }, ""},
		{"service without scheme", func(s *config.Serve) { s.Webservice = map[string]string{"line": "host/"} }, "--webservice"},
		{"too much at once", func(s *config.Serve) { s.Concurrency = 257 }, "--concurrency"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := good()
			c.spoil(&s)
			err := s.Check()
			e, ok := errors.AsType[*config.Error](err)
			if (err == nil) != (c.field == "") || ok && e.Field != c.field {
				t.Errorf("Check() = %v, want an error of %q", err, c.field)
			}
		})
	}
}

func TestNamed(t *testing.T) {
	a := config.Adapters{
		Adapter:    map[string]string{"whatsapp": " FirstParty", "Line": "TWILIO"},
		Webservice: map[string]string{"apple": "https://Host/Path"},
	}
	kinds, err := a.Named()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[scoring.Platform]string{scoring.WhatsApp: "firstparty", scoring.Line: "twilio"}, kinds); diff != "" {
		t.Error(diff)
	}
	services, err := a.Services()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[scoring.Platform]string{scoring.Apple: "https://Host/Path"}, services); diff != "" {
		t.Error(diff)
	}
}
