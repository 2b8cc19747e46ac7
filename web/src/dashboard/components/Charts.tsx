// Small charts of our own. The numbers stand beside the bars as text, so that nothing depends on
// seeing lengths or colours.
import type { ReactNode } from 'react';
import { compact, count, label, percent } from '../format';

export interface Segment {
  /** Chooses the colour, for example a line type or a tier. */
  readonly kind: string;
  readonly count: number;
}

const width = (part: number, of: number) => `${of > 0 ? (100 * part) / of : 0}%`;

/** One bar of several parts; `of` is what its whole length stands for. */
export function StackedBar({ segments, of }: { segments: readonly Segment[]; of: number }) {
  return (
    <span className="bar" aria-hidden="true">
      {segments.map(
        (segment) =>
          segment.count > 0 && (
            <span
              key={segment.kind}
              className="bar-part"
              data-kind={segment.kind}
              style={{ width: width(segment.count, of) }}
            />
          ),
      )}
    </span>
  );
}

export interface BarRow {
  readonly key: string;
  readonly name: ReactNode;
  readonly total: number;
  readonly segments: readonly Segment[];
  readonly href?: string;
}

/** Rows of name, bar and number. The longest bar fills the width. */
export function BarList({ rows, testId }: { rows: readonly BarRow[]; testId?: string }) {
  const longest = Math.max(1, ...rows.map((row) => row.total));
  const sum = rows.reduce((all, row) => all + row.total, 0);
  return (
    <ul className="bars" data-testid={testId}>
      {rows.map((row) => {
        const inside = (
          <>
            <span className="bars-name">{row.name}</span>
            <StackedBar segments={row.segments} of={longest} />
            <span className="bars-count" title={count(row.total)}>
              {compact(row.total)}
            </span>
            <span className="bars-share">{sum > 0 ? percent(row.total / sum) : ''}</span>
          </>
        );
        return (
          <li key={row.key} data-key={row.key} data-count={row.total}>
            {row.href ? <a className="bars-row" href={row.href}>{inside}</a> : <span className="bars-row">{inside}</span>}
          </li>
        );
      })}
    </ul>
  );
}

/** Names of the colours. */
export function Legend({ kinds }: { kinds: readonly string[] }) {
  return (
    <ul className="legend">
      {kinds.map((kind) => (
        <li key={kind}>
          <span className="swatch" data-kind={kind} aria-hidden="true" />
          {label(kind)}
        </li>
      ))}
    </ul>
  );
}

interface ProgressProps {
  label: string;
  total: number;
  succeeded: number;
  failed: number;
  processed: number;
  active: boolean;
  thin?: boolean;
}

/** How far a job or one of its platforms is: answered, not answered, to do. */
export function Progress({ label: name, total, succeeded, failed, processed, active, thin = false }: ProgressProps) {
  const value = total > 0 ? (100 * processed) / total : 0;
  return (
    <span
      className={`progress${thin ? ' thin' : ''}${active ? ' active' : ''}`}
      role="progressbar"
      aria-label={name}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(value)}
    >
      <span className="progress-ok" style={{ width: width(succeeded, total) }} />
      <span className="progress-failed" style={{ width: width(failed, total) }} />
      <span className="progress-other" style={{ width: width(Math.max(0, processed - succeeded - failed), total) }} />
    </span>
  );
}
