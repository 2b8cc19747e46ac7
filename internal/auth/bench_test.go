package auth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"phoneregistry/internal/auth"
	"phoneregistry/registry"
)

func BenchmarkMiddleware(b *testing.B) {
	store := &keys{}
	for name, token := range map[string]string{"key": store.add(registry.RoleViewer, time.Time{}), "bootstrap": "first"} {
		b.Run(name, func(b *testing.B) {
			a := auth.New(auth.Config{Store: store, BootstrapToken: "first"})
			h := a.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}
