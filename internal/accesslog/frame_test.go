package accesslog

import (
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// TestFramesOfAnEarlierProgram: what it left behind when it was replaced is read, without what it did not keep.
func TestFramesOfAnEarlierProgram(t *testing.T) {
	e := registry.AccessEntry{
		ID: uuid.New(), At: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Actor: "claims desk", Token: "key:1", Role: registry.RoleSteward,
		Purpose: "claim 7", Operation: "Q", Fields: []string{"Phone.number"}, Revealed: 3, RequestID: "r1",
	}
	now := appendFrame(nil, e)
	got, length, err := readFrame(now)
	if err != nil || length != len(now) || !reflect.DeepEqual(got, e) {
		t.Errorf("%+v, %d bytes, %v; want %+v", got, length, err, e)
	}
	earlier := now[:len(now)-1-len(e.Token)]
	earlier[frameHead] = withoutToken
	binary.LittleEndian.PutUint32(earlier, uint32(len(earlier)-frameHead))
	binary.LittleEndian.PutUint32(earlier[4:], crc32.Checksum(earlier[frameHead:], polynomial()))
	e.Token = ""
	got, length, err = readFrame(earlier)
	if err != nil || length != len(earlier) || !reflect.DeepEqual(got, e) {
		t.Errorf("of an earlier program: %+v, %d bytes, %v; want %+v", got, length, err, e)
	}
}
