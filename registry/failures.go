package registry

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// FailureStore is what WriteFailures reads from; Store is one, and so is Service.
type FailureStore interface {
	Job(ctx context.Context, id uuid.UUID) (Job, error)
	JobFailures(ctx context.Context, ids []uuid.UUID, p PageRequest) (map[uuid.UUID]Page[JobFailure], error)
}

// WriteFailures writes the checks of a job that got no answer as CSV in UTF-8, by platform: number, platform,
// status, reason, attempts, failed_at. Numbers are as show makes them, whole or masked; it is called for each one before it
// is written. One page at a time is held. ErrNotFound when there is no such job; then nothing has been written.
func WriteFailures(ctx context.Context, store FailureStore, w io.Writer, id uuid.UUID, show func(Number) string) error {
	if _, err := store.Job(ctx, id); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if err := out.Write([]string{"number", "platform", "status", "reason", "attempts", "failed_at"}); err != nil {
		return fmt.Errorf("write failures: %w", err)
	}
	request := PageRequest{First: MaxPageSize}
	for {
		pages, err := store.JobFailures(ctx, []uuid.UUID{id}, request)
		if err != nil {
			return err
		}
		page := pages[id]
		for _, f := range page.Items {
			err := out.Write([]string{
				show(f.Number), string(f.Platform), string(f.Status), harmless(f.Reason), strconv.Itoa(f.Attempts),
				f.FailedAt.UTC().Format(time.RFC3339),
			})
			if err != nil {
				return fmt.Errorf("write failures: %w", err)
			}
		}
		out.Flush()
		if err := out.Error(); err != nil {
			return fmt.Errorf("write failures: %w", err)
		}
		if !page.HasMore {
			return nil
		}
		request.After = &page.Positions[len(page.Positions)-1]
	}
}

// harmless keeps a spreadsheet from taking a text of a platform for a formula (OWASP, CSV injection). A number with its
// plus is none: there is nothing to run in it.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
