package httpd

import (
	"context"
	"maps"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/graph"
	"phoneregistry/graph/access"
	"phoneregistry/graph/direct"
	"phoneregistry/graph/documents"
	"phoneregistry/graph/guard"
	"phoneregistry/graph/reveal"
	"phoneregistry/graph/scalar"
	"phoneregistry/graph/share"
	"phoneregistry/graph/transport"
	"phoneregistry/graph/variables"
	"phoneregistry/internal/auth"
	"phoneregistry/registry"
	"phoneregistry/resolvers"
)

// newGraphQL makes the handler of /graphql. Requests bear their token in a header. Browsers, which cannot send one there,
// open a WebSocket and send it with the first message, before which nothing can be done, or an event stream by a ticket.
func newGraphQL(c Config, m *metrics) (http.Handler, error) {
	r := resolvers.New(resolvers.Config{
		Service: c.Service, Live: c.Hub, Codec: c.Codec, Logger: c.Logger, Lookups: registry.NewLookups(c.Lookups), Away: c.Away,
		Access: access.Enforce{Rules: access.Read(Schema()), Introspection: c.Introspection},
	})
	checked := variables.New(newExecutor(r, c, m), Schema(), scalar.Check)
	exec, err := reveal.New(share.New(checked, c.longestDeadline(), m.joined), c.Accesses, c.Logger)
	if err != nil {
		return nil, err
	}
	handler, err := transport.New(transport.Config{
		Exec: r.Presenting(exec), Logger: c.Logger, Timeout: c.Timeouts.Operation, InitTimeout: c.Timeouts.Init,
		PingInterval: c.Timeouts.Ping, WriteTimeout: c.Timeouts.Write,
		Authorize: c.attend, Gate: gateOf(c.Rates), MaxBody: c.MaxBody,
		MaxDocument: c.Limits.WithDefaults().Bytes, MaxEntries: c.Limits.WithDefaults().Entries,
		Deadline: c.callersDeadline,
	})
	if err != nil {
		return nil, err
	}
	authenticated := c.Auth.Streams(noteActor(heldTo(handler)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if websocket.IsWebSocketUpgrade(r) {
			handler.ServeHTTP(w, r.WithContext(auth.WithRemote(r.Context(), r.RemoteAddr)))
			return
		}
		authenticated.ServeHTTP(w, r)
	}), nil
}

func newExecutor(r *resolvers.Resolver, c Config, m *metrics) *executor.Executor {
	config := graph.Config{Resolvers: r}
	config.Schema = Schema()
	schema := direct.New(graph.NewExecutableSchema(config), r.Readers())
	exec := executor.New(schema)
	checked := guard.NewDocuments(config.Schema, c.Limits, schema.Compile)
	exec.SetQueryCache(checked)
	exec.SetParserTokenLimit(c.Limits.WithDefaults().Tokens)
	exec.SetDefaultRulesFn(guard.Rules)
	exec.SetErrorPresenter(r.PresentError)
	exec.SetRecoverFunc(r.Recover)
	exec.Use(documents.New(c.Documents)) // first: what it finds is then looked at like what was sent
	exec.Use(checked)
	exec.Use(r.Enforce())
	exec.AroundOperations(m.countOperation)
	exec.AroundOperations(c.eachEvent)
	return exec
}

// Schema is the schema that is served.
func Schema() *ast.Schema { return withoutDefer(graph.NewExecutableSchema(graph.Config{}).Schema()) }

// withoutDefer is the schema without the directive @defer, which the executor knows but no transport here carries.
func withoutDefer(schema *ast.Schema) *ast.Schema {
	own := *schema
	own.Directives = maps.Clone(schema.Directives)
	delete(own.Directives, "defer")
	return &own
}

// joined counts a subscription that takes part in the stream of another.
func (m *metrics) joined() { m.operations.WithLabelValues(string(ast.Subscription), "ok").Inc() }

// countOperation counts operations, a subscription when it begins.
func (m *metrics) countOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	kind := string(graphql.GetOperationContext(ctx).Operation.Operation)
	responses := next(ctx)
	first := true
	return func(ctx context.Context) *graphql.Response {
		response := responses(ctx)
		if first && response != nil {
			first = false
			outcome := "ok"
			if len(response.Errors) > 0 {
				outcome = "errors"
			}
			m.operations.WithLabelValues(kind, outcome).Inc()
		}
		return response
	}
}
