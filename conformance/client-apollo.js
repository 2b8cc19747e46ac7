// What Apollo Client finds, connected as an application would.
import assert from 'node:assert/strict';
import { gql } from '@apollo/client';
import WebSocket from 'ws';
import { connect, nextPage, phones } from './clients/apollo.js';
import { Section, badPhone, ended, pages, phoneInput, soon, spied } from './support.js';

const viewer = gql`
  query Viewer {
    viewer {
      role
      seesWholeNumbers
    }
  }
`;
const add = gql`
  mutation Add($input: AddPhoneInput!) {
    addPhone(input: $input) {
      phone {
        id
        region
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`;
const progress = gql`
  subscription Progress($id: ID!) {
    validationJobProgress(id: $id) {
      status
      job {
        id
        status
      }
    }
  }
`;
const keys = gql`
  query Keys {
    apiKeys(first: 1) {
      totalCount
    }
  }
`;
const byId = gql`
  query ById($id: ID!) {
    node(id: $id) {
      id
      ... on Phone {
        region
        lineType
      }
    }
  }
`;

export function apolloSection(server, version) {
  const s = new Section(
    `Apollo Client ${version}`,
    'HttpLink with persisted queries, and GraphQLWsLink; the normalised cache, `relayStylePagination`.',
  );
  const as = (options = {}) => connect({ url: server.url, token: server.token, WebSocket, ...options });
  operations(s, server, as);
  cache(s, as);
  errors(s, server, as);
  return s;
}

function operations(s, server, as) {
  s.must('a query', async () => {
    const { data } = await as().client.query({ query: viewer });
    assert.equal(data.viewer.role, 'ADMIN');
  });
  s.must('a mutation', async () => {
    const { data } = await as().client.mutate({ mutation: add, variables: phoneInput });
    assert.deepEqual(data.addPhone.userErrors, []);
    assert.equal(data.addPhone.phone.region, 'CO');
  });
  s.must('a subscription, until the server completes it', async () => {
    const { client, sockets } = as();
    const id = await server.startJob('apollo: until the end');
    const seen = [];
    await soon(
      new Promise((complete, error) => {
        client.subscribe({ query: progress, variables: { id } }).subscribe({
          next: (result) => {
            if (result.error) error(result.error);
            else if (seen.push(result.data.validationJobProgress.status) === 1) server.cancelJob(id).catch(error);
          },
          error,
          complete,
        });
      }),
      'no end',
    );
    assert.ok(seen.length >= 2);
    assert.equal(seen.at(-1), ended);
    assert.equal(client.cache.extract()[`ValidationJob:${id}`].status, ended, 'the cache was not told');
    await sockets.dispose();
  });
  s.must('a query is sent once with its text, then by its hash', async () => {
    const { fetch, bodies } = spied();
    const { client } = as({ fetch });
    const query = gql(`query Named${server.unique()} { viewer { name } }`);
    for (let i = 0; i < 2; i++) {
      const { data } = await client.query({ query, fetchPolicy: 'no-cache' });
      assert.equal(typeof data.viewer.name, 'string');
    }
    assert.deepEqual(bodies.map((body) => 'query' in body), [false, true, false]);
    assert.equal(new Set(bodies.map((body) => body.extensions.persistedQuery.sha256Hash)).size, 1);
  });
}

function cache(s, as) {
  s.must('three pages of a connection, as one list in the cache', async () => {
    const variables = { filter: { customerIds: [pages.customerId] }, first: 2 };
    const watched = as().client.watchQuery({ query: phones, variables });
    const list = await soon(
      new Promise((resolve, reject) => {
        const asked = new Set();
        watched.subscribe(({ data, loading, error }) => {
          if (error) return reject(error);
          if (loading) return undefined;
          const { pageInfo } = data.phones;
          if (!pageInfo.hasNextPage) return resolve(data.phones);
          if (asked.has(pageInfo.endCursor)) return undefined;
          asked.add(pageInfo.endCursor);
          return nextPage(watched, pageInfo).catch(reject);
        });
      }),
      'no last page',
    );
    assert.deepEqual(list.edges.map(({ node }) => node.number), pages.numbers);
  });
  s.must('an object asked again by its global id', async () => {
    const { client } = as();
    const { data } = await client.mutate({ mutation: add, variables: phoneInput });
    const again = await client.query({ query: byId, variables: { id: data.addPhone.phone.id } });
    assert.equal(again.data.node.__typename, 'Phone');
    assert.equal(again.data.node.lineType, 'MOBILE');
  });
}

function errors(s, server, as) {
  s.must('what a user can correct is data, with the path to the input', async () => {
    const { data } = await as().client.mutate({ mutation: add, variables: badPhone });
    assert.equal(data.addPhone.phone, null);
    assert.deepEqual(data.addPhone.userErrors.map(({ code, path }) => [code, path]), [['INVALID_NUMBER', ['input', 'number']]]);
  });
  s.must('FORBIDDEN for what the role does not hold', async () => {
    const { client } = as({ token: await server.keyOf('VIEWER') });
    const { error } = await client.query({ query: keys, errorPolicy: 'all' });
    assert.deepEqual(error?.errors?.map(({ extensions }) => extensions.code), ['FORBIDDEN']);
  });
  s.must('a purpose shows whole numbers, told by header and over the WebSocket', async () => {
    const { client, sockets } = as({ token: await server.keyOf('STEWARD'), purpose: 'conformance' });
    const { data } = await client.query({ query: viewer });
    assert.deepEqual([data.viewer.role, data.viewer.seesWholeNumbers], ['STEWARD', true]);
    for await (const result of sockets.iterate({ query: '{ viewer { seesWholeNumbers } }' })) {
      assert.equal(result.data.viewer.seesWholeNumbers, true, 'not over the WebSocket');
    }
    await sockets.dispose();
  });
  s.must('a document that is not valid', async () => {
    await assert.rejects(as().client.query({ query: gql`query Wrong { thereIsNoSuchField }` }), /thereIsNoSuchField/);
  });
}
