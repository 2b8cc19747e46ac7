package postgres

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"

	"github.com/google/uuid"
)

// webhooksKey names the key that the secrets of webhooks are encrypted under.
const webhooksKey = "webhooks"

// secretBox encrypts the secrets of webhooks: AES-256-GCM under a key of the registry. A secret is bound to its webhook,
// so that it cannot be moved to another one.
type secretBox struct{ aead cipher.AEAD }

// secretBox returns the box of this registry. Its key never changes, so it is read once.
func (s *Store) secretBox(ctx context.Context) (secretBox, error) {
	if box := s.box.Load(); box != nil {
		return *box, nil
	}
	key, err := s.InstanceKey(ctx, webhooksKey)
	if err != nil {
		return secretBox{}, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return secretBox{}, wrapped(err, "read the key of webhooks")
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return secretBox{}, wrapped(err, "read the key of webhooks")
	}
	s.box.Store(&secretBox{aead})
	return secretBox{aead}, nil
}

// seal returns a random nonce and the encrypted secret behind it.
func (b secretBox) seal(webhook uuid.UUID, secret string) []byte {
	nonce := make([]byte, b.aead.NonceSize(), b.aead.NonceSize()+len(secret)+b.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails
	return b.aead.Seal(nonce, nonce, []byte(secret), webhook[:])
}

var errSecret = errors.New("the secret of a webhook cannot be read: rotate it")

// open reads what seal made; "" for nothing.
func (b secretBox) open(webhook uuid.UUID, sealed []byte) (string, error) {
	if sealed == nil {
		return "", nil
	}
	if len(sealed) < b.aead.NonceSize() {
		return "", errSecret
	}
	n := b.aead.NonceSize()
	plain, err := b.aead.Open(nil, sealed[:n], sealed[n:], webhook[:])
	if err != nil {
		return "", errSecret
	}
	return string(plain), nil
}
