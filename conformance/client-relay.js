// What Relay finds: its runtime, with what its compiler made of relay/registry.js.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  ConnectionHandler,
  commitMutation,
  createOperationDescriptor,
  fetchQuery,
  getRequest,
  getSingularSelector,
  requestSubscription,
} from 'relay-runtime';
import WebSocket from 'ws';
import { connect } from './clients/relay.js';
import { Section, badPhone, ended, pages, phoneInput, soon } from './support.js';

const require = createRequire(import.meta.url);
const made = (name) => require(`./relay/__generated__/registry${name}.graphql.js`);

// relaySection checks the server; persisted is the folder in which the compiler wrote the operations that are sent by name.
export function relaySection(server, version, persisted) {
  const s = new Section(
    `Relay ${version}`,
    'The runtime and what `relay-compiler` makes of `conformance/relay/registry.js`; subscriptions over graphql-ws.',
  );
  const as = (options = {}) => connect({ url: server.url, token: server.token, WebSocket, ...options });
  operations(s, server, as);
  store(s, as);
  errors(s, server, as);
  s.must('an operation that is sent by its id, of the trusted documents that the compiler wrote', async () => {
    const query = require(join(persisted, '__generated__/registryViewerQuery.graphql.js'));
    assert.deepEqual([query.params.text, typeof query.params.id], [null, 'string']);
    const { viewer } = await fetchQuery(as().environment, query, {}, { fetchPolicy: 'network-only' }).toPromise();
    assert.equal(viewer.role, 'ADMIN');
  });
  return s;
}

function ask(environment, name, variables = {}) {
  return fetchQuery(environment, made(name), variables, { fetchPolicy: 'network-only' }).toPromise();
}

function mutate(environment, variables, updater) {
  return new Promise((resolve, reject) => {
    const mutation = made('AddPhoneMutation');
    commitMutation(environment, { mutation, variables, updater, onCompleted: resolve, onError: reject });
  });
}

function operations(s, server, as) {
  s.must('a query', async () => {
    const { viewer } = await ask(as().environment, 'ViewerQuery');
    assert.equal(viewer.role, 'ADMIN');
  });
  s.must('a mutation', async () => {
    const { addPhone } = await mutate(as().environment, phoneInput);
    assert.deepEqual(addPhone.userErrors, []);
    assert.equal(addPhone.phone.region, 'CO');
  });
  s.must('a subscription, until the server completes it', async () => {
    const { environment, sockets } = as();
    const id = await server.startJob('relay: until the end');
    await ask(environment, 'JobQuery', { id });
    const seen = [];
    await soon(
      new Promise((onCompleted, onError) => {
        requestSubscription(environment, {
          subscription: made('ProgressSubscription'),
          variables: { id },
          onNext: ({ validationJobProgress: { status } }) => {
            if (seen.push(status) === 1) server.cancelJob(id).catch(onError);
          },
          onCompleted,
          onError,
        });
      }),
      'no end',
    );
    assert.ok(seen.length >= 2);
    assert.equal(seen.at(-1), ended);
    const query = createOperationDescriptor(getRequest(made('JobQuery')), { id });
    assert.equal(environment.lookup(query.fragment).data.validationJob.status, ended, 'the store was not told');
    await sockets.dispose();
  });
}

function store(s, as) {
  s.must('three pages of an @connection, as one list in the store', async () => {
    const { environment } = as();
    const filter = { customerIds: [pages.customerId] };
    const first = createOperationDescriptor(getRequest(made('PhonesQuery')), { filter, first: 2 });
    const kept = environment.retain(first);
    await ask(environment, 'PhonesQuery', first.request.variables);
    const list = () => {
      const { data: root } = environment.lookup(first.fragment);
      const selector = getSingularSelector(made('Phones_query'), root);
      return environment.lookup(selector).data.phones;
    };
    for (let page = 1; page < 3; page++) {
      assert.equal(list().pageInfo.hasNextPage, true);
      await ask(environment, 'PhonesPageQuery', { filter, first: 2, after: list().pageInfo.endCursor });
    }
    assert.deepEqual(list().edges.map(({ node }) => node.number), pages.numbers);
    assert.equal(list().pageInfo.hasNextPage, false);
    kept.dispose();
  });
  s.must('a mutation adds its phone to an @connection', async () => {
    const { environment } = as();
    const filter = { customerIds: [pages.customerId] };
    await ask(environment, 'PhonesQuery', { filter, first: 2 });
    let edges;
    await mutate(environment, phoneInput, (records) => {
      const list = ConnectionHandler.getConnection(records.getRoot(), 'registry_phones', { filter });
      const phone = records.getRootField('addPhone').getLinkedRecord('phone');
      ConnectionHandler.insertEdgeAfter(list, ConnectionHandler.createEdge(records, list, phone, 'PhoneEdge'));
      edges = list.getLinkedRecords('edges').map((edge) => edge.getLinkedRecord('node').getValue('number'));
    });
    assert.equal(edges.length, 3);
    assert.deepEqual(edges.slice(0, 2), pages.numbers.slice(0, 2));
  });
  s.must('a fragment refetched by its global id', async () => {
    const { environment } = as();
    const { addPhone } = await mutate(environment, phoneInput);
    const request = getRequest(made('PhoneRefetchQuery'));
    const again = createOperationDescriptor(request, { id: addPhone.phone.id });
    const kept = environment.retain(again);
    await ask(environment, 'PhoneRefetchQuery', again.request.variables);
    const { data } = environment.lookup(again.fragment);
    const phone = environment.lookup(getSingularSelector(made('Phone_phone'), data.node)).data;
    assert.deepEqual([phone.id, phone.lineType], [addPhone.phone.id, 'MOBILE']);
    kept.dispose();
  });
}

function errors(s, server, as) {
  s.must('what a user can correct is data, with the path to the input', async () => {
    const { addPhone } = await mutate(as().environment, badPhone);
    assert.equal(addPhone.phone, null);
    assert.deepEqual(addPhone.userErrors.map(({ code, path }) => [code, path]), [['INVALID_NUMBER', ['input', 'number']]]);
  });
  s.must('FORBIDDEN for what the role does not hold', async () => {
    const { environment } = as({ token: await server.keyOf('VIEWER') });
    const cause = await ask(environment, 'KeysQuery').then(
      () => assert.fail('it was run'),
      (error) => error,
    );
    assert.deepEqual(cause.source?.errors.map(({ extensions }) => extensions.code), ['FORBIDDEN']);
  });
  s.must('a purpose shows whole numbers', async () => {
    const { environment } = as({ token: await server.keyOf('STEWARD'), purpose: 'conformance' });
    const { viewer } = await ask(environment, 'ViewerQuery');
    assert.deepEqual([viewer.role, viewer.seesWholeNumbers], ['STEWARD', true]);
  });
}
