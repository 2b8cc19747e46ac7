// An OpenID Connect provider for the checks: oidc-provider on this machine, with a second listener by which they reach it
// when the first one, which the server knows, is cut off, and by which they change its clock and its keys.
// It prints `issuer URL` and `control URL`, runs until it is ended, and keeps nothing.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Keys } from './keys.js';
import { makeProvider } from './settings.js';

const systemClock = Date.now;
const keys = new Keys();
let ahead = 0; // milliseconds by which the provider's clock is wrong
let cut = true; // until the checks let the server through
let provider;
let stranger; // calls itself otherwise, and signs with the same keys

Date.now = () => systemClock() + ahead;

// answerer is what a listener answers; it may be replaced while that goes on.
const answerer = (handler) => createServer((request, response) => handler(request, response));

const known = answerer((request, response) => provider.callback()(request, response));
known.on('connection', (socket) => cut && socket.destroy());
const control = answerer(route);

// listen takes a free port of this machine, and returns its address.
async function listen(listener) {
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return `http://127.0.0.1:${listener.address().port}`;
}

function show(names) {
  provider = makeProvider(issuer, keys, names);
  stranger = makeProvider(`${issuer}/another`, keys, names);
}

// What the checks may do; everything else is asked of the provider, or of the stranger.
const orders = {
  cut() {
    cut = true;
    known.closeAllConnections();
  },
  mend() {
    cut = false;
  },
  clock({ seconds }) {
    ahead = seconds * 1000;
  },
  keys({ shown }) {
    show(shown);
  },
};

async function route(request, response) {
  const [, first, second] = request.url.split('/');
  if (first !== 'control') {
    const asked = first === 'another' ? stranger : provider;
    if (first === 'another') request.url = `/${second}`;
    asked.callback()(request, response);
    return;
  }
  let body = '';
  for await (const part of request) body += part;
  orders[second](JSON.parse(body || '{}'));
  response.writeHead(204).end();
}

const issuer = await listen(known);
show(['first', 'curve', 'edwards']);
console.log(`issuer ${issuer}`);
console.log(`control ${await listen(control)}`);
