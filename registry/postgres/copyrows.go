package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// copyRows is rows in the binary format of COPY (PostgreSQL manual, COPY, "Binary Format"). It is written by hand where
// millions of rows go: one buffer for all of them, no value of its own for each field. The caller adds a row with as
// many fields as the statement has columns.
type copyRows struct {
	buf  []byte
	rows int
}

// copySignature begins the format; flags and the length of the header's extension follow, both 0.
const copySignature = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// row begins a row.
func (c *copyRows) row(fields int) {
	if c.rows == 0 {
		c.buf = append(c.buf[:0], copySignature...)
	}
	c.rows++
	c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(fields))
}

func (c *copyRows) null() { c.buf = append(c.buf, 0xff, 0xff, 0xff, 0xff) }

func (c *copyRows) int64(v int64) {
	c.buf = append(c.buf, 0, 0, 0, 8)
	c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(v))
}

func (c *copyRows) int32(v int32) {
	c.buf = append(c.buf, 0, 0, 0, 4)
	c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(v))
}

func (c *copyRows) int16(v int16) {
	c.buf = append(c.buf, 0, 0, 0, 2)
	c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(v))
}

func (c *copyRows) float64(v float64) {
	c.buf = append(c.buf, 0, 0, 0, 8)
	c.buf = binary.BigEndian.AppendUint64(c.buf, math.Float64bits(v))
}

func (c *copyRows) bool(v bool) {
	b := byte(0)
	if v {
		b = 1
	}
	c.buf = append(c.buf, 0, 0, 0, 1, b)
}

// text writes a text or the name of an enum's value.
func (c *copyRows) text(v string) {
	c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(len(v)))
	c.buf = append(c.buf, v...)
}

func (c *copyRows) uuid(v uuid.UUID) {
	c.buf = append(c.buf, 0, 0, 0, 16)
	c.buf = append(c.buf, v[:]...)
}

// textOID is the type of the elements of text[].
const textOID = 25

// texts writes a text[].
func (c *copyRows) texts(all []string) {
	size := 12 // dimensions, whether there are nulls, and the type of the elements
	if len(all) > 0 {
		size += 8 // how many, counted from where
	}
	for _, v := range all {
		size += 4 + len(v)
	}
	c.int32s(int32(size), int32(min(len(all), 1)), 0, textOID)
	if len(all) > 0 {
		c.int32s(int32(len(all)), 1)
	}
	for _, v := range all {
		c.text(v)
	}
}

func (c *copyRows) int32s(all ...int32) {
	for _, v := range all {
		c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(v))
	}
}

// jsonb writes a JSON text; null when there is none.
func (c *copyRows) jsonb(v []byte) {
	if len(v) == 0 {
		c.null()
		return
	}
	c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(len(v)+1))
	c.buf = append(c.buf, 1) // the version of the format
	c.buf = append(c.buf, v...)
}

// year2000 is where PostgreSQL counts microseconds from.
const year2000 = 946_684_800_000_000

// time writes a moment; null when it is zero.
func (c *copyRows) time(v time.Time) {
	if v.IsZero() {
		c.null()
		return
	}
	c.int64(v.UnixMicro() - year2000)
}

// copy sends the rows by a statement COPY … FROM STDIN BINARY. It changes nothing when there are none.
func (c *copyRows) copy(ctx context.Context, tx pgx.Tx, statement string) error {
	return c.send(ctx, tx.Conn(), statement)
}

// send is copy outside of a transaction: the statement is one of its own.
func (c *copyRows) send(ctx context.Context, conn *pgx.Conn, statement string) error {
	if c.rows == 0 {
		return nil
	}
	c.buf = append(c.buf, 0xff, 0xff) // the end of the format
	raw := conn.PgConn()
	tracer, traced := raw.CustomData()[tracerData].(pgx.QueryTracer)
	if traced {
		ctx = tracer.TraceQueryStart(ctx, conn, pgx.TraceQueryStartData{SQL: statement})
	}
	tag, err := raw.CopyFrom(ctx, bytes.NewReader(c.buf), statement)
	if traced {
		tracer.TraceQueryEnd(ctx, conn, pgx.TraceQueryEndData{CommandTag: tag, Err: err})
	}
	return err
}

// tracerData is where a connection knows who watches its statements: pgx shows only those that it makes itself.
const tracerData = "tracer"

// beaten turns a key that is there already into errBeaten: it was not when the transaction looked.
func beaten(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == codeUnique {
		return errBeaten
	}
	return err
}
