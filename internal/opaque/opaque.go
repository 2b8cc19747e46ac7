// Package opaque makes ids and cursors that clients can pass around but neither read, guess nor alter: an id of a
// phone does not show the number behind it.
package opaque

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/google/uuid"
)

// ErrInvalid is returned for a text that this registry has not made, or not for this use.
var ErrInvalid = errors.New("not an id or cursor of this registry")

// Codec makes and reads ids and cursors. It is safe for concurrent use.
type Codec struct {
	block cipher.Block // ids: one AES block, a keyed permutation, so equal numbers have equal ids
	aead  cipher.AEAD  // cursors
	nonce []byte       // key of the synthetic nonces of cursors
}

// KeySize is the size of a codec's key in bytes.
const KeySize = 32

// New makes a codec from a secret key of KeySize bytes. All servers of one registry share the key.
func New(key []byte) (*Codec, error) {
	if len(key) != KeySize {
		return nil, errors.New("opaque: key must be 32 bytes")
	}
	block, err := aes.NewCipher(derive(key, "id")[:16])
	if err != nil {
		return nil, err
	}
	cursor, err := aes.NewCipher(derive(key, "cursor"))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(cursor)
	if err != nil {
		return nil, err
	}
	return &Codec{block: block, aead: aead, nonce: derive(key, "nonce")}, nil
}

func derive(key []byte, use string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(use))
	return m.Sum(nil)
}

// encoding is Crockford's alphabet in lower case: no letter looks like a digit.
var encoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding) //nolint:gochecknoglobals // never changed

// Int makes an id of a kind (a short prefix such as "pho") from an integer that must not show.
func (c *Codec) Int(kind string, v int64) string {
	var b [aes.BlockSize]byte
	copy(b[:8], kind) // the kind and the zeros behind it are what tells a made id from a made-up one
	binary.BigEndian.PutUint64(b[8:], uint64(v))
	c.block.Encrypt(b[:], b[:])
	return kind + "_" + encoding.EncodeToString(b[:])
}

// ParseInt reads an id made by Int for the same kind.
func (c *Codec) ParseInt(kind, id string) (int64, error) {
	text, ok := strings.CutPrefix(id, kind+"_")
	if !ok {
		return 0, ErrInvalid
	}
	b, err := encoding.DecodeString(text)
	if err != nil || len(b) != aes.BlockSize || encoding.EncodeToString(b) != text {
		return 0, ErrInvalid // the last test refuses other spellings of the same bytes
	}
	c.block.Decrypt(b, b)
	var want [8]byte
	copy(want[:], kind)
	if !hmac.Equal(b[:8], want[:]) {
		return 0, ErrInvalid
	}
	return int64(binary.BigEndian.Uint64(b[8:])), nil
}

// UUID makes an id of a kind from a random id, which may show.
func UUID(kind string, id uuid.UUID) string { return kind + "_" + hex.EncodeToString(id[:]) }

// ParseUUID reads an id made by UUID for the same kind.
func ParseUUID(kind, id string) (uuid.UUID, error) {
	text, ok := strings.CutPrefix(id, kind+"_")
	if !ok || len(text) != 32 {
		return uuid.UUID{}, ErrInvalid
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return uuid.UUID{}, ErrInvalid
	}
	return uuid.UUID(b), nil
}

// Seal makes a cursor of a list from what tells where a page ends.
func (c *Codec) Seal(list string, plain []byte) string {
	m := hmac.New(sha256.New, c.nonce)
	m.Write([]byte(list))
	m.Write([]byte{0})
	m.Write(plain)
	nonce := m.Sum(nil)[:c.aead.NonceSize()] // synthetic: the same place in the same list has the same cursor
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nonce, nonce, plain, []byte(list)))
}

// Open reads a cursor made by Seal for the same list.
func (c *Codec) Open(list, cursor string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < c.aead.NonceSize() {
		return nil, ErrInvalid
	}
	n := c.aead.NonceSize()
	plain, err := c.aead.Open(nil, b[:n], b[n:], []byte(list))
	if err != nil {
		return nil, ErrInvalid
	}
	return plain, nil
}
