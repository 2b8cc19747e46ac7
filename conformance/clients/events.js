// A browser's EventSource, as docs/api/clients.md shows it.

// An EventSource sends no headers: it is let in by a ticket, which is good for one stream and for half a minute.
export async function open({ url, token, query, variables, EventSource }) {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(new URL('/v1/stream-tickets', url), { method: 'POST', headers });
  if (!response.ok) throw new Error(`no ticket: ${response.status}`);
  const { ticket } = await response.json();
  const parameters = new URLSearchParams({ query, variables: JSON.stringify(variables ?? {}), ticket });
  return new EventSource(`${url}?${parameters}`);
}

export function watch(source, { next, end }) {
  source.addEventListener('next', ({ data }) => next(JSON.parse(data)));
  source.addEventListener('complete', () => {
    source.close(); // else it would come back, with a ticket that is used up
    end();
  });
}
// end of open
