package registry_test

import (
	"strings"
	"testing"

	"phoneregistry/registry"
)

func TestParsePurpose(t *testing.T) {
	for text, want := range map[string]string{
		"campaign spring":                    "campaign spring",
		"  spaces around \t":                 "spaces around",
		"a":                                  "a",
		strings.Repeat("ñ", 200):             strings.Repeat("ñ", 200),
		"ticket 123456":                      "ticket 123456",
		"audit of 2026-11-21":                "audit of 2026-11-21",
		"lote 12, 34567 and 89012":           "lote 12, 34567 and 89012",
		"reclamo nº 4711 / 2026":             "reclamo nº 4711 / 2026",
		"":                                   "",
		" ":                                  "",
		strings.Repeat("x", 201):             "",
		"two\nlines":                         "",
		"nul\x00":                            "",
		"turned \u202e around":               "",
		"not \xff UTF-8":                     "",
		"call +573001234567":                 "",
		"call 3001234":                       "",
		"call 300 123 45 67":                 "",
		"call +57 (300) 123":                 "",
		"call ٣٠٠١٢٣٤٥٦٧":                    "",
		"call ３００１２３４":                       "",
		"id customer@573001234567@something": "",
	} {
		got, err := registry.ParsePurpose(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", text, got, err, want)
		}
		if err != nil && strings.TrimSpace(text) != "" && len(text) > 4 && strings.Contains(err.Error(), text) {
			t.Errorf("%q: the error repeats it: %v", text, err)
		}
		if _, user := registry.UserErrors(err); err != nil && !user {
			t.Errorf("%q: %v is not for the caller", text, err)
		}
	}
}
