package app

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"phoneregistry/internal/config"
)

// TestWhatsAppSecrets: the webhook is off without files, and does not start with secrets that can be guessed.
func TestWhatsAppSecrets(t *testing.T) {
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	long, other, short := file(strings.Repeat("s", 32)+"\n"), file(strings.Repeat("o", 32)), file("abc")
	for _, c := range []struct {
		name  string
		c     config.WhatsApp
		field string // of the error; "": none
	}{
		{"off", config.WhatsApp{}, ""},
		{"on", config.WhatsApp{WhatsAppToken: long, WhatsAppSecrets: []string{long, other}, WhatsAppHoldsFor: time.Hour}, ""},
		{"a short token", config.WhatsApp{WhatsAppToken: short, WhatsAppSecrets: []string{long}}, "--whatsapp-verify-token-file"},
		{"a short secret", config.WhatsApp{WhatsAppToken: long, WhatsAppSecrets: []string{long, short}}, "--whatsapp-app-secret-file"},
		{"no file", config.WhatsApp{WhatsAppToken: long, WhatsAppSecrets: []string{long + "x"}}, "--whatsapp-app-secret-file"},
	} {
		w, err := newWhatsApp(c.c)
		if wrong, _ := errors.AsType[*config.Error](err); (c.field == "") != (err == nil) || (wrong != nil && wrong.Field != c.field) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.name == "on" && (w.VerifyToken != strings.Repeat("s", 32) || !slices.Equal(w.AppSecrets, []string{strings.Repeat("s", 32), strings.Repeat("o", 32)}) || w.HoldsFor != time.Hour) {
			t.Errorf("read %d secrets", len(w.AppSecrets))
		}
		if (w != nil) != (c.name == "on") {
			t.Errorf("%s: %v", c.name, w != nil)
		}
	}
}
