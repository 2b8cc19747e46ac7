// Subscriptions as stores. The newest value stays when the connection is lost; the client comes
// back by itself and the server then sends a fresh snapshot.
import { nameOf, textOf, type Operation } from '../../shared/api';
import { backoff } from '../../shared/backoff';
import { ApiError, errorOfGraphQL } from '../../shared/errors';
import { isRefusal } from '../../shared/socket';

export interface StreamState<Result> {
  readonly data: Result | null;
  readonly error: ApiError | null;
  /** The server has sent everything there will be. */
  readonly done: boolean;
}

interface Payload {
  operationName: string;
  query: string;
  variables: Record<string, unknown>;
}

interface Message<Result> {
  data?: Result | null | undefined;
  errors?: readonly { message?: unknown; extensions?: Record<string, unknown> | null }[] | undefined;
}

interface Sink<Result> {
  next(message: Message<Result>): void;
  error(error: unknown): void;
  complete(): void;
}

/** What a stream needs of a graphql-ws client. */
export interface Subscriber {
  subscribe<Result>(payload: Payload, sink: Sink<Result>): () => void;
}

export class Stream<Result, Variables extends Record<string, unknown>> {
  readonly #payload: Payload;
  readonly #client: () => Subscriber;
  readonly #listeners = new Set<() => void>();
  #state: StreamState<Result> = { data: null, error: null, done: false };
  #stop: (() => void) | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(operation: Operation<Result, Variables>, variables: Variables, client: () => Subscriber) {
    this.#payload = { operationName: nameOf(operation), query: textOf(operation), variables };
    this.#client = client;
  }

  readonly get = (): StreamState<Result> => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#end();
    };
  };

  #start(): void {
    if (this.#state.done) this.#set({ ...this.#state, done: false });
    let current = true; // a connection that was given up may still speak
    const unsubscribe = this.#client().subscribe<Result>(this.#payload, {
      next: (message) => {
        if (!current) return;
        this.#failures = 0;
        if (message.errors?.length) this.#set({ ...this.#state, error: errorOfGraphQL(message.errors) });
        else if (message.data != null) this.#set({ data: message.data, error: null, done: false });
      },
      error: (error) => {
        if (current) this.#failed(error);
      },
      complete: () => {
        if (current) this.#set({ ...this.#state, done: true });
      },
    });
    this.#stop = () => {
      current = false;
      unsubscribe();
    };
  }

  /** Forgets what it has, which another way of asking has given, and begins anew if somebody listens. */
  restart(): void {
    this.#end();
    this.#failures = 0;
    this.#set({ data: null, error: null, done: false });
    if (this.active) this.#start();
  }

  get active(): boolean {
    return this.#listeners.size > 0;
  }

  /** GraphQL errors are final, but for too many requests; a broken connection that the client gave up on is tried again. */
  #failed(error: unknown): void {
    if (Array.isArray(error)) {
      const known = errorOfGraphQL(error);
      const busy = known.kind === 'busy';
      this.#set({ ...this.#state, error: known, done: !busy });
      if (busy) this.#later(known.waitMs ?? 0);
      return;
    }
    if (isRefusal(error)) return; // the session has ended; the sign-in form says so
    this.#set({ ...this.#state, error: new ApiError('network', 'Live updates were interrupted.') });
    this.#later(0);
  }

  /** Begins again after a pause that grows with each failure, and is at least so long. */
  #later(leastMs: number): void {
    this.#timer = setTimeout(() => this.#start(), leastMs + backoff(this.#failures++));
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#stop?.();
    this.#stop = null;
  }

  #set(state: StreamState<Result>): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

export class Streams {
  readonly #streams = new Map<string, Stream<unknown, Record<string, unknown>>>();
  readonly #client: () => Subscriber;

  constructor(client: () => Subscriber) {
    this.#client = client;
  }

  /** The one stream of this subscription with these variables. */
  stream<Result, Variables extends Record<string, unknown>>(
    operation: Operation<Result, Variables>,
    variables: Variables,
  ): Stream<Result, Variables> {
    const key = `${textOf(operation)}\n${JSON.stringify(variables)}`;
    let found = this.#streams.get(key) as Stream<Result, Variables> | undefined;
    if (found === undefined) {
      found = new Stream(operation, variables, this.#client);
      this.#streams.set(key, found);
    }
    return found;
  }

  /** Begins all anew that somebody follows, as at a change of what the caller may see. */
  restart(): void {
    for (const [key, stream] of [...this.#streams]) {
      if (stream.active) stream.restart();
      else this.#streams.delete(key);
    }
  }

  clear(): void {
    this.#streams.clear();
  }
}
