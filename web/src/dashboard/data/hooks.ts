import { useCallback, useState, useSyncExternalStore } from 'react';
import { request, reachable, type Operation } from '../../shared/api';
import { live, session } from '../../shared/current';
import { ApiError, asApiError } from '../../shared/errors';
import type { UserErrors } from './operations';
import { QueryCache, type QueryState } from './queryCache';
import { Streams, type StreamState } from './stream';
import { ViewerQuery } from './viewerOperations';

export const cache = new QueryCache(
  (operation, variables, signal) => request(operation, variables, { session, signal }),
  {
    setTimeout: (run, ms) => window.setTimeout(run, ms),
    clearTimeout: (timer) => window.clearTimeout(timer as number),
    now: () => Date.now(),
    random: () => Math.random(),
    visible: () => document.visibilityState === 'visible',
  },
);

const streams = new Streams(() => live.client());

// Another caller must not see what the last one saw; nor may whole numbers stay when they are masked again.
let caller = session.token;
let purpose = session.purpose;
session.store.subscribe(() => {
  const told = session.purpose !== purpose;
  purpose = session.purpose;
  if (session.token !== caller) {
    caller = session.token;
    cache.clear();
    streams.clear();
  } else if (told) {
    cache.reset(ViewerQuery);
    streams.restart();
  }
});

// The hold ends by itself.
let holdTimer: number | undefined;
cache.hold.subscribe(() => {
  window.clearTimeout(holdTimer);
  const until = cache.hold.get();
  if (until > 0) holdTimer = window.setTimeout(() => cache.hold.set(0), until - Date.now());
});

// Back in sight, or the server back in reach: show what is true now.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') cache.refetchAll();
});
let wasReachable = true;
reachable.subscribe(() => {
  const back = reachable.get() && !wasReachable;
  wasReachable = reachable.get();
  if (back) cache.refetchAll();
});

export interface QueryResult<Result> extends QueryState<Result> {
  refetch: () => void;
}

export interface QueryOptions {
  /** Fetch again every so many milliseconds; 0 is never. */
  pollMs?: number;
  /** Don't fetch (yet). */
  pause?: boolean;
}

/** Runs a query and keeps it up to date. */
export function useQuery<Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  { pollMs = 0, pause = false }: QueryOptions = {},
): QueryResult<Result> {
  const query = cache.query(operation, variables);
  const subscribe = useCallback(
    (listener: () => void) => (pause ? () => undefined : query.subscribe(listener, pollMs)),
    [query, pollMs, pause],
  );
  const state = useSyncExternalStore(subscribe, query.get);
  return { ...state, refetch: () => query.refetch() };
}

/** Follows a subscription. */
export function useSubscription<Result, Variables extends Record<string, unknown>>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  pause = false,
): StreamState<Result> {
  const stream = streams.stream(operation, variables);
  const subscribe = useCallback(
    (listener: () => void) => (pause ? () => undefined : stream.subscribe(listener)),
    [stream, pause],
  );
  return useSyncExternalStore(subscribe, stream.get);
}

export interface MutationState {
  busy: boolean;
  error: ApiError | null;
}

/** Returns a function that runs the mutation: its data, or null when `error` says why not. */
export function useMutation<Result, Variables>(
  operation: Operation<Result, Variables>,
): [(variables: Variables) => Promise<Result | null>, MutationState] {
  const [state, setState] = useState<MutationState>({ busy: false, error: null });
  const run = useCallback(
    async (variables: Variables) => {
      setState({ busy: true, error: null });
      try {
        const data = await request(operation, variables, { session });
        setState({ busy: false, error: null });
        return data;
      } catch (error) {
        setState({ busy: false, error: changeError(error) });
        return null;
      }
    },
    [operation],
  );
  return [run, state];
}

/** Queries are tried again by themselves; a change is not. */
function changeError(error: unknown): ApiError {
  const known = asApiError(error);
  if (known.kind !== 'network') return known;
  return new ApiError('network', 'No answer came from the server, so this may or may not have been done.');
}

export interface ActState extends MutationState {
  /** What the server refused to do, and why. */
  refused: UserErrors;
}

type Act = <Result, Variables, Payload extends { userErrors: UserErrors }>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  payloadOf: (data: Result) => Payload,
) => Promise<Payload | null>;

const AT_REST: ActState = { busy: false, error: null, refused: [] };

/**
 * Returns a function that runs one of several mutations: its payload, or null when the state says why not. The state
 * is that of the last one.
 */
export function useAct(): [Act, ActState] {
  const [state, setState] = useState(AT_REST);
  const act = useCallback<Act>(async (operation, variables, payloadOf) => {
    setState({ ...AT_REST, busy: true });
    try {
      const payload = payloadOf(await request(operation, variables, { session }));
      setState({ ...AT_REST, refused: payload.userErrors });
      return payload.userErrors.length > 0 ? null : payload;
    } catch (error) {
      setState({ ...AT_REST, error: changeError(error) });
      return null;
    }
  }, []);
  return [act, state];
}
