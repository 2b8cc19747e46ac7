import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { graphql } from '../graphql';
import { Streams, type Subscriber } from './stream';

const Progress = graphql(`
  subscription Progress($id: ID!) { validationJobProgress(id: $id) { processed } }
`);

type Sink = Parameters<Subscriber['subscribe']>[1];

function setUp() {
  const opened: { variables: Record<string, unknown>; sink: Sink; closed: boolean }[] = [];
  const client: Subscriber = {
    subscribe: (payload, sink) => {
      const one = { variables: payload.variables, sink: sink as Sink, closed: false };
      opened.push(one);
      return () => {
        one.closed = true;
      };
    },
  };
  const streams = new Streams(() => client);
  return { opened, streams, stream: streams.stream(Progress, { id: 'job_1' }) };
}

const sent = (processed: number) => ({ data: { validationJobProgress: { processed } } });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a stream', () => {
  it('is opened once for all its readers and closed behind the last', () => {
    const { opened, streams, stream } = setUp();
    expect(streams.stream(Progress, { id: 'job_1' })).toBe(stream);
    expect(streams.stream(Progress, { id: 'job_2' })).not.toBe(stream);
    const first = stream.subscribe(() => undefined);
    const second = stream.subscribe(() => undefined);
    expect(opened.map(({ variables }) => variables)).toEqual([{ id: 'job_1' }]);
    first();
    expect(opened[0]?.closed).toBe(false);
    second();
    expect(opened[0]?.closed).toBe(true);
  });

  it('shows the newest value, and that it is over', () => {
    const { opened, stream } = setUp();
    let told = 0;
    stream.subscribe(() => told++);
    opened[0]?.sink.next(sent(1));
    opened[0]?.sink.next(sent(2));
    expect(stream.get()).toEqual({ ...sent(2), error: null, done: false });
    opened[0]?.sink.complete();
    expect(stream.get()).toEqual({ ...sent(2), error: null, done: true });
    expect(told).toBe(3);
  });

  it('takes GraphQL errors for final', () => {
    const { opened, stream } = setUp();
    stream.subscribe(() => undefined);
    opened[0]?.sink.error([{ message: 'no such job' }]);
    expect(stream.get()).toMatchObject({ data: null, error: { message: 'no such job' }, done: true });
    vi.runAllTimers();
    expect(opened).toHaveLength(1);
  });

  it('waits when there were too many requests, and opens again', () => {
    const { opened, stream } = setUp();
    stream.subscribe(() => undefined);
    opened[0]?.sink.error([{ message: 'slow down', extensions: { code: 'RATE_LIMITED', retryAfterSeconds: 20 } }]);
    expect(stream.get()).toMatchObject({ error: { kind: 'busy' }, done: false });
    vi.advanceTimersByTime(20_000);
    expect(opened).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    expect(opened).toHaveLength(2);
  });

  it('forgets what it has when it is begun anew, and does not hear the old one', () => {
    const { opened, streams, stream } = setUp();
    stream.subscribe(() => undefined);
    opened[0]?.sink.next(sent(5));
    streams.restart();
    expect(stream.get()).toEqual({ data: null, error: null, done: false });
    expect(opened.map(({ closed }) => closed)).toEqual([true, false]);
    opened[0]?.sink.complete();
    opened[1]?.sink.next(sent(6));
    expect(stream.get()).toEqual({ ...sent(6), error: null, done: false });
    expect(streams.stream(Progress, { id: 'job_1' })).toBe(stream);
  });

  it('opens again after a lost connection, and keeps what it has until then', () => {
    const { opened, stream } = setUp();
    stream.subscribe(() => undefined);
    opened[0]?.sink.next(sent(5));
    opened[0]?.sink.error({ code: 1011 });
    expect(stream.get()).toMatchObject({ ...sent(5), error: { kind: 'network' } });
    vi.runAllTimers();
    expect(opened).toHaveLength(2);
    opened[1]?.sink.next(sent(9));
    expect(stream.get()).toEqual({ ...sent(9), error: null, done: false });
  });

  it('leaves a refused token to the session', () => {
    const { opened, stream } = setUp();
    stream.subscribe(() => undefined);
    opened[0]?.sink.error({ code: 4403 });
    vi.runAllTimers();
    expect(opened).toHaveLength(1);
    expect(stream.get().error).toBeNull();
  });

  it('does not open again for nobody', () => {
    const { opened, stream } = setUp();
    const leave = stream.subscribe(() => undefined);
    opened[0]?.sink.error({ code: 1011 });
    leave();
    vi.runAllTimers();
    expect(opened).toHaveLength(1);
  });

  it('does not listen to a connection that was given up', () => {
    const { opened, stream } = setUp();
    stream.subscribe(() => undefined)();
    stream.subscribe(() => undefined);
    opened[1]?.sink.next(sent(7));
    opened[0]?.sink.next(sent(3));
    opened[0]?.sink.complete();
    expect(stream.get()).toEqual({ ...sent(7), error: null, done: false });
  });

  it('starts over when it is wanted again after its end', () => {
    const { opened, stream } = setUp();
    const leave = stream.subscribe(() => undefined);
    opened[0]?.sink.next(sent(10));
    opened[0]?.sink.complete();
    leave();
    stream.subscribe(() => undefined);
    expect(stream.get().done).toBe(false);
    opened[1]?.sink.next(sent(4));
    expect(stream.get()).toEqual({ ...sent(4), error: null, done: false });
  });
});
