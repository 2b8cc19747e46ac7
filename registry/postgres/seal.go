package postgres

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// auditKey names the key of the keyed hashes in the audit trail.
const auditKey = "audit"

// sealable is an entry of the audit trail with all that its hash is made of.
type sealable struct {
	ID           int64
	At           time.Time
	Actor        string
	Action       string
	CustomerID   *string
	Number       *int64
	ObjectID     *uuid.UUID
	Details      string
	RequestID    string
	ChainNo      *int64
	Hash         []byte
	CustomerHMAC []byte
	NumberHMAC   []byte
}

const sealableColumns = `id, at, actor, action, customer_id, number, object_id, details::text, request_id, chain_no, hash,
	customer_hmac, number_hmac`

// fingerprints sets the keyed hashes that stand for customer and number.
func (e *sealable) fingerprints(key []byte) {
	if e.CustomerID != nil {
		e.CustomerHMAC = keyedHash(key, "customer", []byte(*e.CustomerID))
	}
	if e.Number != nil {
		e.NumberHMAC = keyedHash(key, "number", binary.BigEndian.AppendUint64(nil, uint64(*e.Number)))
	}
}

func keyedHash(key []byte, kind string, value []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(kind))
	m.Write([]byte{0})
	m.Write(value)
	return m.Sum(nil)
}

// chained returns the hash of the entry at a place of the chain, behind the entry whose hash is previous. Each field
// is preceded by its length, so that no two entries make the same text.
func (e *sealable) chained(previous []byte, chainNo int64) []byte {
	h := sha256.New()
	field := func(value []byte) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(value)))
		h.Write(size[:])
		h.Write(value)
	}
	integer := func(v int64) { field(binary.BigEndian.AppendUint64(nil, uint64(v))) }
	field(previous)
	integer(chainNo)
	integer(e.ID)
	integer(e.At.UnixMicro())
	field([]byte(e.Actor))
	field([]byte(e.Action))
	field(e.CustomerHMAC)
	field(e.NumberHMAC)
	if e.ObjectID != nil {
		field(e.ObjectID[:])
	} else {
		field(nil)
	}
	field([]byte(e.Details))
	field([]byte(e.RequestID))
	return h.Sum(nil)
}

// -- name: lock_chain
// No row when another server is sealing.
const lockChain = `
SELECT chain_no, hash
FROM audit_chain
FOR UPDATE SKIP LOCKED`

// -- name: unsealed_entries
const selectUnsealed = `
SELECT ` + sealableColumns + `
FROM audit_trail
WHERE chain_no IS NULL
ORDER BY id
LIMIT $1`

// -- name: seal_entries
const sealEntries = `
UPDATE audit_trail a
SET chain_no = e.chain_no, hash = e.hash, customer_hmac = e.customer_hmac, number_hmac = e.number_hmac
FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[])
	AS e (id, at, chain_no, hash, customer_hmac, number_hmac)
WHERE a.id = e.id AND a.at = e.at`

// -- name: advance_chain
const advanceChain = `
UPDATE audit_chain
SET chain_no = $1, hash = $2`

// SealAudit puts up to limit entries of the audit trail that are not yet sealed into the hash chain, in the order of
// their ids, and returns how many. Entries of transactions that commit later come later in the chain, whatever their
// id. While another server seals it does nothing.
func (s *Store) SealAudit(ctx context.Context, limit int) (n int, err error) {
	key, err := s.InstanceKey(ctx, auditKey)
	if err != nil {
		return 0, err
	}
	err = s.inTx(ctx, func(tx pgx.Tx, _ time.Time) error {
		n, err = seal(ctx, tx, key, limit)
		return err
	})
	return n, err
}

func seal(ctx context.Context, tx pgx.Tx, key []byte, limit int) (int, error) {
	var chainNo int64
	var hash []byte
	err := tx.QueryRow(ctx, lockChain).Scan(&chainNo, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, wrapped(err, "lock audit chain")
	}
	entries, err := collectSealable(ctx, tx, selectUnsealed, limit)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	var (
		ids, places                = make([]int64, len(entries)), make([]int64, len(entries))
		times                      = make([]time.Time, len(entries))
		hashes, customers, numbers = make([][]byte, len(entries)), make([][]byte, len(entries)), make([][]byte, len(entries))
	)
	for i := range entries {
		e := &entries[i]
		e.fingerprints(key)
		chainNo++
		hash = e.chained(hash, chainNo)
		ids[i], times[i], places[i], hashes[i] = e.ID, e.At, chainNo, hash
		customers[i], numbers[i] = e.CustomerHMAC, e.NumberHMAC
	}
	if _, err := tx.Exec(ctx, sealEntries, ids, times, places, hashes, customers, numbers); err != nil {
		return 0, wrapped(err, "seal audit trail")
	}
	if _, err := tx.Exec(ctx, advanceChain, chainNo, hash); err != nil {
		return 0, wrapped(err, "advance audit chain")
	}
	return len(entries), nil
}

func collectSealable(ctx context.Context, q querier, sql string, arguments ...any) ([]sealable, error) {
	rows, err := q.Query(ctx, sql, arguments...)
	if err != nil {
		return nil, wrapped(err, "read audit trail")
	}
	entries, err := pgx.CollectRows(rows, pgx.RowToStructByPos[sealable])
	return entries, wrapped(err, "read audit trail")
}

// -- name: sealed_entries
const selectSealed = `
SELECT ` + sealableColumns + `
FROM audit_trail
WHERE chain_no > $1
ORDER BY chain_no
LIMIT $2`

// -- name: chain_head
const selectChain = `
SELECT chain_no, hash
FROM audit_chain`

// AuditReport is what VerifyAudit found.
type AuditReport struct {
	Sealed int64  // entries in the chain
	Head   []byte // hash of the last one: kept elsewhere, it proves later that nothing before it was changed
}

// ErrAuditBroken is returned when entries of the audit trail were changed, removed or put in behind the program's back.
var ErrAuditBroken = errors.New("the audit trail was tampered with")

// verifyStep is how many entries are read at a time.
const verifyStep = 5000

// VerifyAudit goes through the whole chain and makes sure that no entry was changed, removed or put in. An entry whose
// customer and number were erased is whole. ErrAuditBroken names the first place that does not fit.
func (s *Store) VerifyAudit(ctx context.Context) (AuditReport, error) {
	key, err := s.InstanceKey(ctx, auditKey)
	if err != nil {
		return AuditReport{}, err
	}
	var report AuditReport
	err = s.inSnapshot(ctx, func(tx pgx.Tx, _ time.Time) error {
		report = AuditReport{Head: make([]byte, sha256.Size)}
		for {
			entries, err := collectSealable(ctx, tx, selectSealed, report.Sealed, verifyStep)
			if err != nil {
				return err
			}
			for i := range entries {
				if err := report.extend(&entries[i], key); err != nil {
					return err
				}
			}
			if len(entries) < verifyStep {
				return report.finish(ctx, tx)
			}
		}
	})
	return report, err
}

// extend verifies the next entry of the chain.
func (r *AuditReport) extend(e *sealable, key []byte) error {
	place := r.Sealed + 1
	if *e.ChainNo != place {
		return fmt.Errorf("%w: entry %d of the chain is missing or there twice", ErrAuditBroken, place)
	}
	now := *e
	now.fingerprints(key)
	if !bytes.Equal(now.CustomerHMAC, e.CustomerHMAC) || !bytes.Equal(now.NumberHMAC, e.NumberHMAC) {
		return fmt.Errorf("%w: entry %d of the chain (id %d) names another customer or number than it did", ErrAuditBroken, place, e.ID)
	}
	hash := e.chained(r.Head, place)
	if !bytes.Equal(hash, e.Hash) {
		return fmt.Errorf("%w: entry %d of the chain (id %d) does not fit the one before it", ErrAuditBroken, place, e.ID)
	}
	r.Sealed, r.Head = place, hash
	return nil
}

// finish makes sure that the chain ends where its head says.
func (r *AuditReport) finish(ctx context.Context, tx pgx.Tx) error {
	var chainNo int64
	var hash []byte
	if err := tx.QueryRow(ctx, selectChain).Scan(&chainNo, &hash); err != nil {
		return wrapped(err, "read audit chain")
	}
	if chainNo != r.Sealed || !bytes.Equal(hash, r.Head) {
		return fmt.Errorf("%w: the chain ends at entry %d and should end at %d", ErrAuditBroken, r.Sealed, chainNo)
	}
	return nil
}
