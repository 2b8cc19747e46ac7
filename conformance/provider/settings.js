// How the provider is set up: whom it knows, and what its tokens say.
import { Provider } from 'oidc-provider';
import { audience, person, redirectURI } from './names.js';

// roles of programs and people, as the provider has them.
const roles = {
  importer: ['reading', 'stewards', 'something else'],
  reader: 'reading',
  guest: ['guests', 'STEWARD'],
  [person.sub]: ['reading', 'stewards'],
};

const program = (id) => ({
  client_id: id,
  client_secret: `${id}-secret-of-the-checks`,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
});

const clients = [
  ...['importer', 'reader', 'guest', 'nobody'].map(program),
  { ...program(audience), grant_types: ['authorization_code'], redirect_uris: [redirectURI], response_types: ['code'] },
];

// signing tells from the name of a resource, `urn:checks:AUDIENCE:ALGORITHM:KEY`, how tokens for it are signed. The names
// "secret" and "confused" stand for HS256 with a secret, and with the public half of the first key.
function signing(resource, keys) {
  const [, , aud, alg, kid] = resource.split(':');
  if (kid === 'secret') return { audience: aud, sign: { alg, key: Buffer.alloc(32, 'secret') } };
  if (kid === 'confused') return { audience: aud, sign: { alg, kid: 'first', key: Buffer.from(keys.pem('first')) } };
  return { audience: aud, sign: { alg, kid } };
}

function resourceIndicators(keys) {
  return {
    enabled: true,
    getResourceServerInfo(_, resource) {
      const { audience: of, sign } = signing(resource, keys);
      return { scope: '', audience: of, accessTokenFormat: 'jwt', jwt: { sign } };
    },
  };
}

// makeProvider makes a provider that shows the named keys.
export function makeProvider(issuer, keys, names) {
  const provider = new Provider(issuer, {
    clients,
    jwks: { keys: names.map((kid) => keys.secret(kid)) },
    features: { clientCredentials: { enabled: true }, resourceIndicators: resourceIndicators(keys) },
    ttl: { ClientCredentials: 600, AccessToken: 600, IdToken: 600, Interaction: 600, Grant: 600, Session: 600 },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], roles: ['realm_access'] },
    conformIdTokenClaims: false, // an ID token tells what was asked for
    cookies: { keys: ['for the checks'] },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ ...person, sub, email_verified: true, realm_access: { roles: roles[sub] } }),
    }),
    extraTokenClaims: (_, token) => roles[token.clientId] && { realm_access: { roles: roles[token.clientId] } },
    // As other providers have it, a token does not hold before it was made.
    formats: { customizers: { jwt: (_, __, { payload }) => void (payload.nbf = payload.iat) } },
  });
  provider.on('server_error', (_, error) => console.error(error));
  return provider;
}
