// The server trusts what the dashboard sends. This writes down what that is; after a change of an operation:
// npx vitest run documents --update
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { textOf, type Operation } from '../shared/api';

const modules = import.meta.glob<Record<string, unknown>>('./data/*perations.ts', { eager: true });
const sources = import.meta.glob<string>(['../{dashboard,shared}/**/*.{ts,tsx}', '!../**/*.test.ts'], {
  eager: true,
  query: '?raw',
  import: 'default',
});

function isOperation(value: unknown): value is Operation<unknown, never> {
  if (typeof value !== 'object' || value === null || !('definitions' in value)) return false;
  return (value.definitions as { kind: string }[]).some((definition) => definition.kind === 'OperationDefinition');
}

it('lists the documents of the dashboard', async () => {
  const texts = new Set(Object.values(modules).flatMap((m) => Object.values(m)).filter(isOperation).map(textOf));
  const documents: Record<string, string> = {};
  for (const text of [...texts].sort()) documents[`sha256:${createHash('sha256').update(text).digest('hex')}`] = text;
  expect(texts.size).toBeGreaterThan(20);
  await expect(`${JSON.stringify(documents, null, 1)}\n`).toMatchFileSnapshot('../../documents.json');
});

it('finds every operation: they are all exported by the files that it looks at', () => {
  const written = Object.entries(sources).flatMap(([file, text]) => (/graphql\(\s*`/.test(text) ? [file] : []));
  expect(written.length).toBeGreaterThan(0);
  expect(written.filter((file) => !/\/data\/\w*perations\.ts$/.test(file))).toEqual([]);
  const hidden = written.filter((file) => /^const \w+ = graphql\(\s*`\s*(query|mutation|subscription)/m.test(sources[file] ?? ''));
  expect(hidden).toEqual([]);
});
