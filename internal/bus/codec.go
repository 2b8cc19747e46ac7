package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// maxNumber is the largest E.164 number: 15 digits (ITU-T E.164).
const maxNumber = 999_999_999_999_999

// ErrVersion is returned for a message of a version this program does not know.
var ErrVersion = errors.New("message version is newer than this program: upgrade it")

// Encode writes a message as JSON. Unlike json.Marshal it leaves <, > and & alone: escaping them would let a message
// grow beyond the size that the bounds of its fields promise.
func Encode(message any) ([]byte, error) {
	if r, ok := message.(Result); ok {
		if b, plain := appendResult(make([]byte, 0, resultSize(&r)), &r); plain {
			return b, nil
		}
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(message); err != nil {
		return nil, fmt.Errorf("encode %T: %w", message, err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// DecodeChunk reads a work message and checks its bounds. It returns ErrVersion for one that is too new. Its errors
// hold no phone number.
func DecodeChunk(data []byte) (Chunk, error) {
	var c Chunk
	if err := decode(data, &c, &c.Version); err != nil {
		return Chunk{}, fmt.Errorf("work message: %w", err)
	}
	switch {
	case c.JobID == "" || c.Platform == "":
		return Chunk{}, errors.New("work message: job and platform are required")
	case c.ChunkNo < 0 || c.Epoch < 0:
		return Chunk{}, errors.New("work message: chunk and epoch cannot be negative")
	case len(c.Numbers) == 0 || len(c.Numbers) > MaxChunkNumbers:
		return Chunk{}, fmt.Errorf("work message: holds %d numbers, 1 to %d are allowed", len(c.Numbers), MaxChunkNumbers)
	}
	last := int64(0)
	for i, n := range c.Numbers {
		if n <= last || n > maxNumber {
			return Chunk{}, fmt.Errorf("work message: entry %d of numbers is not an E.164 number greater than the one before", i)
		}
		last = n
	}
	return c, nil
}

// DecodeResult reads a result message and checks its bounds. It returns ErrVersion for one that is too new. Its errors
// hold no phone number.
func DecodeResult(data []byte) (Result, error) {
	var r Result
	if plain := readResult(data, &r); !plain || r.Version != Version {
		r = Result{}
		if err := decode(data, &r, &r.Version); err != nil {
			return Result{}, fmt.Errorf("result message: %w", err)
		}
	}
	switch {
	case r.JobID == "" || r.Platform == "":
		return Result{}, errors.New("result message: job and platform are required")
	case len(r.Checks) == 0 || len(r.Checks) > MaxChunkNumbers:
		return Result{}, fmt.Errorf("result message: holds %d checks, 1 to %d are allowed", len(r.Checks), MaxChunkNumbers)
	}
	return r, nil
}

// DecodeJobControl reads a control message.
func DecodeJobControl(data []byte) (JobControlMessage, error) {
	var m JobControlMessage
	if err := decode(data, &m, &m.Version); err != nil {
		return JobControlMessage{}, fmt.Errorf("control message: %w", err)
	}
	if m.JobID == "" || m.Action == "" {
		return JobControlMessage{}, errors.New("control message: job and action are required")
	}
	return m, nil
}

// decode reads JSON into message. A newer version may have given a field another type, so the version is looked at
// before the error: json.Unmarshal goes on after a value that does not fit its field.
func decode(data []byte, message any, version *int) error {
	err := json.Unmarshal(data, message)
	switch {
	case *version > Version:
		return ErrVersion
	case err != nil:
		return plain(err)
	case *version < 1:
		return errors.New("has no version (v)")
	}
	return nil
}

// plain describes an error of json.Unmarshal without what was read: it may be a phone number.
func plain(err error) error {
	if wrongType, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("field %q does not hold a %s", wrongType.Field, wrongType.Type)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("is not JSON: error at byte %d", syntax.Offset)
	}
	return errors.New("a field does not hold what it should")
}
