package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/postgres"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestImportThatIsHeld: a script that starts an import again must not take it to be done while it is not.
func TestImportThatIsHeld(t *testing.T) {
	url := testkit.Database(t)
	file := filepath.Join(t.TempDir(), "contacts.csv")
	if err := os.WriteFile(file, []byte("id,tel\n1,3001234567\n2,3001234568\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := func() (code int, stdout, stderr string) {
		var out, errs bytes.Buffer
		code = run(t.Context(), []string{"import", file, "--source", "web_forms", "--region", "CO", "--database-url", url}, &out, &errs)
		return code, out.String(), errs.String()
	}
	numbers, err := numbering.New()
	if err != nil {
		t.Fatal(err)
	}
	other := importer.New(importer.Config{Store: postgres.New(testkit.OpenPool(t, url), postgres.Options{}), Numbers: numbers, BatchRows: 1})
	held := 0
	_, _, err = other.ImportFile(t.Context(), file, importer.Options{Source: "web_forms", Region: "CO", MaxPhones: 5}, func(b registry.ImportBatch) {
		if b.Status.Ended() {
			return
		}
		held++
		if code, out, text := command(); code != 1 || out != "" || !strings.Contains(text, "another process works on this file") {
			t.Errorf("at row %d: exit %d, %q, %q", b.RowsRead, code, out, text)
		}
	})
	if err != nil || held != 2 {
		t.Fatalf("held %d times, %v", held, err)
	}
	if code, out, text := command(); code != 0 || !strings.Contains(out, "This file was imported before") {
		t.Errorf("at its end: exit %d, %q, %q", code, out, text)
	}
}
