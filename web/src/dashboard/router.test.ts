import { expect, it } from 'vitest';
import { href, parseRoute } from './router';

it.each([
  ['', 'overview', null, ''],
  ['#', 'overview', null, ''],
  ['#/', 'overview', null, ''],
  ['#/jobs', 'jobs', null, ''],
  ['#/jobs/', 'jobs', null, ''],
  ['#/jobs/job_1', 'jobs', 'job_1', ''],
  ['#/jobs/a%2Fb?x=1', 'jobs', 'a/b', 'x=1'],
  ['#/jobs/%zz', 'jobs', null, ''],
  ['#/leads?tier=HIGH&region=CO', 'leads', null, 'tier=HIGH&region=CO'],
])('reads %s', (hash, view, id, query) => {
  const route = parseRoute(hash);
  expect([route.view, route.id, route.query.toString()]).toEqual([view, id, query]);
});

it.each([
  ['jobs', null, undefined],
  ['jobs', 'a/b?c#d', undefined],
  ['leads', null, { tier: 'HIGH', region: 'CO' }],
  ['jobs', 'new', { import: 'imp_1' }],
])('reads what it writes: %s %s', (view, id, query) => {
  const route = parseRoute(href(view, id, query));
  expect(route.view).toBe(view);
  expect(route.id).toBe(id);
  expect(Object.fromEntries(route.query)).toEqual(query ?? {});
});
