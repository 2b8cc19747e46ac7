// relay-compiler on the operations of conformance/relay: whether they fit the schema, and whether what it makes of them
// is what is committed.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const compiler = createRequire(import.meta.url)('relay-compiler');
const made = '__generated__';

// onCopy runs the compiler on a copy, for it takes no schema but one that is named *.graphql and lies beside the
// operations. ready is given the copy before, use once the compiler is done.
async function onCopy(schema, folder, args, use, ready) {
  const copy = await mkdtemp(join(tmpdir(), 'relay-'));
  try {
    await cp(folder, copy, { recursive: true });
    await cp(schema, join(copy, 'schema.graphql'));
    await ready?.(copy);
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

// persist writes to another folder what the compiler makes of the operations when they are sent by name: operations that
// know their ids, and persisted.json, which is the file of trusted documents.
export async function persist(schema, folder, to) {
  const ready = async (copy) => {
    const config = join(copy, 'relay.config.json');
    const settings = JSON.parse(await readFile(config, 'utf8'));
    await writeFile(config, JSON.stringify({ ...settings, persistConfig: { file: 'persisted.json' } }));
    await writeFile(join(copy, 'persisted.json'), '{}');
  };
  await onCopy(schema, folder, [], (copy) => cp(copy, to, { recursive: true }), ready);
}

// compile writes what the compiler makes of the operations.
export function compile(schema, folder) {
  return onCopy(schema, folder, [], async (copy) => {
    await rm(join(folder, made), { recursive: true, force: true });
    await cp(join(copy, made), join(folder, made), { recursive: true });
  });
}
