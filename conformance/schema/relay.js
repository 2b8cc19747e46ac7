// relay-compiler on the operations of conformance/relay: whether they fit the schema, and whether what it makes of them
// is what is committed.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const compiler = createRequire(import.meta.url)('relay-compiler');
const made = '__generated__';

// onCopy runs the compiler on a copy, for it takes no schema but one that is named *.graphql and lies beside the
// operations. use is given the copy once the compiler is done.
async function onCopy(schema, folder, args, use) {
  const copy = await mkdtemp(join(tmpdir(), 'relay-'));
  try {
    await cp(folder, copy, { recursive: true });
    await cp(schema, join(copy, 'schema.graphql'));
    await run(['--noWatchman', ...args, 'relay.config.json'], copy);
    await use?.(copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

function run(args, cwd) {
  return new Promise((resolve, reject) => {
    execFile(compiler, args, { cwd, timeout: 60_000 }, (failure, out, err) => {
      if (failure) reject(new Error(stripVTControlCharacters(out + err).trim(), { cause: failure }));
      else resolve();
    });
  });
}

// faultsOfRelay returns what the compiler has to say.
export async function faultsOfRelay(schema, folder) {
  try {
    await onCopy(schema, folder, ['--validate']);
    return [];
  } catch ({ message }) {
    return [`conformance/relay does not fit the schema, or make generate was not run: ${message}`];
  }
}

// compile writes what the compiler makes of the operations.
export function compile(schema, folder) {
  return onCopy(schema, folder, [], async (copy) => {
    await rm(join(folder, made), { recursive: true, force: true });
    await cp(join(copy, made), join(folder, made), { recursive: true });
  });
}
