// Whether the checks can fail: each is given a copy of what is right, with one thing wrong in it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { faultsOfSnippets } from '../snippets.js';
import { changesOf, faultsOfChanges } from './changes.js';
import { faultsOfRelay } from './relay.js';
import { faultsOfStyle } from './style.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const schemaFile = at('testdata/small.graphqls');
const schema = await readFile(schemaFile, 'utf8');
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schema-'));
});
after(() => rm(folder, { recursive: true, force: true }));

// edited returns the schema with one text for another, which has to be in it.
function edited(from, to) {
  assert.ok(schema.includes(from), `the schema has no ${from}`);
  return schema.replace(from, to);
}

const location = '  "Where it is."\n  location: String @access(scope: READ)\n';
const changed = [
  ['a field that is gone', edited(location, ''), ["Field 'location' was removed from object type 'Phone'"]],
  [
    'an argument that is required',
    edited('phone("The number." number: String!)', 'phone("The number." number: String!, "Where." region: String!)'),
    ["Argument 'region: String!' added to field 'Query.phone'"],
  ],
  [
    'an argument that has become required',
    edited('first: Int', 'first: Int!'),
    ["Type for argument 'first' on field 'Query.phones' changed from 'Int' to 'Int!'"],
  ],
  [
    'another type',
    edited('timezones: [String!]!', 'timezones: [String]'),
    ["Field 'Phone.timezones' changed type from '[String!]!' to '[String]'"],
  ],
  ['an enum value that is gone', edited('  "A pager."\n  PAGER\n', ''), ["Enum value 'PAGER' was removed from enum 'LineType'"]],
  [
    'an input field that is required',
    edited('  "Of this kind."\n', '  "Why."\n  reason: String!\n  "Of this kind."\n'),
    ["Input field 'reason' of type 'String!' was added to input object type 'PhoneFilter'"],
  ],
  [
    'a field that fewer may read',
    edited(location, location.replace('READ', 'ADMINISTER')),
    ["Access to 'Phone.location' changed from READ to ADMINISTER"],
  ],
  [
    'a field that nothing guards any more',
    edited('PhoneConnection! @access(scope: READ)', 'PhoneConnection!'),
    ["Access to 'Query.phones' changed from READ to none"],
  ],
  [
    'a type that other callers may read',
    edited('type Phone implements Node @access(scope: READ)', 'type Phone implements Node @access(scope: ADMINISTER)'),
    ["Access to 'Phone' changed from READ to ADMINISTER"],
  ],
  ['a field that is not personal any more', edited(' @personal\n  "Where', '\n  "Where'), ["'Phone.number' is no longer @personal"]],
  ['a field that has become personal', edited(location, location.replace(')', ') @personal')), ["'Phone.location' became @personal"]],
  ['a field more', edited(location, `${location}  "Where it was."\n  was: String @access(scope: READ)\n`), []],
  ['a type that is refined', edited(location, location.replace('String', 'String!')), []],
];
for (const [name, text, want] of changed) {
  test(`changes: ${name}`, async () => assert.deepEqual(await changesOf(schema, text), want));
}

test('changes: what is declared passes, what is no longer there does not', () => {
  const [gone, other] = ["Field 'a' was removed", "Field 'b' was removed"];
  const reason = 'It was never filled; read c instead.';
  assert.deepEqual(faultsOfChanges([gone], [{ change: gone, reason }], 'file'), []);
  const [undeclared] = faultsOfChanges([gone], [], 'file');
  assert.match(undeclared, /^not as released: Field 'a' was removed\n.*add to file: \{"change":"Field 'a' was removed",/);
  assert.match(faultsOfChanges([], [{ change: gone, reason }], 'file').join(), /no such change.*Field 'a'/);
  assert.match(faultsOfChanges([gone], [{ change: gone, reason: '' }], 'file').join(), /without a reason/);
  assert.match(faultsOfChanges([gone], [{ change: gone, reason }, { change: gone, reason }], 'file').join(), /twice/);
  assert.equal(faultsOfChanges([gone, other], [{ change: gone, reason }], 'file').length, 1);
});

// check runs the command on other files, and returns how it ended and what it said.
function check(args) {
  return new Promise((resolve) => {
    execFile(process.execPath, [at('main.js'), 'check', ...args], (failure, out, err) =>
      resolve({ code: failure ? failure.code : 0, said: out + err }),
    );
  });
}

async function written(name, text) {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

test('style: a schema in style, and one that is not', async () => {
  assert.deepEqual(await faultsOfStyle(schemaFile), []);
  const faults = (await faultsOfStyle(await written('style.graphqls', outOfStyle()))).join('\n');
  for (const rule of ['naming-convention', 'require-description', 'strict-id-in-types', 'relay-connection-types']) {
    assert.match(faults, new RegExp(`style.graphqls:\\d+:\\d+ .*@graphql-eslint/${rule}`));
  }
});

function outOfStyle() {
  return edited(location, '  where_about: String @access(scope: READ)\n')
    .replace('type PageInfo {', 'type PageInfo {\n  "Another."\n  another: Lonely @access(scope: READ)\n')
    .replace('"A page of phones."', '"A thing."\ntype Lonely {\n  "Its name."\n  name: String!\n}\n\n"A page of phones."')
    .replace('  edges: [PhoneEdge!]! @access', '  entries: [PhoneEdge!]! @access');
}

for (const [name, from, to, want] of [
  ['a field that is not there', 'region\n', 'noSuchField\n', /noSuchField/],
  ['what was not compiled', 'number\n', 'number\n          planVersion\n', /make generate was not run/],
]) {
  test(`relay: ${name}`, async () => {
    const copy = await mkdtemp(join(folder, 'relay-'));
    await cp(at('../relay'), copy, { recursive: true });
    const operations = join(copy, 'registry.js');
    const text = await readFile(operations, 'utf8');
    assert.ok(text.includes(from));
    await writeFile(operations, text.replace(from, to));
    assert.match((await faultsOfRelay(at('../../schema.graphqls'), copy)).join(), want);
  });
}

test('snippets: a page that shows something else, and one that does not say what it shows', async () => {
  const page = await readFile(at('../../docs/api/clients.md'), 'utf8');
  const found = async (text) => (await faultsOfSnippets(await written('clients.md', text))).join('\n');
  assert.match(await found(page.replace('`Bearer ${token}`', '`Basic ${token}`')), /clients.md does not show clients\/apollo.js up to "end of connect"/);
  assert.match(await found(`${page}\n\`\`\`js\nconnect();\n\`\`\`\n`), /without a comment that names its file/);
});

test('the command says all of it, and ends with 1', async () => {
  const file = await written('all.graphqls', outOfStyle());
  const { code, said } = await check(['--schema', file, '--released', schemaFile, '--declared', await written('none.json', '[]')]);
  assert.equal(code, 1, said);
  assert.match(said, /schema: all.graphqls:.*naming-convention/);
  assert.match(said, /schema: not as released: Field 'location' was removed from object type 'Phone'/);
  assert.match(said, /schema: conformance\/relay does not fit the schema/);
});
