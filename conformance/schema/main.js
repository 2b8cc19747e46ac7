// node main.js check: whether the schema is in style, breaks nothing that is not declared, and fits Relay's compiler, and
// whether docs/api/clients.md shows code that is run; ends with 1 when not. generate: writes what Relay's compiler makes,
// and that code into the page. persist: writes to a folder what Relay's compiler makes for trusted documents. release: from now on clients may rely on the schema as it is. Other files than the
// project's are for the tests.
import { copyFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { faultsOfSnippets, writeSnippets } from '../snippets.js';
import { faultsSinceRelease } from './changes.js';
import { compile, faultsOfRelay, persist } from './relay.js';
import { faultsOfStyle } from './style.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    schema: { type: 'string', default: 'schema.graphqls' },
    released: { type: 'string', default: 'conformance/schema/released.graphqls' },
    declared: { type: 'string', default: 'conformance/schema/breaking-changes.json' },
    relay: { type: 'string', default: 'conformance/relay' },
    page: { type: 'string', default: 'docs/api/clients.md' },
  },
});
const files = Object.fromEntries(Object.entries(values).map(([name, path]) => [name, resolve(root, path)]));

const commands = { check, generate, persist: (to) => persist(files.schema, files.relay, to), release };
const [name, ...rest] = positionals;
const command = commands[name];
if (!command || rest.length !== command.length) {
  console.error('usage: node main.js check|generate|persist FOLDER|release');
  process.exit(2);
}
await command(...rest);

async function check() {
  const faults = (
    await Promise.all([
      faultsOfStyle(files.schema),
      faultsSinceRelease(files.released, files.schema, files.declared),
      faultsOfRelay(files.schema, files.relay),
      faultsOfSnippets(files.page),
    ])
  ).flat();
  for (const fault of faults) console.error(`schema: ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}

async function generate() {
  await compile(files.schema, files.relay);
  await writeSnippets(files.page);
}

async function release() {
  await copyFile(files.schema, files.released);
  await writeFile(files.declared, '[]\n');
}
