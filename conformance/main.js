// Checks a running server and writes what became of it: node main.js URL [FILE]. The token is CONFORMANCE_TOKEN; the
// server should be one of its own, for the checks add a number and start jobs. Ends with 1 when a check failed.
import { readFileSync, writeFileSync } from 'node:fs';
import { auditAll } from './audits.js';
import { httpSection } from './http.js';
import { asMarkdown, asText } from './report.js';
import { sseSection } from './sse.js';
import { Server } from './support.js';
import { websocketSection } from './websocket.js';

const [url, file] = process.argv.slice(2);
const token = process.env.CONFORMANCE_TOKEN;
if (!url || !token) {
  console.error('usage: CONFORMANCE_TOKEN=TOKEN node main.js URL [FILE]');
  process.exit(2);
}

const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const server = new Server(url, token);
await server.prepare();
const tables = [
  {
    title: `GraphQL over HTTP, the audits of graphql-http ${dependencies['graphql-http']}`,
    about: 'Every audit that is published, those that only say MAY included.',
    results: await auditAll(server),
  },
];
for (const section of [httpSection(server), websocketSection(server), sseSection(server)]) {
  tables.push({ title: section.title, about: section.about, results: await section.run() });
}
console.log(asText(tables));
if (file) writeFileSync(file, asMarkdown(tables, dependencies));
const failed = tables.flatMap(({ results }) => results).filter(({ reason }) => reason !== undefined);
process.exit(failed.length > 0 ? 1 : 0);
