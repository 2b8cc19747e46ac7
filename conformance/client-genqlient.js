// What genqlient finds: the Go program in genqlient/, built on the spot.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const cwd = fileURLToPath(new URL('genqlient', import.meta.url));

// goVersions are those of what the program is made of.
export function goVersions() {
  const text = readFileSync(new URL('genqlient/go.mod', import.meta.url), 'utf8');
  return Object.fromEntries([...text.matchAll(/^\t(\S+) v(\S+)$/gm)].map(([, name, version]) => [name, version]));
}

export function genqlientSection(server) {
  return {
    title: `genqlient ${goVersions()['github.com/Khan/genqlient']}`,
    about: 'A program in Go, `conformance/genqlient`: its generated client, and subscriptions over a WebSocket of gorilla/websocket.',
    run: async () => {
      const level = 'MUST';
      const results = [{ level, name: 'the program passes its own tests', reason: await reasonOf(go(['test', './...'])) }];
      const env = { CONFORMANCE_TOKEN: server.token, CONFORMANCE_VIEWER: await server.keyOf('VIEWER') };
      try {
        const { stdout } = await go(['run', '.', server.url], env);
        for (const line of stdout.trim().split('\n')) results.push({ level, ...JSON.parse(line) });
      } catch ({ message }) {
        results.push({ level, name: 'the program runs', reason: message.split('\n').slice(0, 3).join(' ') });
      }
      return results;
    },
  };
}

function go(args, env = {}) {
  return promisify(execFile)('go', args, { cwd, env: { ...process.env, ...env }, timeout: 300_000 });
}

function reasonOf(run) {
  return run.then(
    () => undefined,
    ({ stdout, message }) => (stdout || message).split('\n').slice(0, 3).join(' '),
  );
}
