package rcs

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"phoneregistry/workers/webcall"
)

// scope is what a token is asked for.
const scope = "https://www.googleapis.com/auth/rcsbusinessmessaging"

// assertionLife is how long the signed request for a token holds: the most that Google allows.
const assertionLife = time.Hour

// leastKeyBits is the least an RSA key may have to be no easy prey.
const leastKeyBits = 2048

// account is a service account: who asks for tokens, and what proves it.
type account struct {
	email    string
	keyID    string
	tokenURL string
	key      *rsa.PrivateKey
}

// parseAccount reads a service account's JSON key file. Its errors never repeat what the file holds.
func parseAccount(file []byte) (*account, error) {
	var f struct {
		Type         string `json:"type"`
		ClientEmail  string `json:"client_email"`
		PrivateKeyID string `json:"private_key_id"`
		PrivateKey   string `json:"private_key"`
		TokenURI     string `json:"token_uri"`
	}
	switch err := json.Unmarshal(file, &f); {
	case err != nil:
		return nil, errors.New("the key file is not JSON: want the key of a service account, as Google Cloud hands it out")
	case f.Type != "service_account":
		return nil, errors.New(`the key file is not of a service account: want "type": "service_account"`)
	case f.ClientEmail == "" || f.PrivateKey == "" || f.TokenURI == "":
		return nil, errors.New("the key file lacks client_email, private_key or token_uri: make a new key and take its file as it is")
	}
	if err := webcall.CheckURL(f.TokenURI, false); err != nil {
		return nil, fmt.Errorf("token_uri of the key file %w", err)
	}
	key, err := parseKey(f.PrivateKey)
	if err != nil {
		return nil, err
	}
	return &account{email: f.ClientEmail, keyID: f.PrivateKeyID, tokenURL: f.TokenURI, key: key}, nil
}

func parseKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("private_key of the key file is not PEM")
	}
	var key *rsa.PrivateKey
	if parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		key, _ = parsed.(*rsa.PrivateKey)
	} else if parsed, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		key = parsed
	}
	switch {
	case key == nil:
		return nil, errors.New("private_key of the key file is not an RSA key")
	case key.N.BitLen() < leastKeyBits:
		return nil, fmt.Errorf("private_key of the key file has %d bits, want at least %d", key.N.BitLen(), leastKeyBits)
	}
	return key, nil
}

// assertion is a signed request for a token: a JWT by RFC 7523 with RS256 (RFC 7518, section 3.3).
func (a *account) assertion(now time.Time) (string, error) {
	header, err := segment(map[string]string{"alg": "RS256", "typ": "JWT", "kid": a.keyID})
	if err != nil {
		return "", err
	}
	claims, err := segment(struct {
		Issuer   string `json:"iss"`
		Scope    string `json:"scope"`
		Audience string `json:"aud"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}{a.email, scope, a.tokenURL, now.Unix(), now.Add(assertionLife).Unix()})
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(header + "." + claims))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return header + "." + claims + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func segment(value any) (string, error) {
	data, err := json.Marshal(value)
	return base64.RawURLEncoding.EncodeToString(data), err
}
