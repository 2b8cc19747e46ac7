package testkit_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestDatabasesAreMigratedAndApart(t *testing.T) {
	one, two := testkit.Pool(t), testkit.Pool(t)
	if _, err := one.Exec(t.Context(), "INSERT INTO sources (name, priority) VALUES ('only_here', 9)"); err != nil {
		t.Fatal(err)
	}
	var n int
	const count = "SELECT count(*) FROM sources WHERE name = 'only_here'"
	if err := two.QueryRow(t.Context(), count).Scan(&n); err != nil || n != 0 {
		t.Errorf("the other database: %d rows, %v; want none", n, err)
	}
}

func TestEmptyDatabase(t *testing.T) {
	pool := testkit.OpenPool(t, testkit.EmptyDatabase(t))
	var n int
	const count = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
	if err := pool.QueryRow(t.Context(), count).Scan(&n); err != nil || n != 0 {
		t.Errorf("an empty database has %d relations, %v; want none", n, err)
	}
}

func TestNATSKeepsMessages(t *testing.T) {
	_, conn := testkit.NATS(t)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.*"}}); err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish(t.Context(), "s.1", []byte("kept"))
	if err != nil || ack.Sequence != 1 {
		t.Errorf("publish: %+v, %v; want sequence 1", ack, err)
	}
}
