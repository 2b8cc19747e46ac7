// node main.js check: whether the schema is in style, breaks nothing that is not declared, and fits Relay's compiler;
// ends with 1 when it does not. generate: writes what Relay's compiler makes. release: from now on clients may rely on
// the schema as it is. Other files than the project's are for the tests.
import { copyFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { faultsSinceRelease } from './changes.js';
import { faultsOfRelay, generate } from './relay.js';
import { faultsOfStyle } from './style.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    schema: { type: 'string', default: 'schema.graphqls' },
    released: { type: 'string', default: 'conformance/schema/released.graphqls' },
    declared: { type: 'string', default: 'conformance/schema/breaking-changes.json' },
    relay: { type: 'string', default: 'conformance/relay' },
  },
});
const files = Object.fromEntries(Object.entries(values).map(([name, path]) => [name, resolve(root, path)]));

const commands = { check, generate: () => generate(files.schema, files.relay), release };
const command = commands[positionals[0]];
if (!command || positionals.length > 1) {
  console.error('usage: node main.js check|generate|release');
  process.exit(2);
}
await command();

async function check() {
  const faults = (
    await Promise.all([
      faultsOfStyle(files.schema),
      faultsSinceRelease(files.released, files.schema, files.declared),
      faultsOfRelay(files.schema, files.relay),
    ])
  ).flat();
  for (const fault of faults) console.error(`schema: ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}

async function release() {
  await copyFile(files.schema, files.released);
  await writeFile(files.declared, '[]\n');
}
