// GraphQL over HTTP where the audits are silent.
import assert from 'node:assert/strict';
import { Section, addPhone, mediaJSON, mediaResponse, mediaStream, partial, phoneInput, scores, viewer } from './support.js';

const named = 'query a { viewer { role } } query b { viewer { name } }';
const asText = JSON.stringify({ query: viewer });
const limit = 1 << 20;
const documentLimit = 1 << 16;

export function httpSection(server) {
  const s = new Section(
    'GraphQL over HTTP, where the audits are silent',
    'The edition of September 2026. Where it and an audit want different statuses, the audit is followed.',
  );
  mediaTypes(s, server);
  bodies(s, server);
  methods(s, server);
  statuses(s, server);
  return s;
}

function mediaTypes(s, server) {
  for (const media of [mediaJSON, mediaResponse]) {
    s.must(`answers as ${media}, and says UTF-8`, async () => {
      const answer = (await server.post({ query: viewer }, { accept: media })).is(200, media);
      assert.match(answer.headers['content-type'], /; *charset=utf-8$/i);
      assert.equal(typeof answer.json.data.viewer.role, 'string');
    });
  }
  const cases = [
    ['the newer media type of two that are equally welcome', `${mediaJSON}, ${mediaResponse}`, mediaResponse],
    ['the media type that is weighted highest', `${mediaResponse};q=0.5, ${mediaJSON};q=0.9`, mediaJSON],
    ['a media type in capitals', mediaResponse.toUpperCase(), mediaResponse],
    ['a media type with a charset', `${mediaResponse}; charset=utf-8`, mediaResponse],
    ['what is left when another is refused', `${mediaJSON};q=0, */*`, mediaResponse],
    ['application/*', 'application/*', mediaJSON],
    ['no Accept at all', undefined, mediaJSON],
  ];
  for (const [name, accept, media] of cases) {
    s.must(`Accept: ${name}`, async () => (await server.post({ query: viewer }, { accept })).is(200, media));
  }
  for (const accept of ['text/html', `${mediaJSON};q=0`, `${mediaResponse}; charset=utf-16`]) {
    s.should(`406 for Accept: ${accept}`, async () =>
      (await server.post({ query: viewer }, { accept })).isError(406, mediaJSON));
  }
}

function bodies(s, server) {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/graphql', undefined]) {
    s.must(`415 for Content-Type: ${type ?? '(none)'}`, async () =>
      (await server.post(asText, { 'content-type': type })).isError(415));
  }
  s.must('415 for a charset that is not UTF-8', async () =>
    (await server.post(asText, { 'content-type': `${mediaJSON}; charset=utf-16` })).isError(415));
  s.must('415 with Accept-Encoding for a body with Content-Encoding', async () => {
    const answer = await server.post(asText, { 'content-encoding': 'gzip' });
    answer.isError(415);
    assert.equal(answer.headers['accept-encoding'], 'identity');
  });
  s.must('Content-Type in capitals and with charset=UTF-8', async () =>
    (await server.post(asText, { 'content-type': 'Application/JSON; Charset="UTF-8"' })).is(200));
  const large = JSON.stringify({ query: viewer + ' '.repeat(limit) });
  s.must('413 for a body over the limit', async () => (await server.post(large)).isError(413));
  s.must('413 for a body over the limit whose length is not told', async () =>
    (await server.ask({ headers: { 'content-type': mediaJSON, accept: mediaResponse }, body: large, chunked: true })).isError(413));
  s.must('a body just under the limit', async () => {
    const room = limit - asText.length;
    (await server.post(asText + ' '.repeat(room))).is(200);
  });
  s.must('400 for a document over its own limit, which is named', async () => {
    const answer = await server.post({ query: viewer + ' '.repeat(documentLimit) });
    const { extensions } = answer.isError(400).json.errors[0];
    assert.deepEqual([extensions.code, extensions.limit, extensions.maximum], ['LIMIT_EXCEEDED', 'bytes', documentLimit]);
  });
  for (const [name, body] of [
    ['something behind the JSON value', `${asText} x`],
    ['a list of operations', `[${asText}]`],
    ['a body that is null', 'null'],
    ['`query` that is empty', '{"query":""}'],
    ['`query` that is null', '{"query":null}'],
    ['a body that is not UTF-8', Buffer.from(JSON.stringify({ query: viewer, variables: { x: 'é' } }), 'latin1')],
  ]) {
    s.must(`400 for ${name}`, async () => (await server.post(body)).isError(400));
  }
  s.must('400 for a text in place of an Int', async () =>
    (await server.post({ query: 'query ($n: Int) { phones(first: $n) { totalCount } }', variables: { n: '1' } })).isError(400));
  s.must('400 for a number in place of a String', async () =>
    (await server.post({ query: 'query ($c: String!) { customer(customerId: $c) { customerId } }', variables: { c: 1 } })).isError(400));
  s.must('members of the body that are not known are ignored', async () =>
    (await server.post({ query: viewer, unknown: 7, another: [] })).is(200));
}

function methods(s, server) {
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    s.must(`405 with Allow for ${method}`, async () => {
      const answer = await server.ask({ method, headers: { 'content-type': mediaJSON, accept: mediaResponse }, body: asText });
      answer.isError(405);
      assert.deepEqual(answer.headers.allow.split(/, */).sort(), ['GET', 'POST']);
    });
  }
  for (const media of [mediaJSON, mediaResponse, mediaStream]) {
    s.must(`405 with Allow for a mutation by GET, Accept: ${media}`, async () => {
      const answer = await server.get({ query: addPhone, variables: JSON.stringify(phoneInput) }, { accept: media });
      answer.isError(405, media === mediaStream ? mediaJSON : media);
      assert.equal(answer.headers.allow, 'POST');
    });
  }
  s.must('a mutation by GET that is chosen by operationName', async () =>
    (await server.get({ query: `${addPhone.replace('mutation', 'mutation m')} query q ${viewer}`, operationName: 'm' })).isError(405));
  s.must('a query beside a mutation by GET', async () =>
    (await server.get({ query: `${addPhone.replace('mutation', 'mutation m')} query q ${viewer}`, operationName: 'q' })).is(200));
  s.must('an empty operationName is none, by GET and by POST', async () => {
    (await server.get({ query: viewer, operationName: '' })).is(200);
    (await server.post({ query: viewer, operationName: '' })).is(200);
  });
  s.must('`operationName=null` of a GET is the name "null"', async () =>
    (await server.get({ query: `query null ${viewer} query other ${viewer}`, operationName: 'null' })).is(200));
  s.must('variables and extensions of a GET are JSON objects', async () => {
    (await server.get({ query: viewer, variables: '7' })).isError(400);
    (await server.get({ query: viewer, extensions: '[]' })).isError(400);
    (await server.get({ query: viewer, variables: '{}', extensions: '{"a":1}' })).is(200);
  });
  s.must('400 for a GET without query', async () => (await server.get({})).isError(400));
  s.must('401 with WWW-Authenticate without a token', async () => {
    const answer = await server.post({ query: viewer }, { authorization: undefined });
    assert.equal(answer.status, 401);
    assert.match(answer.headers['www-authenticate'], /^Bearer /);
  });
}

function statuses(s, server) {
  s.should('294 when there are data and errors', async () => {
    const { data, errors } = (await server.post({ query: partial })).is(294).json;
    assert.equal(data.phone, null);
    assert.equal(typeof data.viewer.role, 'string');
    assert.equal(errors.length, 1);
  });
  s.must(`200 when there are data and errors, as ${mediaJSON}`, async () =>
    (await server.post({ query: partial }, { accept: mediaJSON })).is(200, mediaJSON));
  for (const [name, operation] of [
    ['a document that cannot be parsed', { query: '{' }],
    ['a document that is not valid', { query: '{ thereIsNoSuchField }' }],
    ['an operation that is not told', { query: named }],
    ['an operation that is not there', { query: named, operationName: 'c' }],
    ['a variable that is missing', { query: 'query ($id: ID!) { validationJob(id: $id) { id } }' }],
    ['a variable of the wrong type', { query: 'query ($n: Int) { phones(first: $n) { totalCount } }', variables: { n: 'x' } }],
  ]) {
    s.should(`400 and no data for ${name}`, async () => (await server.post(operation)).isError(400));
    s.should(`200 and no data for ${name}, as ${mediaJSON}`, async () =>
      (await server.post(operation, { accept: mediaJSON })).isError(200, mediaJSON));
  }
  s.must('4xx for a subscription that is not asked for as a stream', async () =>
    (await server.post({ query: scores })).isError(400));
}
