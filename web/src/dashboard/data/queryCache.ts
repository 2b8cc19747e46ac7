// Queries as stores: several components that ask the same share one request; what was seen last
// stays on the screen while it is fetched again or the server is away.
import { textOf, type Operation } from '../../shared/api';
import { asApiError, type ApiError, type ErrorKind } from '../../shared/errors';
import { createStore, type Store } from '../../shared/store';

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
  now(): number;
  /** 0 to 1, so that what waits for the same moment does not come back at once. */
  random(): number;
  /** Whether somebody can see the page; polling rests while nobody can. */
  visible(): boolean;
}

const RETRY_MS = 3_000;
const SPREAD_MS = 500;
// What took too long once is not asked at the usual pace.
const AFTER_TIMEOUT_MS = 30_000;
// What asking again does not change.
const FINAL = new Set<ErrorKind | undefined>(['unauthorized', 'forbidden', 'limit']);
// What is refused for longer (guesses at numbers are, for hours) is refused for other reasons than the page's own pace.
const HOLD_LONGEST_MS = 120_000;

/**
 * Until when nothing is asked by itself, in milliseconds since 1970, because the server has said that it was too much;
 * 0: it is not too much. Rates are those of a token, so one refusal holds all queries.
 */
export type Hold = Store<number>;

export class Query<Result, Variables> {
  readonly operation: Operation<Result, Variables>;
  readonly #variables: Variables;
  readonly #run: Run;
  readonly #clock: Clock;
  readonly #hold: Hold;
  readonly #listeners = new Map<() => void, number>();
  #state: QueryState<Result> = { data: null, error: null, fetching: false };
  #timer: unknown = null;
  #abort: AbortController | null = null;

  constructor(operation: Operation<Result, Variables>, variables: Variables, run: Run, clock: Clock, hold: Hold) {
    this.operation = operation;
    this.#variables = variables;
    this.#run = run;
    this.#clock = clock;
    this.#hold = hold;
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
    if (this.#held() > 0) {
      this.#plan(true);
      return;
    }
    const abort = new AbortController();
    this.#abort = abort;
    this.#set({ ...this.#state, fetching: true });
    this.#run(this.operation, this.#variables, abort.signal).then(
      (data) => this.#settle(abort, { data, error: null, fetching: false }),
      (error: unknown) => this.#settle(abort, { ...this.#state, error: asApiError(error), fetching: false }),
    );
  }

  /** Forgets what it knows, which another way of asking has given, and asks anew. */
  reset(): void {
    this.stop();
    this.#set({ data: null, error: null, fetching: false });
    this.refetch();
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
    const { error } = state;
    if (error?.kind === 'busy') {
      const wait = Math.min(error.waitMs ?? RETRY_MS, HOLD_LONGEST_MS);
      this.#hold.set(Math.max(this.#hold.get(), this.#clock.now() + wait));
    }
    this.#set(state);
    this.#plan();
  }

  #held(): number {
    return this.#hold.get() - this.#clock.now();
  }

  /** Sets the time of the next request, if there is to be one; due: it is wanted as soon as the hold is over. */
  #plan(due = false): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.active) return;
    const polls = [...this.#listeners.values()].filter((ms) => ms > 0);
    const kind = this.#state.error?.kind;
    if (due || kind === 'busy') polls.push(0);
    if (kind === 'network') polls.push(RETRY_MS);
    if (FINAL.has(kind) || polls.length === 0) return;
    const held = this.#held();
    const after = kind === 'timeout' ? AFTER_TIMEOUT_MS : 0;
    const earliest = Math.max(after, held > 0 ? held + SPREAD_MS * this.#clock.random() : 0);
    this.#timer = this.#clock.setTimeout(() => {
      if (this.#clock.visible()) this.refetch();
      else this.#plan();
    }, Math.max(earliest, Math.min(...polls)));
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
  readonly hold: Hold = createStore(0);

  constructor(run: Run, clock: Clock) {
    this.#run = run;
    this.#clock = clock;
  }

  /** The one query of this operation with these variables. */
  query<Result, Variables>(operation: Operation<Result, Variables>, variables: Variables): Query<Result, Variables> {
    const key = `${textOf(operation)}\n${JSON.stringify(variables)}`;
    let found = this.#queries.get(key) as Query<Result, Variables> | undefined;
    if (found === undefined) {
      found = new Query(operation, variables, this.#run, this.#clock, this.hold);
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

  /**
   * Forgets everything, and asks anew for what is on the screen, as at a change of what the caller may see. Of the
   * operations that are named what is known stays in sight until then.
   */
  reset(...kept: Operation<unknown, never>[]): void {
    for (const [key, query] of [...this.#queries]) {
      if (!query.active) this.#queries.delete(key);
      else if (kept.some((operation) => (operation as unknown) === query.operation)) query.refetch();
      else query.reset();
    }
  }

  /** Forgets everything, as at a change of the caller. */
  clear(): void {
    this.hold.set(0);
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
