// What sockets find that send what a client never would.
import assert from 'node:assert/strict';
import { Socket, refusal } from './socket.js';
import { progress, viewer } from './support.js';

const query = { query: viewer };

export function byHand(s, server) {
  handshakes(s, server);
  closings(s, server);
  livings(s, server);
  operations(s, server);
}

function handshakes(s, server) {
  s.must('the handshake chooses graphql-transport-ws', async () => {
    const socket = await Socket.open(server, ['something-else', 'graphql-transport-ws']);
    assert.equal(socket.protocol, 'graphql-transport-ws');
    socket.end();
  });
  s.must('4406 without the subprotocol', async () => (await Socket.open(server, [])).closesWith(4406));
  s.must('the token may come in the header of the handshake', async () => {
    const socket = await Socket.open(server, undefined, { headers: { authorization: server.authorization } });
    socket.send({ type: 'connection_init' });
    assert.equal((await socket.next()).type, 'connection_ack');
    socket.end();
  });
  s.must('403 for the page of another site', async () =>
    assert.equal(await refusal(server, { origin: 'https://another.example' }), 403));
}

function closings(s, server) {
  const init = { type: 'connection_init', payload: { Authorization: server.authorization } };
  const closes = (code, name, ...messages) =>
    s.must(`${code} for ${name}`, async () => {
      const socket = await Socket.open(server);
      for (const message of messages) socket.send(message);
      await socket.closesWith(code);
    });
  closes(4400, 'a message that is not JSON', '{');
  closes(4400, 'a message that is no object', '[]');
  closes(4400, 'a message that is null', 'null');
  closes(4400, 'a binary message', Buffer.from('{"type":"ping"}'));
  closes(4400, 'a message without type', {});
  closes(4400, 'a type that is no text', { type: 7 });
  closes(4400, 'a type that is not known', { type: 'start' });
  closes(4400, 'a type that only a server sends', init, { type: 'next', id: '1', payload: {} });
  closes(4400, 'connection_init whose payload is no object', { type: 'connection_init', payload: 'x' });
  closes(4400, 'ping whose payload is no object', { type: 'ping', payload: 'x' });
  closes(4400, 'pong whose payload is no object', { type: 'pong', payload: [] });
  closes(4400, 'subscribe without id', init, { type: 'subscribe', payload: query });
  closes(4400, 'subscribe with an empty id', init, { type: 'subscribe', id: '', payload: query });
  closes(4400, 'subscribe whose id is no text', init, { type: 'subscribe', id: 1, payload: query });
  closes(4400, 'subscribe without payload', init, { type: 'subscribe', id: '1' });
  closes(4400, 'subscribe without query', init, { type: 'subscribe', id: '1', payload: {} });
  closes(4400, 'subscribe whose query is no text', init, { type: 'subscribe', id: '1', payload: { query: 7 } });
  closes(4400, 'subscribe whose variables are no object', init, { type: 'subscribe', id: '1', payload: { ...query, variables: [] } });
  closes(4400, 'subscribe with an id of more than 1,024 bytes', init, { type: 'subscribe', id: 'x'.repeat(1025), payload: query });
  closes(4400, 'complete without id', init, { type: 'complete' });
  closes(4401, 'subscribe before connection_init', { type: 'subscribe', id: '1', payload: query });
  closes(4403, 'connection_init without a token', { type: 'connection_init' });
  closes(4403, 'connection_init with a wrong token', { type: 'connection_init', payload: { Authorization: 'Bearer x' } });
  s.must('4408 when connection_init does not come', async () => (await Socket.open(server)).closesWith(4408));
  s.must('4408 also for one that only pings', async () => {
    const socket = await Socket.open(server);
    const timer = setInterval(() => socket.send({ type: 'ping' }), 500);
    await socket.closesWith(4408).finally(() => clearInterval(timer));
  });
  s.must('4409 for an id that is in use', async () => {
    const id = await server.startJob('ws: an id in use');
    const socket = await Socket.ready(server);
    socket.subscribe('1', progress, { id });
    assert.equal((await socket.next()).type, 'next');
    socket.subscribe('1', viewer);
    await socket.closesWith(4409, 'Subscriber for 1 already exists');
    await server.cancelJob(id);
  });
  closes(4429, 'a second connection_init', init, init);
  closes(4429, 'a second connection_init, with more behind it', init, init, ...Array.from({ length: 200 }, () => ({ type: 'ping' })));
  closes(1009, 'a message over the limit', init, 'x'.repeat((1 << 20) + 1));
  closes(1009, 'a large message before connection_init', 'x'.repeat((32 << 10) + 1));
  s.must('1007 for a text that is not UTF-8', async () => {
    const socket = await Socket.ready(server);
    socket.sendAsText(Buffer.from('{"type":"ping","payload":{"x":"é"}}', 'latin1'));
    await socket.closesWith(1007);
  });
}

function livings(s, server) {
  s.must('ping is answered by pong with its payload, before connection_init too', async () => {
    const socket = await Socket.open(server);
    socket.send({ type: 'ping', payload: { a: [1, null] } });
    assert.deepEqual(await socket.next(), { type: 'pong', payload: { a: [1, null] } });
    socket.send({ type: 'ping' });
    assert.deepEqual(await socket.next(), { type: 'pong' });
    socket.end();
  });
  s.must('pong that nobody asked for is taken', async () => {
    const socket = await Socket.ready(server);
    socket.send({ type: 'pong' });
    socket.send({ type: 'pong', payload: { a: 1 } });
    socket.subscribe('1', viewer);
    assert.equal((await socket.next()).type, 'next');
    socket.end();
  });
  s.must('the server pings by itself, and goes on after the pong', async () => {
    const socket = await Socket.ready(server);
    assert.deepEqual(await socket.pinged(), { type: 'ping' });
    socket.send({ type: 'pong' });
    socket.subscribe('1', viewer);
    assert.equal((await socket.next()).type, 'next');
    socket.end();
  });
}

function operations(s, server) {
  s.must('a query is answered by `next`, then `complete`', async () => {
    const socket = await Socket.ready(server);
    socket.subscribe('a', viewer);
    const { id, type, payload } = await socket.next();
    assert.deepEqual([id, type, typeof payload.data.viewer.role], ['a', 'next', 'string']);
    assert.deepEqual(await socket.next(), { id: 'a', type: 'complete' });
    socket.end();
  });
  s.must('`error` ends an operation: nothing follows, and its id is free', async () => {
    const socket = await Socket.ready(server);
    socket.subscribe('a', '{ thereIsNoSuchField }');
    const { id, type, payload } = await socket.next();
    assert.deepEqual([id, type, Array.isArray(payload)], ['a', 'error', true]);
    socket.send({ type: 'ping' });
    assert.equal((await socket.next()).type, 'pong');
    socket.subscribe('a', viewer);
    assert.equal((await socket.next()).type, 'next');
    socket.end();
  });
  s.must('`complete` of the client ends an operation: nothing follows, and its id is free', async () => {
    const id = await server.startJob('ws: completed by the client');
    const socket = await Socket.ready(server);
    socket.subscribe('a', progress, { id });
    assert.equal((await socket.next()).type, 'next');
    socket.send({ id: 'a', type: 'complete' });
    socket.send({ type: 'ping' });
    assert.equal((await socket.next()).type, 'pong');
    await server.cancelJob(id);
    socket.subscribe('a', viewer);
    assert.ok((await socket.next()).payload.data.viewer);
    assert.deepEqual(await socket.next(), { id: 'a', type: 'complete' });
    socket.end();
  });
  s.must('`complete` of the server ends a subscription after its last result', async () => {
    const id = await server.startJob('ws: completed by the server');
    const socket = await Socket.ready(server);
    socket.subscribe('a', progress, { id });
    await server.cancelJob(id);
    const types = [];
    do types.push((await socket.next()).type);
    while (types.at(-1) === 'next');
    assert.equal(types.at(-1), 'complete');
    assert.ok(types.length > 1);
    socket.end();
  });
  s.must('`complete` for an id that is not in use is taken', async () => {
    const socket = await Socket.ready(server);
    socket.send({ id: 'nobody', type: 'complete' });
    socket.subscribe('a', viewer);
    assert.equal((await socket.next()).type, 'next');
    socket.end();
  });
  s.must('a socket that is not read does not stall another', async () => {
    const stalled = await Socket.ready(server);
    stalled.pause();
    for (let i = 0; i < 90; i++) stalled.subscribe(`s${i}`, '{ __schema { types { name fields { name description } } } }');
    const socket = await Socket.ready(server);
    socket.subscribe('a', viewer);
    assert.equal((await socket.next()).type, 'next');
    socket.end();
    stalled.end();
  });
}
