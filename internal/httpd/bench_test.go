package httpd_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"phoneregistry/registry"
)

// BenchmarkGraphQL measures whole requests over HTTP against the real store, from 16 connections: of an operator, who sees
// masked numbers, and of a steward, whose reads are recorded.
func BenchmarkGraphQL(b *testing.B) {
	a := newApp(b)
	a.addPhones(b, 1000)
	for name, query := range map[string]string{
		"one_customer": `{ customer(customerId: "customer-7") { phones { number isPrimary isVerified confidence source firstSeenAt lastSeenAt } } }`,
		"page_of_500": `{ phones(first: 500) { nodes {
			number region lineType originalCarrier location isValid planVersion createdAt updatedAt } } }`,
	} {
		for _, role := range []registry.Role{registry.RoleOperator, registry.RoleSteward} {
			b.Run(name+"/"+string(role), func(b *testing.B) { a.benchmark(b, role, query) })
		}
	}
}

func (a *app) benchmark(b *testing.B, role registry.Role, query string) {
	body, err := json.Marshal(vars{"query": query})
	must(b, err)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, MaxConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	b.SetParallelism(8) // on two processors: 16 clients
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, a.url+"/graphql", bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer "+a.tokens[role])
			r.Header.Set("X-Purpose", "benchmark")
			r.Header.Set("Content-Type", "application/json")
			response, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			if n, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK || n < 100 {
				b.Errorf("%d, %d bytes, %v", response.StatusCode, n, err)
			}
			_ = response.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
