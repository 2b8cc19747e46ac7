package httpd_test

import (
	"os"
	"regexp"
	"testing"

	"phoneregistry/registry"
)

var graphQLBlocks = regexp.MustCompile("(?s)```graphql\n(.*?)```")

// TestExamplesOfDocsRun: what a page shows is what the API takes.
func TestExamplesOfDocsRun(t *testing.T) {
	a := newApp(t)
	page, err := os.ReadFile("../../docs/adapters/evidence.md")
	must(t, err)
	blocks := graphQLBlocks.FindAllSubmatch(page, -1)
	if len(blocks) != 3 {
		t.Fatalf("%d examples", len(blocks))
	}
	for i, block := range blocks {
		got := ask[struct {
			RecordEvidence *struct {
				Recorded   int
				UserErrors []any
			}
			Phone *struct {
				LineTypeSource string
				LeadScore      *struct{ Total int }
			}
		}](t, a, registry.RoleSteward, string(block[1]), nil)
		switch {
		case i == 0 && (got.RecordEvidence.Recorded != 3 || len(got.RecordEvidence.UserErrors) > 0):
			t.Errorf("example %d: %+v", i, got.RecordEvidence)
		case i == 1 && (got.Phone == nil || got.Phone.LeadScore == nil || got.Phone.LeadScore.Total != 100):
			t.Errorf("example %d: %+v", i, got.Phone)
		case i == 2 && (got.Phone == nil || got.Phone.LineTypeSource != "PLAN"):
			t.Errorf("example %d: %+v", i, got.Phone)
		}
	}
}
