// What the checks share: the server they ask, single requests with nothing added to them, and how a check is noted.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

export const mediaJSON = 'application/json';
export const mediaResponse = 'application/graphql-response+json';
export const mediaStream = 'text/event-stream';

// patience bounds what a check waits for. A server that conforms never makes one wait so long.
const patience = 60_000;

// Server is the one that is checked.
export class Server {
  constructor(url, token) {
    this.url = url;
    this.token = token;
    this.authorization = `Bearer ${token}`;
    this.keys = {};
  }

  get socketURL() {
    return this.url.replace(/^http/, 'ws');
  }

  // ask sends one request: no header but those named, Authorization and the length. An undefined header is left out.
  ask({ method = 'POST', query = '', headers = {}, body, chunked = false } = {}) {
    const sent = { authorization: this.authorization, ...headers };
    for (const name of Object.keys(sent)) {
      if (sent[name] === undefined) delete sent[name];
    }
    if (body !== undefined && !chunked) sent['content-length'] = Buffer.byteLength(body);
    const address = new URL(this.url + query);
    const make = address.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const r = make(address, { method, headers: sent, agent: false, timeout: patience });
      r.on('response', (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => resolve(new Answer(response, Buffer.concat(parts).toString('utf8'))));
      });
      r.on('timeout', () => r.destroy(new Error('no answer')));
      r.on('error', reject);
      r.end(body);
    });
  }

  // post sends an operation as JSON.
  post(operation, headers = {}) {
    return this.ask({
      headers: { 'content-type': mediaJSON, accept: mediaResponse, ...headers },
      body: typeof operation === 'string' || Buffer.isBuffer(operation) ? operation : JSON.stringify(operation),
    });
  }

  // get sends an operation in the address.
  get(parameters, headers = {}) {
    return this.ask({ method: 'GET', query: `?${new URLSearchParams(parameters)}`, headers: { accept: mediaResponse, ...headers } });
  }

  // run runs an operation that has to succeed, and returns its data.
  async run(query, variables) {
    const answer = await this.post({ query, variables });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json.errors, undefined, answer.text);
    return answer.json.data;
  }

  // keyOf makes a token of a role; each role has one.
  keyOf(role) {
    this.keys[role] ??= this.run(
      'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { token userErrors { message } } }',
      { input: { name: `conformance ${role}`, role } },
    ).then(({ createApiKey: made }) => {
      assert.deepEqual(made.userErrors, []);
      return made.token;
    });
    return this.keys[role];
  }

  // prepare makes the source and the numbers that the checks write and read.
  async prepare() {
    const { upsertSource } = await this.run(
      'mutation ($input: UpsertSourceInput!) { upsertSource(input: $input) { userErrors { message } } }',
      { input: { name: phoneInput.input.source, priority: 1 } },
    );
    assert.deepEqual(upsertSource.userErrors, []);
    const customer = await this.run(addPhone, phoneInput);
    assert.deepEqual(customer.addPhone.userErrors, []);
    for (const number of pages.numbers) {
      const input = { ...phoneInput.input, customerId: pages.customerId, number };
      assert.deepEqual((await this.run(addPhone, { input })).addPhone.userErrors, []);
    }
  }

  // unique is a name that the server has not seen.
  unique() {
    return randomBytes(8).toString('hex');
  }

  // startJob starts a validation job for the number, and returns its id.
  async startJob(name) {
    const { startValidationJob: started } = await this.run(
      `mutation ($input: StartValidationJobInput!) { startValidationJob(input: $input) { job { id } userErrors { message } } }`,
      { input: { name, platforms: ['GOOGLE'], target: { customerIds: [phoneInput.input.customerId] } } },
    );
    assert.deepEqual(started.userErrors, []);
    return started.job.id;
  }

  // cancelJob ends a job, and with it every stream of its progress.
  cancelJob(id) {
    return this.run(`mutation ($input: ValidationJobInput!) { cancelValidationJob(input: $input) { userErrors { message } } }`, {
      input: { id },
    });
  }
}

// spied is fetch, and the bodies of what it was asked.
export function spied() {
  const bodies = [];
  return {
    bodies,
    fetch: (url, init) => {
      bodies.push(JSON.parse(init.body));
      return fetch(url, init);
    },
  };
}

class Answer {
  constructor(response, text) {
    this.status = response.statusCode;
    this.headers = response.headers;
    this.text = text;
    [this.media] = (response.headers['content-type'] ?? '').split(';');
  }

  get json() {
    return JSON.parse(this.text);
  }

  // is checks the status and the media type.
  is(status, media = mediaResponse) {
    assert.equal(this.status, status, `status ${this.status}, want ${status}: ${this.text.slice(0, 200)}`);
    assert.equal(this.media, media, `content type ${this.media}, want ${media}`);
    return this;
  }

  // isError is `is` for an answer without data whose errors say what is wrong.
  isError(status, media = mediaResponse) {
    this.is(status, media);
    const { errors, data } = this.json;
    assert.equal(data, undefined, 'there is data');
    assert.ok(Array.isArray(errors) && errors.length > 0 && errors.every((e) => typeof e.message === 'string'), 'no errors');
    return this;
  }
}

// Operations that need nothing but the schema of the registry.
export const viewer = '{ viewer { role } }';
export const partial = '{ phone(number: "1") { id } viewer { role } }';
export const addPhone = 'mutation ($input: AddPhoneInput!) { addPhone(input: $input) { created userErrors { message } } }';
export const phoneInput = {
  input: { customerId: 'conformance', number: '+57 300 123 4567', source: 'conformance' },
};
export const badPhone = { input: { ...phoneInput.input, number: 'not a number' } };
// A customer with as many numbers as need three pages of two.
export const pages = {
  customerId: 'conformance-pages',
  numbers: ['+573002000001', '+573002000002', '+573002000003', '+573002000004', '+573002000005'],
};
export const progress = 'subscription ($id: ID!) { validationJobProgress(id: $id) { status } }';
export const scores = 'subscription { leadScoreChanged(filter: { minScore: 100 }) { total } }';
export const ended = 'CANCELLED';

// Section is a table of checks against one document. They run side by side, unless they are a story.
export class Section {
  constructor(title, about, { inOrder = false } = {}) {
    this.title = title;
    this.about = about;
    this.inOrder = inOrder;
    this.checks = [];
  }

  // must and should name a check; it fails when it throws or does not end.
  must(name, check) {
    this.checks.push({ level: 'MUST', name, check });
  }

  should(name, check) {
    this.checks.push({ level: 'SHOULD', name, check });
  }

  // run runs the checks, and returns what became of them in the order in which they were named.
  async run() {
    const one = async ({ level, name, check }) => ({ level, name, reason: await reasonOf(check) });
    if (!this.inOrder) return Promise.all(this.checks.map(one));
    const results = [];
    for (const check of this.checks) results.push(await one(check));
    return results;
  }
}

async function reasonOf(check) {
  try {
    await soon(check(), 'the check does not end');
    return undefined;
  } catch (cause) {
    return String(cause?.message ?? cause).split('\n')[0];
  }
}

// soon waits for something that is sure to come, and gives up with the given words when it does not.
export function soon(promise, otherwise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(otherwise)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
