// Queries as stores: several components that ask the same share one request; what was seen last
// stays on the screen while it is fetched again or the server is away.
import { textOf, type Operation } from '../../shared/api';
import { asApiError, type ApiError } from '../../shared/errors';

export interface QueryState<Result> {
  readonly data: Result | null;
  readonly error: ApiError | null;
  readonly fetching: boolean;
}

export type Run = <Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  signal: AbortSignal,
) => Promise<Result>;

/** What a query needs of the page; tests bring their own. */
export interface Clock {
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Whether somebody can see the page; polling rests while nobody can. */
  visible(): boolean;
}

const RETRY_MS = 3_000;

export class Query<Result, Variables> {
  readonly operation: Operation<Result, Variables>;
  readonly #variables: Variables;
  readonly #run: Run;
  readonly #clock: Clock;
  readonly #listeners = new Map<() => void, number>();
  #state: QueryState<Result> = { data: null, error: null, fetching: false };
  #timer: unknown = null;
  #abort: AbortController | null = null;

  constructor(operation: Operation<Result, Variables>, variables: Variables, run: Run, clock: Clock) {
    this.operation = operation;
    this.#variables = variables;
    this.#run = run;
    this.#clock = clock;
  }

  readonly get = (): QueryState<Result> => this.#state;

  get active(): boolean {
    return this.#listeners.size > 0;
  }

  /** Fetches, and again every pollMs milliseconds (0: never) as long as somebody listens. */
  subscribe(listener: () => void, pollMs: number): () => void {
    this.#listeners.set(listener, pollMs);
    if (this.#listeners.size === 1) this.refetch();
    else if (this.#abort === null) this.#plan();
    return () => {
      this.#listeners.delete(listener);
      if (!this.active) this.stop();
    };
  }

  refetch(): void {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    this.#set({ ...this.#state, fetching: true });
    this.#run(this.operation, this.#variables, abort.signal).then(
      (data) => this.#settle(abort, { data, error: null, fetching: false }),
      (error: unknown) => this.#settle(abort, { ...this.#state, error: asApiError(error), fetching: false }),
    );
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#state.fetching) this.#set({ ...this.#state, fetching: false });
  }

  #settle(abort: AbortController, state: QueryState<Result>): void {
    if (this.#abort !== abort) return; // overtaken by a newer request, or nobody listens
    this.#abort = null;
    this.#set(state);
    this.#plan();
  }

  #plan(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.active) return;
    const polls = [...this.#listeners.values()].filter((ms) => ms > 0);
    const kind = this.#state.error?.kind;
    if (kind === 'network' || kind === 'busy') polls.push(RETRY_MS);
    if (kind === 'unauthorized' || polls.length === 0) return;
    this.#timer = this.#clock.setTimeout(() => {
      if (this.#clock.visible()) this.refetch();
      else this.#plan();
    }, Math.min(...polls));
  }

  #set(state: QueryState<Result>): void {
    this.#state = state;
    for (const listener of [...this.#listeners.keys()]) listener();
  }
}

const KEPT = 100;

export class QueryCache {
  readonly #queries = new Map<string, Query<unknown, unknown>>();
  readonly #run: Run;
  readonly #clock: Clock;

  constructor(run: Run, clock: Clock) {
    this.#run = run;
    this.#clock = clock;
  }

  /** The one query of this operation with these variables. */
  query<Result, Variables>(operation: Operation<Result, Variables>, variables: Variables): Query<Result, Variables> {
    const key = `${textOf(operation)}\n${JSON.stringify(variables)}`;
    let found = this.#queries.get(key) as Query<Result, Variables> | undefined;
    if (found === undefined) {
      found = new Query(operation, variables, this.#run, this.#clock);
      this.#queries.set(key, found as Query<unknown, unknown>);
      this.#trim(key);
    }
    return found;
  }

  /** Fetches anew what is on the screen of these operations, and forgets the rest of them. */
  invalidate(...operations: Operation<unknown, never>[]): void {
    for (const [key, query] of [...this.#queries]) {
      if (!operations.some((operation) => (operation as unknown) === query.operation)) continue;
      if (query.active) query.refetch();
      else this.#queries.delete(key);
    }
  }

  /** Fetches anew all that is on the screen. */
  refetchAll(): void {
    for (const query of this.#queries.values()) if (query.active) query.refetch();
  }

  /** Forgets everything, as at a change of the caller. */
  clear(): void {
    for (const query of this.#queries.values()) query.stop();
    this.#queries.clear();
  }

  #trim(newest: string): void {
    for (const [key, query] of this.#queries) {
      if (this.#queries.size <= KEPT) return;
      if (!query.active && key !== newest) this.#queries.delete(key);
    }
  }
}
