// Genqlient checks a running server by the client that genqlient generates of operations.graphql:
//
//	CONFORMANCE_TOKEN=… CONFORMANCE_VIEWER=… genqlient URL
//
// with the token of an administrator and one of a VIEWER. It needs what conformance/support.js writes there. Each check
// is a line of JSON: its name, and the reason if it failed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

//go:generate go tool genqlient

const (
	customer = "conformance"       // as support.js has them
	paged    = "conformance-pages" // has five numbers
	patience = time.Minute
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: CONFORMANCE_TOKEN=TOKEN CONFORMANCE_VIEWER=TOKEN genqlient URL")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := checks{url: os.Args[1], token: os.Getenv("CONFORMANCE_TOKEN"), viewer: os.Getenv("CONFORMANCE_VIEWER")}
	c.client = connect(c.url, c.token, "")
	for _, check := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"a query", c.query},
		{"a mutation", c.mutation},
		{"a subscription, until the server completes it", c.subscription},
		{"three pages of a connection", c.pages},
		{"what a user can correct is data, with the path to the input", c.userErrors},
		{"FORBIDDEN for what the role does not hold", c.forbidden},
	} {
		told := map[string]string{"name": check.name}
		if err := check.run(ctx); err != nil {
			told["reason"] = err.Error()
		}
		if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
			os.Exit(1)
		}
	}
}

type checks struct {
	url, token, viewer string
	client             graphql.Client
}

func (c checks) query(ctx context.Context) error {
	got, err := Caller(ctx, c.client)
	if err != nil {
		return err
	}
	if got.Viewer.Role != RoleAdmin {
		return fmt.Errorf("role %s", got.Viewer.Role)
	}
	return nil
}

func (c checks) mutation(ctx context.Context) error {
	got, err := AddPhone(ctx, c.client, AddPhoneInput{CustomerId: customer, Number: "+57 300 123 4567", Source: customer})
	if err != nil {
		return err
	}
	if p := got.AddPhone.Phone; p == nil || p.Region == nil || *p.Region != "CO" || len(got.AddPhone.UserErrors) > 0 {
		return fmt.Errorf("%+v", got.AddPhone)
	}
	return nil
}

func (c checks) userErrors(ctx context.Context) error {
	got, err := AddPhone(ctx, c.client, AddPhoneInput{CustomerId: customer, Number: "not a number", Source: customer})
	if err != nil {
		return err
	}
	errs := got.AddPhone.UserErrors
	if got.AddPhone.Phone != nil || len(errs) != 1 || errs[0].Code != UserErrorCodeInvalidNumber ||
		!slices.Equal(errs[0].Path, []string{"input", "number"}) {
		return fmt.Errorf("%+v", got.AddPhone)
	}
	return nil
}

func (c checks) pages(ctx context.Context) error {
	filter, two := PhoneFilter{CustomerIds: []string{paged}}, 2
	var sizes []int
	var after *string
	for {
		got, err := Phones(ctx, c.client, &filter, &two, after)
		if err != nil {
			return err
		}
		sizes = append(sizes, len(got.Phones.Nodes))
		if after = got.Phones.PageInfo.EndCursor; !got.Phones.PageInfo.HasNextPage {
			break
		}
	}
	if !slices.Equal(sizes, []int{2, 2, 1}) {
		return fmt.Errorf("pages of %v", sizes)
	}
	return nil
}

func (c checks) forbidden(ctx context.Context) error {
	_, err := Keys(ctx, connect(c.url, c.viewer, ""))
	var list gqlerror.List
	if refused, ok := errors.AsType[*graphql.HTTPError](err); ok {
		if refused.StatusCode != http.StatusForbidden {
			return err
		}
		list = refused.Response.Errors
	} else if !errors.As(err, &list) {
		return fmt.Errorf("no errors but %w", err)
	}
	if len(list) != 1 || list[0].Extensions["code"] != "FORBIDDEN" {
		return err
	}
	return nil
}

func (c checks) subscription(ctx context.Context) error {
	started, err := StartJob(ctx, c.client, StartValidationJobInput{
		Name: "genqlient: until the end", Platforms: []Platform{PlatformGoogle}, Target: ValidationTarget{CustomerIds: []string{customer}},
	})
	if err != nil {
		return err
	}
	if started.StartValidationJob.Job == nil {
		return fmt.Errorf("%+v", started.StartValidationJob)
	}
	id := started.StartValidationJob.Job.Id

	sockets := connectSocket(c.url, c.token)
	failed, err := sockets.Start(ctx)
	if err != nil {
		return err
	}
	defer sockets.Close() //nolint:errcheck // genqlient 0.8.1 cannot close what has ended, and the program ends
	results, _, err := Progress(ctx, sockets, id)
	if err != nil {
		return err
	}
	var seen []JobStatus
	for {
		select {
		case result, open := <-results:
			if !open {
				if len(seen) < 2 || seen[len(seen)-1] != JobStatusCancelled {
					return fmt.Errorf("the end after %v", seen)
				}
				return nil
			}
			if result.Errors != nil {
				return result.Errors
			}
			if seen = append(seen, result.Data.ValidationJobProgress.Status); len(seen) == 1 {
				if _, err := CancelJob(ctx, c.client, id); err != nil {
					return err
				}
			}
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
