package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

const keyColumns = `id, name, role, scopes, created_by, created_at, expires_at, revoked_at, last_used_at`

// errStrangeScopes is a token that must not be taken for one that is not restricted: a newer server has restricted it.
var errStrangeScopes = errors.New("a token is restricted to scopes that are not known")

func scanAPIKey(row pgx.CollectableRow) (registry.APIKey, error) {
	var k registry.APIKey
	var expires, revoked, used *time.Time
	var scopes []registry.Scope
	err := row.Scan(&k.ID, &k.Name, &k.Role, &scopes, &k.CreatedBy, &k.CreatedAt, &expires, &revoked, &used)
	k.Scopes = registry.ScopesOf(scopes...)
	k.ExpiresAt, k.RevokedAt, k.LastUsedAt = orZero(expires), orZero(revoked), orZero(used)
	if err == nil && scopes != nil && k.Scopes == 0 {
		err = errStrangeScopes
	}
	return k, err
}

// -- name: api_key_by_hash
const selectAPIKeyByHash = `
SELECT ` + keyColumns + `
FROM api_keys
WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)`

// APIKeyByHash returns the token with the hash; registry.ErrNotFound when there is none, or it is revoked or expired.
func (s *Store) APIKeyByHash(ctx context.Context, hash [32]byte) (registry.APIKey, error) {
	rows, err := s.pool.Query(ctx, selectAPIKeyByHash, hash[:], s.moment())
	if err != nil {
		return registry.APIKey{}, wrapped(err, "read token")
	}
	k, err := pgx.CollectExactlyOneRow(rows, scanAPIKey)
	return k, found(err, "read token")
}

// -- name: insert_api_key
const insertAPIKey = `
INSERT INTO api_keys (id, name, token_hash, role, scopes, created_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING ` + keyColumns

// CreateAPIKey keeps a token by its hash, and returns it as it is kept. k.CreatedAt is set by the store.
func (s *Store) CreateAPIKey(ctx context.Context, k registry.APIKey, hash [32]byte) (kept registry.APIKey, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx, now time.Time) (err error) {
		kept, err = findAPIKey(ctx, tx, insertAPIKey, k.ID, k.Name, hash[:], string(k.Role), k.Scopes.List(), k.CreatedBy, now,
			orNull(k.ExpiresAt))
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, auditEntry{Action: "token.created", ObjectID: k.ID, Details: map[string]any{
			"name": k.Name, "role": k.Role, "scopes": k.Allowed().List(), "expires_at": orNull(k.ExpiresAt),
		}})
	})
	return kept, err
}

// -- name: api_key
const selectAPIKey = `
SELECT ` + keyColumns + `
FROM api_keys
WHERE id = $1`

// APIKey returns a token; registry.ErrNotFound when there is none with this id.
func (s *Store) APIKey(ctx context.Context, id uuid.UUID) (registry.APIKey, error) {
	return findAPIKey(ctx, s.pool, selectAPIKey, id)
}

func findAPIKey(ctx context.Context, q querier, statement string, arguments ...any) (registry.APIKey, error) {
	rows, err := q.Query(ctx, statement, arguments...)
	if err != nil {
		return registry.APIKey{}, wrapped(err, "read token")
	}
	k, err := pgx.CollectExactlyOneRow(rows, scanAPIKey)
	return k, found(err, "read token")
}

// APIKeys returns one page of the tokens, newest first, also those revoked or expired.
func (s *Store) APIKeys(ctx context.Context, p registry.PageRequest) (registry.Page[registry.APIKey], error) {
	w := &where{}
	if p.After != nil {
		w.and("created_at <= %s AND (created_at < %[1]s OR id > %[2]s::text::uuid)", time.UnixMicro(p.After.Sort), uuidText(p.After.Text))
	}
	limit := w.arg(p.First + 1)
	rows, err := s.pool.Query(ctx, "SELECT "+keyColumns+"\nFROM api_keys"+w.String()+"\nORDER BY created_at DESC, id\nLIMIT "+limit,
		listArguments(w)...)
	if err != nil {
		return registry.Page[registry.APIKey]{}, wrapped(err, "list tokens")
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (listed[registry.APIKey], error) {
		k, err := scanAPIKey(row)
		return listed[registry.APIKey]{k, registry.Position{Sort: k.CreatedAt.UnixMicro(), Text: k.ID.String()}}, err
	})
	if err != nil {
		return registry.Page[registry.APIKey]{}, wrapped(err, "list tokens")
	}
	return pageOf(keys, p.First), nil
}

// -- name: count_api_keys
const countAPIKeys = `
SELECT count(*)
FROM api_keys`

// CountAPIKeys counts the tokens.
func (s *Store) CountAPIKeys(ctx context.Context) (n int64, err error) {
	err = s.pool.QueryRow(ctx, countAPIKeys).Scan(&n)
	return n, wrapped(err, "count tokens")
}

// -- name: lock_api_key
const lockAPIKey = selectAPIKey + `
FOR NO KEY UPDATE`

// -- name: update_api_key
const updateAPIKey = `
UPDATE api_keys
SET name = $2, expires_at = $3
WHERE id = $1
RETURNING ` + keyColumns

// UpdateAPIKey changes a token that works.
func (s *Store) UpdateAPIKey(ctx context.Context, id uuid.UUID, c registry.APIKeyChange) (registry.APIKey, error) {
	var changed registry.APIKey
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		k, err := findAPIKey(ctx, tx, lockAPIKey, id)
		if err != nil {
			return err
		}
		if c.Refuse != nil {
			if err := c.Refuse(k); err != nil {
				return err
			}
		}
		if status := k.Status(now); status != registry.APIKeyActive {
			return registry.Errorf(registry.CodeInvalidState, []string{"input", "id"},
				"the key is %s, and stays so: make another one", status)
		}
		changed = k
		details := map[string]any{}
		if c.Name != nil && *c.Name != k.Name {
			details["name"], details["name_before"] = *c.Name, k.Name
			k.Name = *c.Name
		}
		if c.ExpiresAt != nil && !c.ExpiresAt.Equal(k.ExpiresAt) {
			details["expires_at"], details["expires_at_before"] = orNull(*c.ExpiresAt), orNull(k.ExpiresAt)
			k.ExpiresAt = *c.ExpiresAt
		}
		if len(details) == 0 {
			return nil
		}
		if changed, err = findAPIKey(ctx, tx, updateAPIKey, id, k.Name, orNull(k.ExpiresAt)); err != nil {
			return err
		}
		return audit(ctx, tx, now, auditEntry{Action: "token.updated", ObjectID: id, Details: details})
	})
	return changed, err
}

// -- name: revoke_api_key
const revokeAPIKey = `
UPDATE api_keys
SET revoked_at = $2
WHERE id = $1 AND revoked_at IS NULL
RETURNING ` + keyColumns

// RevokeAPIKey ends a token for good, and returns it; registry.ErrNotFound when there is none. One that is revoked stays as
// it is.
func (s *Store) RevokeAPIKey(ctx context.Context, id uuid.UUID) (k registry.APIKey, err error) {
	var strange error // one that cannot be shown ends all the same
	err = s.inTx(ctx, func(tx pgx.Tx, now time.Time) (err error) {
		k, err = findAPIKey(ctx, tx, revokeAPIKey, id, now)
		switch {
		case errors.Is(err, registry.ErrNotFound):
			k, err = findAPIKey(ctx, tx, selectAPIKey, id)
			return err
		case errors.Is(err, errStrangeScopes):
			strange = err
		case err != nil:
			return err
		}
		return audit(ctx, tx, now, auditEntry{Action: "token.revoked", ObjectID: id})
	})
	return k, cmp.Or(err, strange)
}

// -- name: held_api_keys
const selectHeldAPIKeys = `
SELECT id, role, scopes, expires_at, revoked_at
FROM api_keys
WHERE id = ANY ($1)`

// HeldAPIKeys returns what decides whether tokens still work, and for what: id, role, scopes, and when they end or were
// revoked. Those that are not there are left out; in any order. The role of one whose scopes are not known is "".
func (s *Store) HeldAPIKeys(ctx context.Context, ids []uuid.UUID) ([]registry.APIKey, error) {
	rows, err := s.pool.Query(ctx, selectHeldAPIKeys, ids)
	if err != nil {
		return nil, wrapped(err, "read tokens")
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (registry.APIKey, error) {
		var k registry.APIKey
		var expires, revoked *time.Time
		var scopes []registry.Scope
		err := row.Scan(&k.ID, &k.Role, &scopes, &expires, &revoked)
		k.Scopes, k.ExpiresAt, k.RevokedAt = registry.ScopesOf(scopes...), orZero(expires), orZero(revoked)
		if scopes != nil && k.Scopes == 0 { // must not be taken for a key that is not restricted, nor hide the others
			k.Role = ""
		}
		return k, err
	})
	return keys, wrapped(err, "read tokens")
}

// -- name: touch_api_keys
const touchAPIKeys = `
WITH due AS (
    SELECT k.id, u.at
    FROM api_keys k
    JOIN unnest($1::uuid[], $2::timestamptz[]) AS u (id, at) ON u.id = k.id
    WHERE k.last_used_at IS NULL OR k.last_used_at <= u.at - interval '1 minute'
    FOR NO KEY UPDATE OF k SKIP LOCKED
)
UPDATE api_keys k
SET last_used_at = due.at
FROM due
WHERE k.id = due.id`

// TouchAPIKeys notes when tokens were last used. One that was noted less than a minute before is left as it is, and
// one that another server notes at this moment: no two wait for each other.
func (s *Store) TouchAPIKeys(ctx context.Context, used map[uuid.UUID]time.Time) error {
	ids, times := make([]uuid.UUID, 0, len(used)), make([]time.Time, 0, len(used))
	for id, at := range used {
		ids, times = append(ids, id), append(times, at)
	}
	_, err := s.pool.Exec(ctx, touchAPIKeys, ids, times)
	return wrapped(err, "note the use of tokens")
}

// -- name: insert_instance_key
const insertInstanceKey = `
INSERT INTO instance_keys (name, key, created_at)
VALUES ($1, $2, $3)
ON CONFLICT (name) DO NOTHING`

// -- name: instance_key
const selectInstanceKey = `
SELECT key
FROM instance_keys
WHERE name = $1`

// InstanceKey returns the key of this name, 32 bytes, made on first use. Of several servers that make it at once, all
// get the same.
func (s *Store) InstanceKey(ctx context.Context, name string) ([]byte, error) {
	key, err := findInstanceKey(ctx, s.pool, name)
	if !errors.Is(err, registry.ErrNotFound) {
		return key, err
	}
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	if _, err := s.pool.Exec(ctx, insertInstanceKey, name, fresh, s.moment()); err != nil {
		return nil, wrapped(err, "write instance key")
	}
	return findInstanceKey(ctx, s.pool, name)
}

func findInstanceKey(ctx context.Context, q querier, name string) (key []byte, err error) {
	err = q.QueryRow(ctx, selectInstanceKey, name).Scan(&key)
	return key, found(err, "read instance key")
}
