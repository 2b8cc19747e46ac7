// The schema by the tools that clients are built with: that of the files, and that it is the one the server has.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from 'graphql';
import { faultsSinceRelease } from './schema/changes.js';
import { faultsOfRelay } from './schema/relay.js';
import { faultsOfStyle } from './schema/style.js';
import { Section } from './support.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const schema = at('../schema.graphqls');

export function schemaSection(server, versions) {
  const s = new Section('The schema', '`make lint` checks the same, and that these checks can fail; only the server is asked here.');
  const none = (faults) => assert.deepEqual(faults, [], faults.join('; '));
  s.must('introspection tells what schema.graphqls says', async () => {
    const query = getIntrospectionQuery({ specifiedByUrl: true, directiveIsRepeatable: true, inputValueDeprecation: true, oneOf: true });
    const told = buildClientSchema(await server.run(query));
    assert.equal(sorted(told), sorted(buildSchema(await readFile(schema, 'utf8'))));
  });
  s.must(`graphql-eslint ${versions['@graphql-eslint/eslint-plugin']}: schema-all and schema-relay`, async () =>
    none(await faultsOfStyle(schema)));
  s.must(`graphql-inspector ${versions['@graphql-inspector/core']}: nothing broke since the released schema that is not declared`, async () =>
    none(await faultsSinceRelease(at('schema/released.graphqls'), schema, at('schema/breaking-changes.json'))));
  s.must(`relay-compiler ${versions['relay-compiler']} --validate`, async () => none(await faultsOfRelay(schema, at('relay'))));
  return s;
}

function sorted(schemaOf) {
  return printSchema(lexicographicSortSchema(schemaOf));
}
