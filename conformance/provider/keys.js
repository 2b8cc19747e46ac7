// The keys of the provider. Each is made when it is first asked for, and stays the same.
import { generateKeyPairSync } from 'node:crypto';

// kinds of keys, by their ids. None says which algorithm it is for, so that the provider signs with those of RSA as RS256
// and as PS256.
const kinds = {
  first: ['rsa', { modulusLength: 2048 }],
  second: ['ec', { namedCurve: 'P-256' }],
  third: ['rsa', { modulusLength: 2048 }],
  unseen: ['ec', { namedCurve: 'P-256' }],
  curve: ['ec', { namedCurve: 'P-256' }],
  edwards: ['ed25519', {}],
};

export class Keys {
  #made = new Map();

  #pair(kid) {
    if (!this.#made.has(kid)) this.#made.set(kid, generateKeyPairSync(...kinds[kid]));
    return this.#made.get(kid);
  }

  // secret is a key with its private half, as a JWK.
  secret(kid) {
    return { ...this.#pair(kid).privateKey.export({ format: 'jwk' }), kid, use: 'sig' };
  }

  // pem is the public half as text: what a server reads that takes HS256 for a secret which both sides know.
  pem(kid) {
    return this.#pair(kid).publicKey.export({ type: 'spki', format: 'pem' });
  }
}
