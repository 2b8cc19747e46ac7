import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { reasonText } from './reasons';

const source = readFileSync(new URL('../../../registry/numbering/types.go', import.meta.url), 'utf8');
const codes = [...source.matchAll(/^\s+\w+ +Reason = "([A-Z_]+)"/gm)].map((match) => match[1] ?? '');

it('knows every reason of the numbering rules', () => {
  expect(codes.length).toBeGreaterThan(10);
  for (const code of codes) {
    expect(reasonText(code), code).toMatch(/^(There|This|These|Letters|It|No|The|A) .+\.$/);
  }
});

it('turns an unknown reason into words', () => {
  expect(reasonText('SOME_NEW_REASON')).toBe('Some new reason.');
});
