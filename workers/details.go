package workers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"phoneregistry/internal/bus"
)

// cleanDetails makes details from outside fit to be stored as jsonb, which takes less than JSON allows: no NUL, no half
// of a surrogate pair, no number beyond all bounds. Its errors do not tell what the details hold.
func cleanDetails(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if len(raw) > 8*bus.MaxDetailsBytes {
		return nil, errTooLarge
	}
	var object map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&object); err != nil {
		return nil, errors.New("details are not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("details hold more than one JSON object")
	}
	if !storable(object) {
		return nil, errors.New("details hold a NUL character or a number beyond all bounds")
	}
	clean, err := bus.Encode(object)
	if err != nil {
		return nil, errors.New("details cannot be written as JSON")
	}
	if len(clean) > bus.MaxDetailsBytes {
		return nil, errTooLarge
	}
	return clean, nil
}

var errTooLarge = fmt.Errorf("details are larger than %d bytes", bus.MaxDetailsBytes)

func storable(value any) bool {
	switch v := value.(type) {
	case string:
		return !strings.ContainsRune(v, 0)
	case json.Number:
		_, err := v.Float64()
		return err == nil
	case []any:
		for _, element := range v {
			if !storable(element) {
				return false
			}
		}
	case map[string]any:
		for key, element := range v {
			if !storable(key) || !storable(element) {
				return false
			}
		}
	}
	return true
}
