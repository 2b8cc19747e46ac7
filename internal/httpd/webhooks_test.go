package httpd_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
	"phoneregistry/registry/dispatch"
	"phoneregistry/registry/scoring"
)

// userError is what a caller can correct.
type userError struct {
	Code, Message string
	Path          []string
}

// hook is a webhook as the tests ask for it.
type hook struct {
	ID, URL, Status, CreatedBy string
	Events                     []string
	Description                *string
	Pending, Dead              int64
	LastDeliveredAt            *time.Time
	Deliveries                 struct {
		TotalCount int64
		Nodes      []hookDelivery
	}
}

type hookDelivery struct {
	ID, Event, EventID, Status string
	Attempts                   int
	ResponseStatus, DurationMs *int
	Error                      *string
	NextAttemptAt, DeliveredAt *time.Time
}

const hookFields = `id url events status description pending dead lastDeliveredAt createdBy createdAt
	deliveries { totalCount nodes { id event eventId status attempts responseStatus error durationMs createdAt nextAttemptAt deliveredAt } }`

// hookPayload is what the mutations of webhooks return, all in one.
type hookPayload struct {
	Webhook    *hook
	Secret     *string
	DeletedID  *string
	Delivery   *hookDelivery
	UserErrors []userError
}

func (a *app) hookMutation(t testing.TB, name, fields string, input vars) hookPayload {
	t.Helper()
	kind := strings.ToUpper(name[:1]) + name[1:] + "Input"
	switch name {
	case "rotateWebhookSecret", "deleteWebhook", "testWebhook":
		kind = "WebhookInput"
	case "retryWebhookDelivery":
		kind = "WebhookDeliveryInput"
	}
	return ask[map[string]hookPayload](t, a, registry.RoleAdmin, `mutation($input: `+kind+`!) { `+name+`(input: $input) { `+fields+
		` userErrors { code message path } } }`, vars{"input": input})[name]
}

// privately lets webhooks be on this machine, and sends them what happens.
func privately(t testing.TB) option {
	return func(a *app, c *httpd.Config) {
		numbers, err := normalizer()
		must(t, err)
		a.service = registry.New(registry.Config{
			Store: a.store, Numbers: numbers, Model: scoring.DefaultModel(), Notifier: a.notifier, PrivateWebhooks: true,
			Platforms: func() []registry.PlatformInfo {
				return []registry.PlatformInfo{{Platform: scoring.Google, Adapter: "simulator", Simulated: true, Weight: 20}}
			},
		})
		c.Service = a.service
		d, err := dispatch.New(dispatch.Config{Outbox: a.store, Accesses: a.accesses, Conn: a.conn, AllowPrivate: true, Poll: 5 * time.Millisecond, Registerer: a.metrics})
		must(t, err)
		background(t, d.Run)
	}
}

// receiver is a webhook that keeps the types of what it is told.
func receiver(t testing.TB, status int) (url string, told chan string) {
	told = make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var m struct{ Type string }
		if err != nil || json.Unmarshal(body, &m) != nil {
			return
		}
		w.WriteHeader(status)
		told <- m.Type
	}))
	t.Cleanup(s.Close)
	return s.URL, told
}

// until asks again until the answer is as it should be.
func until[T any](t testing.TB, ask func() T, is func(T) bool) T {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		got := ask()
		if is(got) {
			return got
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not in time: %+v", got)
		}
	}
}

func (a *app) hook(t testing.TB, id string) hook {
	t.Helper()
	return *ask[struct{ Webhook *hook }](t, a, registry.RoleAdmin, `query($id: ID!) { webhook(id: $id) { `+hookFields+` } }`, vars{"id": id}).Webhook
}

// TestLifeOfAWebhook goes through what an administrator does with one.
func TestLifeOfAWebhook(t *testing.T) {
	a := newApp(t, privately(t))
	url, told := receiver(t, http.StatusOK)
	made := a.hookMutation(t, "createWebhook", "secret webhook { "+hookFields+" }", vars{
		"url": url, "events": []string{"JOB_FINISHED", "LEAD_TIER_CHANGED", "JOB_FINISHED"}, "description": "mine",
	})
	if len(made.UserErrors) > 0 || made.Secret == nil || !strings.HasPrefix(*made.Secret, "whsec_") || made.Webhook.CreatedBy != "admin" ||
		made.Webhook.Status != "ACTIVE" || !slices.Equal(made.Webhook.Events, []string{"JOB_FINISHED", "LEAD_TIER_CHANGED"}) {
		t.Fatalf("made %+v", made)
	}
	id := made.Webhook.ID
	a.startJob(t, a.addPhones(t, 3), 10, "GOOGLE")
	a.work(t, 10, active)
	if got := []string{<-told, <-told}; !slices.Contains(got, "job.finished") || !slices.Contains(got, "lead.tier_changed") {
		t.Errorf("told of %v", got)
	}
	seen := until(t, func() hook { return a.hook(t, id) }, func(h hook) bool {
		return h.Pending == 0 && h.LastDeliveredAt != nil && h.Deliveries.TotalCount == 2
	})
	d := seen.Deliveries.Nodes[0]
	if d.Status != "DELIVERED" || d.Attempts != 1 || *d.ResponseStatus != 200 || d.Error != nil || d.DurationMs == nil || d.DeliveredAt == nil ||
		d.NextAttemptAt != nil || !strings.HasPrefix(d.EventID, "evt_") {
		t.Errorf("delivery %+v", d)
	}

	paused := a.hookMutation(t, "updateWebhook", "webhook { "+hookFields+" }", vars{"id": id, "status": "PAUSED", "description": nil})
	if paused.Webhook == nil || paused.Webhook.Status != "PAUSED" || paused.Webhook.Description != nil || paused.Webhook.URL != url ||
		len(paused.Webhook.Events) != 2 {
		t.Errorf("paused %+v", paused)
	}
	tested := a.hookMutation(t, "testWebhook", "delivery { id event status }", vars{"id": id})
	if tested.Delivery == nil || tested.Delivery.Event != "webhook.test" || tested.Delivery.Status != "PENDING" {
		t.Fatalf("test %+v", tested)
	}
	if got := <-told; got != "webhook.test" {
		t.Errorf("a paused webhook was told of %s", got)
	}
	again := a.hookMutation(t, "rotateWebhookSecret", "secret webhook { id }", vars{"id": id})
	if again.Secret == nil || *again.Secret == *made.Secret {
		t.Errorf("rotated %+v", again)
	}
	// Node finds both kinds, for administrators only.
	for _, of := range []string{id, tested.Delivery.ID} {
		got := ask[struct{ Node *struct{ ID string } }](t, a, registry.RoleAdmin, `query($id: ID!) { node(id: $id) { id } }`, vars{"id": of})
		if got.Node == nil || got.Node.ID != of {
			t.Errorf("node %s: %+v", of, got.Node)
		}
		if no := a.try(t, registry.RoleOperator, `query($id: ID!) { node(id: $id) { id } }`, vars{"id": of}); len(no.Errors) != 0 ||
			string(no.Data) != `{"node":null}` {
			t.Errorf("node %s as operator: %+v", of, no)
		}
	}
	if gone := a.hookMutation(t, "deleteWebhook", "deletedId", vars{"id": id}); gone.DeletedID == nil || *gone.DeletedID != id {
		t.Errorf("deleted %+v", gone)
	}
	left := ask[struct{ Webhook, Node any }](t, a, registry.RoleAdmin, `query($id: ID!, $d: ID!) { webhook(id: $id) { id } node(id: $d) { id } }`,
		vars{"id": id, "d": tested.Delivery.ID})
	if left.Webhook != nil || left.Node != nil {
		t.Errorf("left: %+v", left)
	}
	var actions []string
	must(t, a.pool.QueryRow(t.Context(), `SELECT array_agg(action ORDER BY id) FROM audit_trail WHERE action LIKE 'webhook.%' AND actor = 'admin'`).Scan(&actions))
	if want := []string{"webhook.created", "webhook.updated", "webhook.tested", "webhook.secret_rotated", "webhook.deleted"}; !slices.Equal(actions, want) {
		t.Errorf("audit trail %q, want %q", actions, want)
	}
	for _, secret := range []string{*made.Secret, *again.Secret} {
		if strings.Contains(a.log.String(), secret) {
			t.Error("a secret is in the log")
		}
	}
}

// TestDeliveriesByStatus: dead ones are found and tried again by hand.
func TestDeliveriesByStatus(t *testing.T) {
	a := newApp(t, privately(t))
	url, told := receiver(t, http.StatusGone)
	id := a.hookMutation(t, "createWebhook", "webhook { id }", vars{"url": url, "events": []string{"JOB_FINISHED"}}).Webhook.ID
	a.startJob(t, a.addPhones(t, 1), 10, "GOOGLE")
	a.work(t, 10, active)
	<-told
	list := func(status string) []hookDelivery {
		return ask[struct{ Webhook hook }](t, a, registry.RoleAdmin, `query($id: ID!, $s: WebhookDeliveryStatus) { webhook(id: $id) {
			deliveries(status: $s, first: 1) { totalCount nodes { id status error } } } }`, vars{"id": id, "s": status}).Webhook.Deliveries.Nodes
	}
	deadOnes := until(t, func() []hookDelivery { return list("DEAD") }, func(all []hookDelivery) bool { return len(all) == 1 })
	if len(list("PENDING")) > 0 || len(list("DELIVERED")) > 0 || deadOnes[0].Error == nil {
		t.Errorf("deliveries %+v", deadOnes)
	}
	retry := vars{"id": deadOnes[0].ID}
	if no := a.hookMutation(t, "retryWebhookDelivery", "delivery { id }", retry); len(no.UserErrors) != 1 || no.UserErrors[0].Code != "INVALID_STATE" {
		t.Errorf("retried at a paused webhook: %+v", no)
	}
	a.hookMutation(t, "updateWebhook", "webhook { id }", vars{"id": id, "status": "ACTIVE"})
	if yes := a.hookMutation(t, "retryWebhookDelivery", "delivery { id status }", retry); yes.Delivery == nil || yes.Delivery.Status != "PENDING" {
		t.Errorf("retried: %+v", yes)
	}
	<-told
}

// TestWebhookMistakes: what a caller can correct is told as data, with its place.
func TestWebhookMistakes(t *testing.T) {
	a := newApp(t)
	for name, c := range map[string]struct {
		input vars
		path  string
	}{
		"no TLS":        {vars{"url": "http://example.com/", "events": []string{"JOB_FINISHED"}}, "url"},
		"no host":       {vars{"url": "https:///hook", "events": []string{"JOB_FINISHED"}}, "url"},
		"password":      {vars{"url": "https://u:p@example.com/", "events": []string{"JOB_FINISHED"}}, "url"},
		"fragment":      {vars{"url": "https://example.com/#x", "events": []string{"JOB_FINISHED"}}, "url"},
		"space":         {vars{"url": "https://example.com/a b", "events": []string{"JOB_FINISHED"}}, "url"},
		"line break":    {vars{"url": "https://example.com/\r\nX: y", "events": []string{"JOB_FINISHED"}}, "url"},
		"other scheme":  {vars{"url": "file:///etc/passwd", "events": []string{"JOB_FINISHED"}}, "url"},
		"private":       {vars{"url": "https://10.0.0.1/", "events": []string{"JOB_FINISHED"}}, "url"},
		"metadata":      {vars{"url": "https://169.254.169.254/latest", "events": []string{"JOB_FINISHED"}}, "url"},
		"private, IPv6": {vars{"url": "https://[::1]/", "events": []string{"JOB_FINISHED"}}, "url"},
		"too long":      {vars{"url": "https://example.com/" + strings.Repeat("x", 2000), "events": []string{"JOB_FINISHED"}}, "url"},
		"no events":     {vars{"url": "https://example.com/", "events": []string{}}, "events"},
		"long story":    {vars{"url": "https://example.com/", "events": []string{"JOB_FINISHED"}, "description": strings.Repeat("é", 201)}, "description"},
	} {
		got := a.hookMutation(t, "createWebhook", "secret webhook { id }", c.input)
		if len(got.UserErrors) != 1 || got.UserErrors[0].Code != "INVALID_INPUT" || !slices.Equal(got.UserErrors[0].Path, []string{"input", c.path}) ||
			got.Secret != nil || got.Webhook != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, name := range []string{"updateWebhook", "rotateWebhookSecret", "deleteWebhook", "testWebhook", "retryWebhookDelivery"} {
		for _, id := range []string{"whk_00000000000000000000000000000000", "whd_00000000000000000000000000000000", "nonsense"} {
			got := a.hookMutation(t, name, "", vars{"id": id})
			if len(got.UserErrors) != 1 || got.UserErrors[0].Code != "NOT_FOUND" || !slices.Equal(got.UserErrors[0].Path, []string{"input", "id"}) {
				t.Errorf("%s of %s: %+v", name, id, got)
			}
		}
	}
	for _, role := range []registry.Role{registry.RoleViewer, registry.RoleOperator} {
		if no := a.try(t, role, `{ webhooks { nodes { id } } }`, nil); len(no.Errors) != 1 ||
			no.Errors[0].Extensions["code"] != "FORBIDDEN" || no.Errors[0].Extensions["scope"] != "ADMINISTER" {
			t.Errorf("webhooks as %s: %+v", role, no)
		}
	}
}

// TestWebhooksAreBoundedAndListed: there are at most so many, and a list of them with their counters is one statement.
func TestWebhooksAreBoundedAndListed(t *testing.T) {
	a := newApp(t)
	for range registry.MaxWebhooks {
		_, _, err := a.service.CreateWebhook(asSystem(t), registry.NewWebhook{URL: "https://example.com/", Events: registry.EventTypes()})
		must(t, err)
	}
	if no := a.hookMutation(t, "createWebhook", "webhook { id }", vars{"url": "https://example.com/", "events": []string{"JOB_FINISHED"}}); len(no.UserErrors) != 1 ||
		no.UserErrors[0].Code != "INVALID_STATE" {
		t.Errorf("one too many: %+v", no)
	}
	type list struct {
		Webhooks struct {
			TotalCount int
			Nodes      []hook
			PageInfo   struct {
				HasNextPage bool
				EndCursor   *string
			}
		}
	}
	const query = `query($after: String) { webhooks(first: 40, after: $after) { totalCount pageInfo { hasNextPage endCursor }
		nodes { id pending dead lastDeliveredAt } } }`
	var first list
	statements := a.statements.during(func() { first = ask[list](t, a, registry.RoleAdmin, query, nil) })
	reads := slices.DeleteFunc(statements, func(sql string) bool { return !strings.Contains(sql, "webhook") })
	if len(reads) != 2 { // the page, and its count
		t.Errorf("%d statements for a list: %q", len(reads), reads)
	}
	second := ask[list](t, a, registry.RoleAdmin, query, vars{"after": *first.Webhooks.PageInfo.EndCursor})
	ids := map[string]bool{}
	for _, w := range append(first.Webhooks.Nodes, second.Webhooks.Nodes...) {
		ids[w.ID] = true
	}
	if len(ids) != registry.MaxWebhooks || first.Webhooks.TotalCount != registry.MaxWebhooks || !first.Webhooks.PageInfo.HasNextPage || second.Webhooks.PageInfo.HasNextPage {
		t.Errorf("%d webhooks in two pages of %d", len(ids), first.Webhooks.TotalCount)
	}
}

// TestWebhooksAreNoWayAroundMasks: a key that may keep webhooks but not see whole numbers cannot have them sent to itself.
func TestWebhooksAreNoWayAroundMasks(t *testing.T) {
	a := newApp(t, privately(t))
	const narrow = registry.Role("narrow")
	a.tokens[narrow] = a.createKey(t, registry.RoleAdmin, vars{"name": "hooks", "role": "ADMIN", "scopes": []string{"ADMINISTER", "READ"}}).Token
	leads := a.hookMutation(t, "createWebhook", "webhook { id }", vars{"url": "https://one.example", "events": []string{"LEAD_TIER_CHANGED"}}).Webhook.ID
	create := func(events string) string {
		return `mutation { createWebhook(input: {url: "https://two.example", events: [` + events + `]}) { webhook { id } userErrors { code } } }`
	}
	update := func(id, change string) string {
		return `mutation { updateWebhook(input: {id: "` + id + `", ` + change + `}) { webhook { id } userErrors { code } } }`
	}
	made := a.try(t, narrow, create("JOB_FINISHED, IMPORT_FINISHED"), nil)
	own := strings.Split(string(made.Data), `"`)
	if len(made.Errors) > 0 || len(own) < 8 {
		t.Fatalf("what holds no numbers: %s %+v", made.Data, made.Errors)
	}
	for name, query := range map[string]string{
		"made":                  create("LEAD_TIER_CHANGED"),
		"made among others":     create("JOB_FINISHED, LEAD_TIER_CHANGED"),
		"told of more":          update(own[7], "events: [JOB_FINISHED, LEAD_TIER_CHANGED]"),
		"of another":            update(leads, `url: "https://two.example"`),
		"of another, with less": update(leads, `url: "https://two.example", events: [JOB_FINISHED]`),
		"where some may wait":   update(own[7], `url: "https://three.example"`),
	} {
		if got := a.try(t, narrow, query, nil); len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "FORBIDDEN" || got.Errors[0].Extensions["scope"] != "REVEAL" {
			t.Errorf("%s: %s %+v", name, got.Data, got.Errors)
		}
	}
	for name, change := range map[string]string{"paused": "status: PAUSED", "told of less": "events: [JOB_FINISHED]", "described": `description: "mine"`} {
		if got := a.try(t, narrow, update(leads, change), nil); len(got.Errors) > 0 || strings.Contains(string(got.Data), "code") {
			t.Errorf("%s: %s %+v", name, got.Data, got.Errors)
		}
	}
	if seen := a.hook(t, leads); seen.URL != "https://one.example" {
		t.Errorf("it was moved: %+v", seen)
	}
}
