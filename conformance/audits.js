// The audits of graphql-http, each as it is published there.
import { serverAudits } from 'graphql-http';

// auditAll runs them one after another.
export async function auditAll(server) {
  const audits = serverAudits({
    url: server.url,
    fetchFn: (url, init = {}) =>
      fetch(url, { ...init, headers: { ...init.headers, authorization: server.authorization } }),
  });
  const results = [];
  for (const { id, name, fn } of audits) {
    const [level] = name.split(' ');
    const result = await fn();
    const reason = result.status === 'ok' ? undefined : result.reason;
    results.push({ level, name: `${id}: ${name.slice(level.length + 1)}`, reason });
  }
  return results;
}
