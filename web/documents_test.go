package web

import "testing"

func TestDocuments(t *testing.T) {
	if got := Documents(); len(got) < 20 {
		t.Errorf("%d documents of the dashboard; want them all", len(got))
	}
}
