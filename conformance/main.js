// Checks running servers and writes what became of it: node main.js URL LIMITED SIGNIN PROVIDER PERSISTED [FILE]. LIMITED is
// the address of a second server, which allows each token three reads and three writes a minute; the others should not
// limit. SIGNIN is that of a third, which takes tokens of the provider that PROVIDER controls, and has not reached it yet.
// PERSISTED is a folder that schema/main.js persist wrote; the first server trusts its persisted.json. The token of all
// is CONFORMANCE_TOKEN. They should be servers of their own, for the checks add numbers and start jobs.
// Ends with 1 when a check failed.
import { readFileSync, writeFileSync } from 'node:fs';
import { auditAll } from './audits.js';
import { apolloSection } from './client-apollo.js';
import { genqlientSection, goVersions } from './client-genqlient.js';
import { relaySection } from './client-relay.js';
import { urqlSection } from './client-urql.js';
import { httpSection } from './http.js';
import { oidcSection } from './oidc.js';
import { ProviderClient } from './provider/client.js';
import { ratesSection } from './rates.js';
import { asMarkdown, asText } from './report.js';
import { schemaSection } from './schema.js';
import { sseSection } from './sse.js';
import { Server } from './support.js';
import { websocketSection } from './websocket.js';

const [url, limitedURL, signInURL, provider, persisted, file] = process.argv.slice(2);
const token = process.env.CONFORMANCE_TOKEN;
if (!url || !limitedURL || !signInURL || !provider || !persisted || !token) {
  console.error('usage: CONFORMANCE_TOKEN=TOKEN node main.js URL LIMITED SIGNIN PROVIDER PERSISTED [FILE]');
  process.exit(2);
}

function pinned(path) {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
  return { ...dependencies, ...devDependencies };
}
const versions = { ...pinned('schema/package.json'), ...pinned('package.json') };
const server = new Server(url, token);
await server.prepare();
const tables = [
  {
    title: `GraphQL over HTTP, the audits of graphql-http ${versions['graphql-http']}`,
    about: [
      'Every audit that is published, those that only say MAY included. Of the same 61, a server of gqlgen 0.17.95 with',
      'nothing added passes 55, PostGraphile 5.1.5 passes 56.',
    ].join('\n'),
    results: await auditAll(server),
  },
];
for (const section of [
  httpSection(server),
  websocketSection(server),
  sseSection(server),
  apolloSection(server, versions['@apollo/client']),
  urqlSection(server, versions['@urql/core']),
  relaySection(server, versions['relay-runtime'], persisted),
  genqlientSection(server),
  oidcSection(new Server(signInURL, token), new ProviderClient(provider), versions['oidc-provider']),
  ratesSection(new Server(limitedURL, token)),
  schemaSection(server, versions),
]) {
  tables.push({ title: section.title, about: section.about, results: await section.run() });
}
console.log(asText(tables));
if (file) writeFileSync(file, asMarkdown(tables, versions, goVersions()));
const failed = tables.flatMap(({ results }) => results).filter(({ reason }) => reason !== undefined);
process.exit(failed.length > 0 ? 1 : 0);
