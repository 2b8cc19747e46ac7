package httpd_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// TestFailuresAsCSV: every failure once, in order, over many pages; whole numbers only for those who may see them, and no
// formulas.
func TestFailuresAsCSV(t *testing.T) {
	a := newApp(t)
	numbers := make([]string, 600)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("+57300%07d", 1000000+i)
	}
	id := a.startJob(t, numbers, 500, "WHATSAPP", "GOOGLE")
	for a.work(t, 50, func(n registry.Number, p registry.Platform) registry.Check {
		c := refused(n, p)
		c.Reason = `=HYPERLINK("x"), "quoted"`
		return c
	}) > 0 {
	}
	path := "/v1/jobs/" + id + "/failures.csv"
	refused := a.request(t, registry.RoleViewer, http.MethodGet, path, "", nil) // whole lists are not for viewers
	if body := readAll(t, refused); refused.StatusCode != http.StatusForbidden || !strings.Contains(body, "EXPORT") {
		t.Errorf("a viewer: %d %s", refused.StatusCode, body)
	}
	for role, whole := range map[registry.Role]bool{
		registry.RoleAnalyst: false, registry.RoleSteward: false, registry.RoleOperator: false, registry.RoleAdmin: true,
	} {
		response := a.request(t, role, http.MethodGet, path, "", nil)
		rows, err := csv.NewReader(strings.NewReader(readAll(t, response))).ReadAll()
		if err != nil || response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/csv") {
			t.Fatalf("%s: %d, %v", role, response.StatusCode, err)
		}
		if len(rows) != 1+2*600 || strings.Join(rows[0], ",") != "number,platform,status,reason,attempts,failed_at" {
			t.Fatalf("%s: %d rows, the first %v", role, len(rows), rows[0])
		}
		seen := map[string]bool{}
		for i, row := range rows[1:] {
			seen[row[0]+row[1]] = true
			if want := []string{"WHATSAPP", "GOOGLE"}[i/600]; row[1] != want || row[3] != `'=HYPERLINK("x"), "quoted"` || row[5] == "" {
				t.Fatalf("%s: row %d is %v", role, i, row)
			}
			if strings.Contains(row[0], "*") == whole {
				t.Fatalf("%s: sees %s", role, row[0])
			}
		}
		if whole && len(seen) != 2*600 {
			t.Errorf("%s: %d different failures", role, len(seen))
		}
	}
}

func TestFailuresOfNoJob(t *testing.T) {
	a := newApp(t)
	for _, id := range []string{"nonsense", opaque.UUID("imp", uuid.New()), opaque.UUID("job", uuid.New())} {
		response := a.request(t, registry.RoleAdmin, http.MethodGet, fmt.Sprintf("/v1/jobs/%s/failures.csv", id), "", nil)
		if body := readAll(t, response); response.StatusCode != http.StatusNotFound || !strings.Contains(body, "NOT_FOUND") ||
			response.Header.Get("Content-Disposition") != "" {
			t.Errorf("%s: %d %s", id, response.StatusCode, body)
		}
	}
	response := a.request(t, "", http.MethodGet, "/v1/jobs/"+opaque.UUID("job", uuid.New())+"/failures.csv", "", nil)
	if body := readAll(t, response); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %d %s", response.StatusCode, body)
	}
}
