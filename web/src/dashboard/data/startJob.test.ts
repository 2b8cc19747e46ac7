import { readFileSync } from 'node:fs';
import { buildSchema, getVariableValues, parse, type OperationDefinitionNode } from 'graphql';
import { describe, expect, it } from 'vitest';
import { textOf } from '../../shared/api';
import { StartJob } from './operations';
import { filterOf, inputOf, missing, pastedNumbers, type JobForm } from './startJob';

const form: JobForm = {
  name: ' May ',
  platforms: ['GOOGLE'],
  target: 'filter',
  regions: [],
  lineTypes: [],
  pasted: '',
  importId: '',
  batchSize: '',
  maxConcurrent: '',
  retryAttempts: '',
  recheckAfter: '',
  priority: 'HIGH',
  clientKey: 'a-key',
};

const schema = buildSchema(readFileSync(new URL('../../../../schema.graphqls', import.meta.url), 'utf8'));
const start = parse(textOf(StartJob)).definitions[0] as OperationDefinitionNode;

describe('inputOf', () => {
  it.each<[string, Partial<JobForm>, unknown]>([
    ['a filter', { regions: ['CO'], lineTypes: ['MOBILE'] }, { filter: { isValid: true, regions: ['CO'], lineTypes: ['MOBILE'] } }],
    ['everything', {}, { filter: { isValid: true } }],
    ['numbers', { target: 'numbers', pasted: '+57 300 123 4567\n+525512345678' }, { numbers: ['+57 300 123 4567', '+525512345678'] }],
    ['an import', { target: 'import', importId: 'imp_1', pasted: 'forgotten' }, { importId: 'imp_1' }],
  ])('names %s', (_what, part, target) => {
    const input = inputOf({ ...form, ...part });
    expect(input).toEqual({ name: 'May', platforms: ['GOOGLE'], target, priority: 'HIGH', clientKey: 'a-key' });
    expect(getVariableValues(schema, start.variableDefinitions ?? [], { input }).errors).toBeUndefined();
  });

  it('passes on the settings that were made, zero too', () => {
    const input = inputOf({ ...form, batchSize: '50', maxConcurrent: ' 4 ', retryAttempts: '0', recheckAfter: 'P7D' });
    expect(input).toMatchObject({ batchSize: 50, maxConcurrent: 4, retryAttempts: 0, recheckAfter: 'P7D' });
    expect(getVariableValues(schema, start.variableDefinitions ?? [], { input }).errors).toBeUndefined();
  });
});

describe('missing', () => {
  it.each<[string | null, Partial<JobForm>]>([
    [null, {}],
    ['name', { name: '  ' }],
    ['platforms', { platforms: [] }],
    ['import', { target: 'import' }],
    ['numbers', { target: 'numbers', pasted: ' ,\n' }],
    ['numbers', { target: 'numbers', pasted: '1,'.repeat(10_001) }],
    [null, { target: 'numbers', pasted: '1' }],
  ])('%s', (field, part) => {
    expect(missing({ ...form, ...part })?.field ?? null).toBe(field);
  });
});

describe('pastedNumbers', () => {
  it('parts lines, commas, semicolons and tabs, but not spaces', () => {
    expect(pastedNumbers('+57 300 123 4567\r\n\n a;b,c\td , ')).toEqual(['+57 300 123 4567', 'a', 'b', 'c', 'd']);
  });
});

describe('filterOf', () => {
  it('means only valid numbers', () => {
    expect(filterOf(form)).toEqual({ isValid: true });
  });
});
