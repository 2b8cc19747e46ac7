/// <reference types="vitest/config" />
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const page = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// `npm run dev` serves the UI on its own port and passes the API on to a running server.
const server = process.env.PHONEREGISTRY_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'baseline-widely-available',
    modulePreload: { polyfill: false },
    // Fonts and images stay files of their own, so that the content policy needs no exceptions.
    assetsInlineLimit: 0,
    // The editor of GraphiQL is one big piece by nature; only that page loads it.
    chunkSizeWarningLimit: 4096,
    rolldownOptions: {
      // GraphiQL's packages carry hints for a compiler that has run already.
      onLog: (level, log, handle) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
      input: { dashboard: page('index.html'), graphiql: page('graphiql/index.html') },
    },
  },
  worker: { format: 'es' },
  server: {
    host: '127.0.0.1',
    // As the server says that it has GraphiQL.
    headers: { Link: '</graphiql>; rel="service-doc"' },
    proxy: {
      '/graphql': { target: server, ws: true },
      '/v1': { target: server },
    },
  },
  test: { include: ['src/**/*.test.ts'] },
});
