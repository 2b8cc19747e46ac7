// Small pieces that every view uses.
import type { ReactNode } from 'react';
import { shownOf, type ApiError } from '../../shared/errors';
import type { ApiKeyStatus } from '../data/accessOperations';
import type { ImportStatus, JobStatus, Tier } from '../data/operations';
import type { Schedule } from '../data/scheduleOperations';
import type { DeliveryStatus } from '../data/webhookOperations';
import { ago, label, soon, when } from '../format';
import { useNow } from './useNow';

/** Marks what the simulator made up. */
export function Simulated() {
  return (
    <span
      className="badge sim"
      title="Made up by the simulator for demonstration. No platform was asked."
      data-testid="simulated-badge"
    >
      simulated
    </span>
  );
}

type Status = JobStatus | ImportStatus | Schedule['status'] | DeliveryStatus | ApiKeyStatus;

const tones: Record<Status, string> = {
  ACTIVE: 'ok',
  PENDING: 'info',
  DELIVERED: 'ok',
  DEAD: 'danger',
  QUEUED: 'neutral',
  RUNNING: 'info',
  PAUSED: 'warn',
  COMPLETED: 'ok',
  FAILED: 'danger',
  CANCELLED: 'neutral',
  EXPIRED: 'warn',
  REVOKED: 'neutral',
};

export function StatusPill({ status }: { status: Status }) {
  return (
    <span className={`badge ${tones[status]}`} data-testid="status" data-status={status}>
      {status === 'RUNNING' && <span className="pulse" aria-hidden="true" />}
      {label(status)}
    </span>
  );
}

export function TierPill({ tier }: { tier: Tier }) {
  return (
    <span className="badge tier" data-tier={tier}>
      <span className="dot" aria-hidden="true" />
      {label(tier)}
    </span>
  );
}

/** A moment, as `5 minutes ago` with the exact time at hand. */
export function Ago({ time }: { time: string }) {
  const now = useNow();
  return (
    <time dateTime={time} title={when(time)}>
      {ago(time, now)}
    </time>
  );
}

/** A moment to come, as `in 5 minutes`. */
export function Soon({ time }: { time: string }) {
  const now = useNow();
  return (
    <time dateTime={time} title={when(time)}>
      {soon(time, now)}
    </time>
  );
}

// What trying again does not change: who asks lacks a scope, or asks for too much.
const final = new Set<ApiError['kind']>(['forbidden', 'limit']);

/** What is shown where something went wrong; with a way to try again where that may help. */
export function Problem({ error, retry }: { error: ApiError; retry?: () => void }) {
  return (
    <div className="problem" role="alert" data-testid="problem" data-kind={error.kind}>
      <p>{error.message}</p>
      {retry && !final.has(error.kind) && (
        <button type="button" className="button small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** What is shown where there is nothing yet, and what to do about it. */
export function Empty({ title, children, testId }: { title: string; children?: ReactNode; testId?: string }) {
  return (
    <div className="empty" data-testid={testId ?? 'empty'}>
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Grey bars in the place of what is being fetched. */
export function Loading({ lines = 3 }: { lines?: number }) {
  return (
    <div className="loading" role="status" data-testid="loading">
      <span className="sr-only">Loading…</span>
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} className="loading-line" aria-hidden="true" />
      ))}
    </div>
  );
}

interface CardProps {
  title: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
  testId?: string;
}

export function Card({ title, aside, children, className = '', testId }: CardProps) {
  return (
    <section className={`card ${className}`} data-testid={testId}>
      <header className="card-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** What a query has to show: its data, else its error, else that it is loading. */
export function Shown<T>({ state, lines, children }: {
  state: { data: T | null; error: ApiError | null; refetch: () => void };
  lines?: number;
  children: (data: T) => ReactNode;
}) {
  const { data, refetch } = state;
  const error = shownOf(state.error);
  return (
    <>
      {error && <Problem error={error} retry={refetch} />}
      {data !== null && children(data)}
      {data === null && !error && <Loading {...(lines === undefined ? {} : { lines })} />}
    </>
  );
}

/** What a platform said, for example `RATE_LIMITED`. */
export function StatusBadge({ status }: { status: string }) {
  return <span className={`badge ${status === 'ACTIVE' ? 'ok' : status === 'ERROR' ? 'danger' : 'warn'}`}>{label(status)}</span>;
}
