// What urql finds, connected as an application would.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { connect, connectByEvents } from './clients/urql.js';
import { Section, badPhone, ended, pages, phoneInput, progress, soon, spied } from './support.js';

const viewer = 'query Viewer { viewer { role seesWholeNumbers } }';
const add = `mutation Add($input: AddPhoneInput!) {
  addPhone(input: $input) { phone { id region } userErrors { code message path } }
}`;
const phones = `query Phones($filter: PhoneFilter, $first: Int, $after: String) {
  phones(filter: $filter, first: $first, after: $after) { edges { node { id number } } pageInfo { endCursor hasNextPage } }
}`;
const byId = 'query ById($id: ID!) { node(id: $id) { id ... on Phone { lineType } } }';
const keys = 'query Keys { apiKeys(first: 1) { totalCount } }';

export function urqlSection(server, version) {
  const s = new Section(
    `urql ${version}`,
    'fetchExchange with persistedExchange, subscriptionExchange over graphql-ws, and subscriptions as event streams.',
  );
  const as = (options = {}) => connect({ url: server.url, token: server.token, WebSocket, ...options });
  operations(s, server, as);
  subscriptions(s, server, as);
  errors(s, server, as);
  return s;
}

// got returns the data of a result that has to be one without errors.
function got({ data, error }) {
  assert.equal(error, undefined, error?.message);
  return data;
}

function operations(s, server, as) {
  s.must('a query', async () => {
    assert.equal(got(await as().client.query(viewer, {})).viewer.role, 'ADMIN');
  });
  s.must('a mutation', async () => {
    const { addPhone } = got(await as().client.mutation(add, phoneInput));
    assert.deepEqual(addPhone.userErrors, []);
    assert.equal(addPhone.phone.region, 'CO');
  });
  s.must('three pages of a connection', async () => {
    const { client } = as();
    const numbers = [];
    let after;
    let asked = 0;
    for (let more = true; more; asked++) {
      const { phones: page } = got(await client.query(phones, { filter: { customerIds: [pages.customerId] }, first: 2, after }));
      numbers.push(...page.edges.map(({ node }) => node.number));
      ({ endCursor: after, hasNextPage: more } = page.pageInfo);
    }
    assert.deepEqual(numbers, pages.numbers);
    assert.equal(asked, 3);
  });
  s.must('an object asked again by its global id', async () => {
    const { client } = as();
    const { addPhone } = got(await client.mutation(add, phoneInput));
    const { node } = got(await client.query(byId, { id: addPhone.phone.id }));
    assert.deepEqual([node.__typename, node.lineType], ['Phone', 'MOBILE']);
  });
  s.must('a query and a mutation are sent once with their text, then by their hash', async () => {
    const { fetch, bodies } = spied();
    const { client } = as({ fetch });
    const name = server.unique();
    for (let i = 0; i < 2; i++) {
      got(await client.query(`query Named${name} { viewer { name } }`, {}, { requestPolicy: 'network-only' }));
      got(await client.mutation(add.replace('Add', `Add${name}`), phoneInput));
    }
    const text = bodies.map((body) => Boolean(body.query));
    assert.deepEqual(text, [false, true, false, true, false, false]);
  });
}

function subscriptions(s, server, as) {
  const toTheEnd = async (client, name) => {
    const id = await server.startJob(name);
    const seen = [];
    await soon(
      new Promise((resolve, reject) => {
        client.subscription(progress, { id }).subscribe(({ data, error, hasNext }) => {
          if (error) return reject(error);
          const { status } = data.validationJobProgress;
          if (seen.push(status) === 1) server.cancelJob(id).catch(reject);
          if (status === ended && !hasNext) resolve();
        });
      }),
      'no end',
    );
    assert.ok(seen.length >= 2);
  };
  s.must('a subscription over a WebSocket, until the server completes it', async () => {
    const { client, sockets } = as();
    await toTheEnd(client, 'urql: over a socket');
    await sockets.dispose();
  });
  s.must('a subscription as an event stream, until the server completes it', () =>
    toTheEnd(connectByEvents({ url: server.url, token: server.token }), 'urql: as a stream'));
}

function errors(s, server, as) {
  s.must('what a user can correct is data, with the path to the input', async () => {
    const { addPhone } = got(await as().client.mutation(add, badPhone));
    assert.equal(addPhone.phone, null);
    assert.deepEqual(addPhone.userErrors.map(({ code, path }) => [code, path]), [['INVALID_NUMBER', ['input', 'number']]]);
  });
  s.must('FORBIDDEN for what the role does not hold', async () => {
    const { error } = await as({ token: await server.keyOf('VIEWER') }).client.query(keys, {});
    assert.deepEqual(error?.graphQLErrors.map(({ extensions }) => extensions.code), ['FORBIDDEN']);
  });
  s.must('a purpose shows whole numbers', async () => {
    const { client } = as({ token: await server.keyOf('STEWARD'), purpose: 'conformance' });
    const { viewer: caller } = got(await client.query(viewer, {}));
    assert.deepEqual([caller.role, caller.seesWholeNumbers], ['STEWARD', true]);
  });
  s.must('a document that is not valid', async () => {
    const { error } = await as().client.query('query Wrong { thereIsNoSuchField }', {});
    assert.match(error?.graphQLErrors[0].message, /thereIsNoSuchField/);
  });
}
