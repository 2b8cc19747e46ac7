// What the checks ask of the provider: tokens, as programs and people get them, and to be changed.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { audience, person, redirectURI } from './names.js';

export class ProviderClient {
  constructor(control) {
    this.control = control;
  }

  // order lets the provider do something: cut, mend, clock, keys.
  async order(what, how = {}) {
    const answer = await fetch(`${this.control}/control/${what}`, { method: 'POST', body: JSON.stringify(how) });
    assert.equal(answer.status, 204);
  }

  // token is an access token for a program. Without an algorithm it is for nobody in particular, and no JWT.
  async token({ program = 'importer', alg = 'RS256', kid = 'first', of = audience, from = '' } = {}) {
    const resource = alg && { resource: `urn:checks:${of}:${alg}:${kid}` };
    const made = await this.#ask(`${from}/token`, program, { grant_type: 'client_credentials', ...resource });
    return made.access_token;
  }

  // tokenAt is one that was made when the provider's clock was ahead by so many seconds.
  async tokenAt(seconds, how) {
    await this.order('clock', { seconds });
    try {
      return await this.token(how);
    } finally {
      await this.order('clock', { seconds: 0 });
    }
  }

  // idToken is what a page gets of a person who signs in: authorization code, with PKCE.
  async idToken() {
    const verifier = randomBytes(32).toString('base64url');
    const code = await this.#signIn({
      client_id: audience,
      redirect_uri: redirectURI,
      response_type: 'code',
      scope: 'openid email roles',
      nonce: randomBytes(8).toString('hex'),
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    const grant = { grant_type: 'authorization_code', code, redirect_uri: redirectURI, code_verifier: verifier };
    return (await this.#ask('/token', audience, grant)).id_token;
  }

  async #ask(path, program, form) {
    const secret = Buffer.from(`${program}:${program}-secret-of-the-checks`).toString('base64');
    const answer = await fetch(this.control + path, {
      method: 'POST',
      headers: { authorization: `Basic ${secret}` },
      body: new URLSearchParams(form),
    });
    assert.equal(answer.status, 200, await answer.clone().text());
    return answer.json();
  }

  // signIn goes from page to page as a browser does, and returns the code with which it comes back.
  async #signIn(parameters) {
    const cookies = new Map();
    let at = new URL(`${this.control}/auth?${new URLSearchParams(parameters)}`);
    let form;
    for (let pages = 0; pages < 12; pages++) {
      const answer = await fetch(at, {
        method: form ? 'POST' : 'GET',
        redirect: 'manual',
        headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
        body: form && new URLSearchParams(form),
      });
      for (const cookie of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
        if (value) cookies.set(name, value);
        else cookies.delete(name);
      }
      form = undefined;
      if (answer.headers.has('location')) {
        at = new URL(answer.headers.get('location'), at);
        if (at.href.startsWith(redirectURI)) return at.searchParams.get('code') ?? assert.fail(at.search);
        continue;
      }
      const page = await answer.text();
      const [, prompt] = /name="prompt" value="(\w+)"/.exec(page) ?? assert.fail(`${answer.status}: ${page.slice(0, 200)}`);
      form = prompt === 'login' ? { prompt, login: person.sub, password: 'any' } : { prompt };
    }
    return assert.fail('signing in has no end');
  }
}
