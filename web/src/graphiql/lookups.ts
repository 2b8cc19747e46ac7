// What an example looks up before it is opened.
import type { Prepare } from './examples';

export const NEWEST_JOB = 'query NewestJob { validationJobs(first: 1) { nodes { id } } }';
export const NEWEST_WEBHOOK = 'query NewestWebhook { webhooks(first: 1) { nodes { id } } }';
export const NEWEST_IMPORT = 'query NewestImport { imports(first: 1) { nodes { id } } }';

type Connection = { nodes?: { id: string }[] } | undefined;

export function newest(query: string, field: 'validationJobs' | 'imports' | 'webhooks'): Prepare {
  return async (run) => {
    const data = (await run(query)) as Record<string, Connection> | null;
    const id = data?.[field]?.nodes?.[0]?.id;
    return id === undefined ? null : { id };
  };
}
