package main

import (
	"context"
	"fmt"
)

// loadPhones puts n mobile numbers of Colombia into an empty registry, as if they had been imported, by one statement.
func (r *registryDatabase) loadPhones(ctx context.Context, n int) error {
	if n > 1_000_000 { // more would leave the ranges of the plan
		return fmt.Errorf("%d numbers: want at most a million", n)
	}
	err := r.exec(ctx, `
INSERT INTO phones (number, region, line_type, valid, original_carrier, location, timezones, plan_version, created_at, updated_at)
SELECT 573000000000 + 41 * i, 'CO', 'MOBILE', true, 'Claro', '', '{America/Bogota}', 'bench', now(), now()
FROM generate_series(1, $1::integer) i`, n)
	if err != nil {
		return err
	}
	return r.settle(ctx, "phones")
}
