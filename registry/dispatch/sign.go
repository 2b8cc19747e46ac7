package dispatch

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"phoneregistry/registry"
)

// Headers of a message, as the Standard Webhooks specification names them, and two of our own.
const (
	headerID        = "webhook-id"
	headerTimestamp = "webhook-timestamp" // seconds since 1970 at this attempt
	headerSignature = "webhook-signature" // v1,BASE64 for each secret, with spaces between
	headerEvent     = "Phonereg-Event"
	headerDelivery  = "Phonereg-Delivery-Id"
)

var errUnsigned = errors.New("the secret of the webhook cannot be read: rotate it")

// signatures signs a message with each of the secrets: HMAC-SHA-256 over id.timestamp.body (Standard Webhooks 1.0,
// symmetric signatures).
func signatures(secrets []string, id, timestamp string, body []byte) (string, error) {
	all := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, registry.SecretPrefix))
		if err != nil || len(key) == 0 {
			return "", errUnsigned
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if len(all) == 0 {
		return "", errUnsigned
	}
	return strings.Join(all, " "), nil
}
