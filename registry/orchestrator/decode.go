package orchestrator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
)

// maxMethod bounds the name of a method, in characters; so does the table that keeps it.
const maxMethod = 64

// maxTTL keeps evidence from holding longer than time can tell.
const maxTTL = 100 * 365 * 24 * time.Hour

// chunkResult checks what a worker says, which may be any program, and brings it into the form of the ledger.
func chunkResult(r bus.Result) (registry.ChunkResult, error) {
	key, err := keyOf(r.JobID, r.Platform, r.ChunkNo)
	if err != nil {
		return registry.ChunkResult{}, err
	}
	result := registry.ChunkResult{ChunkKey: key, Epoch: r.Epoch, Worker: text(r.Worker, maxMethod), Checks: make([]registry.Check, len(r.Checks))}
	for i := range r.Checks {
		if err := fillCheck(&result.Checks[i], &r, &r.Checks[i], key.Platform); err != nil {
			return registry.ChunkResult{}, fmt.Errorf("check %d: %w", i, err)
		}
	}
	return result, nil
}

func keyOf(job, platform string, chunk int) (registry.ChunkKey, error) {
	id, err := uuid.Parse(job)
	if err != nil {
		return registry.ChunkKey{}, errors.New("job is not an id")
	}
	p := registry.Platform(platform)
	if !p.Valid() {
		return registry.ChunkKey{}, errors.New("platform is not known")
	}
	if chunk < 0 || chunk > math.MaxInt32 {
		return registry.ChunkKey{}, errors.New("chunk is not a chunk number")
	}
	return registry.ChunkKey{Job: id, Platform: p, No: chunk}, nil
}

func fillCheck(to *registry.Check, r *bus.Result, c *bus.CheckResult, p registry.Platform) error {
	status := registry.Status(c.Status)
	switch {
	case !status.Valid():
		return errors.New("its status is not known")
	case !storable(c.Method, maxMethod) || c.Method == "":
		return errors.New("its method is not 1 to 64 characters of text")
	case c.CheckedAt.Year() < 2000 || c.CheckedAt.Year() > 9999:
		return errors.New("it was checked at no likely time")
	case c.TTLSec < 0:
		return errors.New("it holds for less than no time")
	}
	to.Validation = registry.Validation{
		Number: registry.Number(c.Number), Platform: p, Status: status, Method: c.Method, Strength: c.Strength,
		Simulated: r.Simulated, Attempts: c.Attempts, LatencyMS: c.LatencyMS, CheckedAt: c.CheckedAt, Details: details(c.Details),
	}
	if c.TTLSec > 0 {
		to.ExpiresAt = c.CheckedAt.Add(min(time.Duration(min(c.TTLSec, int64(maxTTL/time.Second)))*time.Second, maxTTL))
	}
	to.Reason = text(c.Reason, bus.MaxReasonBytes)
	return nil
}

// details are kept when they are an object of a bearable size that PostgreSQL can hold; they are not worth a refusal.
func details(d json.RawMessage) json.RawMessage {
	if len(d) == 0 || len(d) > bus.MaxDetailsBytes || d[0] != '{' {
		return nil
	}
	if utf8.Valid(d) && !bytes.Contains(d, []byte(`\u`)) {
		return d
	}
	// Escapes may stand for what text in PostgreSQL cannot hold: NUL, and halves of pairs, which decoding replaces.
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(d))
	decoder.UseNumber()
	if decoder.Decode(&object) != nil {
		return nil
	}
	clean, err := bus.Encode(object)
	if err != nil || bytes.Contains(clean, []byte(`\u0000`)) {
		return nil
	}
	return clean
}

// storable reports whether PostgreSQL can hold a text of at most so many bytes.
func storable(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !bytes.ContainsRune([]byte(s), 0)
}

// text makes s storable.
func text(s string, most int) string {
	if storable(s, most) {
		return s
	}
	out := make([]byte, 0, min(len(s), most))
	for _, r := range s {
		if r == 0 || r == utf8.RuneError {
			continue
		}
		if len(out)+utf8.RuneLen(r) > most {
			break
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// chunkOf finds out which chunk a broken result belongs to.
func chunkOf(message jetstream.Msg) (registry.ChunkKey, bool) {
	var r struct {
		JobID    string `json:"job"`
		Platform string `json:"platform"`
		ChunkNo  int    `json:"chunk"`
	}
	if json.Unmarshal(message.Data(), &r) != nil {
		return registry.ChunkKey{}, false
	}
	key, err := keyOf(r.JobID, r.Platform, r.ChunkNo)
	return key, err == nil
}
