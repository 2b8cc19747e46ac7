package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"phoneregistry/graph/model"
	"phoneregistry/internal/app"
	"phoneregistry/internal/config"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
)

type tokenCommand struct {
	Create tokenCreateCommand `cmd:"" help:"Make a token and print it once."`
	List   tokenListCommand   `cmd:"" help:"List tokens, newest first."`
	Revoke tokenRevokeCommand `cmd:"" help:"Revoke a token."`
}

// tokenTo is what every command about tokens needs. They work beside a running server, which notices within seconds.
type tokenTo struct {
	config.Database `embed:""`
	config.Log      `embed:""`
}

// with opens the database and runs do.
func (t *tokenTo) with(ctx context.Context, c console, do func(context.Context, *registry.Service) error) error {
	if err := t.Check(); err != nil {
		return err
	}
	return withStore(ctx, c, t.Database, t.Log, func(_ *app.Database, store *postgres.Store) error {
		return do(asCommandLine(ctx), registry.New(registry.Config{Store: store})) // nothing of it looks at numbers
	})
}

type tokenCreateCommand struct {
	tokenTo `embed:""`
	Name    string           `help:"What or whom it is for." required:""`
	Role    string           `help:"What its bearer may do: ${enum}." enum:"VIEWER,ANALYST,STEWARD,OPERATOR,ADMIN" required:""`
	Scopes  []registry.Scope `help:"Restrict it to these scopes of its role, with commas, for example READ,JOBS." placeholder:"SCOPE"`
	Expires time.Duration    `help:"How long it holds, for example 720h; for ever unless told."`
}

func (t *tokenCreateCommand) Run(ctx context.Context, c console) error {
	if t.Expires < 0 {
		return &config.Error{Field: "--expires", Value: t.Expires.String(), Want: "must not be negative"}
	}
	return t.with(ctx, c, func(ctx context.Context, service *registry.Service) error {
		n := registry.NewAPIKey{Name: t.Name, Role: registry.Role(t.Role), Scopes: t.Scopes}
		if t.Expires > 0 {
			n.ExpiresAt = time.Now().Add(t.Expires)
		}
		_, token, err := service.CreateAPIKey(ctx, n)
		if es, ok := registry.UserErrors(err); ok && len(es) > 0 {
			field := strings.ToLower(es[0].Path[len(es[0].Path)-1])
			return &config.Error{Field: "--" + field, Want: strings.TrimPrefix(es[0].Message, field+" ")}
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(c.err, "this token is shown only now:")
		_, err = fmt.Fprintln(c.out, token)
		return err
	})
}

type tokenListCommand struct {
	tokenTo `embed:""`
}

func (t *tokenListCommand) Run(ctx context.Context, c console) error {
	return t.with(ctx, c, func(ctx context.Context, service *registry.Service) error {
		w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tROLE\tSCOPES\tSTATUS\tCREATED\tBY\tEXPIRES\tREVOKED\tLAST USED")
		request := registry.PageRequest{First: registry.MaxPageSize}
		for {
			page, err := service.APIKeys(ctx, request)
			if err != nil {
				return err
			}
			for _, k := range page.Items {
				listToken(w, k, service.APIKeyStatus(k))
			}
			if !page.HasMore {
				return w.Flush()
			}
			request.After = &page.Positions[len(page.Positions)-1]
		}
	})
}

func listToken(w io.Writer, k registry.APIKey, status registry.APIKeyStatus) {
	scopes := "all"
	if k.Scopes != 0 {
		scopes = strings.Join(texts(k.Allowed().List()), ",")
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", opaque.UUID(model.KindAPIKey, k.ID), k.Name, k.Role, scopes, status,
		date(k.CreatedAt), k.CreatedBy, moment(k.ExpiresAt), moment(k.RevokedAt), moment(k.LastUsedAt))
}

type tokenRevokeCommand struct {
	tokenTo `embed:""`
	ID      string `arg:"" help:"The token's id, as the list shows it."`
}

func (t *tokenRevokeCommand) Run(ctx context.Context, c console) error {
	id, err := opaque.ParseUUID(model.KindAPIKey, t.ID)
	if err != nil {
		return &config.Error{Field: "ID", Value: t.ID, Want: "is no id of a token; `phoneregistry token list` shows them"}
	}
	return t.with(ctx, c, func(ctx context.Context, service *registry.Service) error {
		_, err := service.RevokeAPIKey(ctx, id)
		if errors.Is(err, registry.ErrNotFound) {
			return fmt.Errorf("there is no token %s", t.ID)
		}
		return err
	})
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// moment shows a time to the minute.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04Z")
}

func date(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}
