package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
)

// chained makes a few changes and seals them.
func chained(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	ctx := acting(t)
	for i := range 10 {
		if _, err := w.AddPhone(ctx, addition(fmt.Sprint("c", i), phoneA, "web_forms")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.UpsertSource(ctx, registry.Source{Name: "partner", Priority: 3}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{4, 4, 3, 0} {
		if n, err := w.SealAudit(t.Context(), 4); err != nil || n != want {
			t.Fatalf("sealed %d, %v; want %d", n, err, want)
		}
	}
	return w
}

func TestAuditChain(t *testing.T) {
	w := chained(t)
	first, err := w.VerifyAudit(t.Context())
	if err != nil || first.Sealed != 11 {
		t.Fatalf("%+v, %v; want 11 entries", first, err)
	}
	if _, err := w.VerifyPhone(acting(t), "c1", phoneA, "call"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.SealAudit(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	second, err := w.VerifyAudit(t.Context())
	if err != nil || second.Sealed != 12 || bytes.Equal(first.Head, second.Head) {
		t.Errorf("%+v, %v; want 12 entries and another head", second, err)
	}
}

func TestAuditChainOutlivesErasure(t *testing.T) {
	w := chained(t)
	w.exec(t, "UPDATE audit_trail SET customer_id = NULL, number = NULL WHERE customer_id = 'c3'")
	if report, err := w.VerifyAudit(t.Context()); err != nil || report.Sealed != 11 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestAuditChainShowsTampering(t *testing.T) {
	for name, deed := range map[string]string{
		"details":        `UPDATE audit_trail SET details = '{}' WHERE chain_no = 5`,
		"actor":          `UPDATE audit_trail SET actor = 'eve' WHERE chain_no = 5`,
		"customer":       `UPDATE audit_trail SET customer_id = 'eve' WHERE chain_no = 5`,
		"number":         `UPDATE audit_trail SET number = number + 1 WHERE chain_no = 5`,
		"keyed hash":     `UPDATE audit_trail SET customer_id = NULL, customer_hmac = sha256('eve') WHERE chain_no = 5`,
		"time":           `UPDATE audit_trail SET at = at + interval '1 microsecond' WHERE chain_no = 5`,
		"removed":        `DELETE FROM audit_trail WHERE chain_no = 5`,
		"removed last":   `DELETE FROM audit_trail WHERE chain_no = 11`,
		"swapped":        `UPDATE audit_trail SET chain_no = 13 - chain_no WHERE chain_no IN (6, 7)`,
		"put in":         `INSERT INTO audit_trail (at, actor, action, chain_no, hash) SELECT at, 'eve', 'phone.added', 12, hash FROM audit_trail WHERE chain_no = 11`,
		"unsealed again": `UPDATE audit_trail SET chain_no = NULL, hash = NULL WHERE chain_no = 5`,
	} {
		t.Run(name, func(t *testing.T) {
			w := chained(t)
			w.exec(t, deed)
			if report, err := w.VerifyAudit(t.Context()); !errors.Is(err, postgres.ErrAuditBroken) {
				t.Errorf("%+v, %v; want ErrAuditBroken", report, err)
			}
		})
	}
}

// While changes go on, two servers seal: every entry gets one place in the chain.
func TestServersSealAtOnce(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	const many = 60
	added := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < many && err == nil; i++ {
			_, err = w.AddPhone(ctx, addition(fmt.Sprint("c", i), phoneA, "web_forms"))
		}
		added <- err
	}()
	total, sealed, errs := 0, make(chan int, 2), make(chan error, 2)
	stop := make(chan struct{})
	for range 2 {
		go func() {
			mine := 0
			for {
				n, err := w.SealAudit(ctx, 7)
				mine += n
				select {
				case <-stop:
					sealed <- mine
					errs <- err
					return
				default:
				}
				if err != nil {
					<-stop
					sealed <- mine
					errs <- err
					return
				}
			}
		}()
	}
	if err := <-added; err != nil {
		t.Error(err)
	}
	close(stop)
	for range 2 {
		total += <-sealed
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for {
		n, err := w.SealAudit(ctx, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if total += n; n == 0 {
			break
		}
	}
	if report, err := w.VerifyAudit(ctx); err != nil || report.Sealed != many || total != many {
		t.Errorf("%+v, %d sealed, %v; want %d", report, total, err, many)
	}
}
