import { shownOf } from '../../shared/errors';
import { useQuery } from '../data/hooks';
import { TargetQuery } from '../data/operations';
import type { TargetFilter } from '../data/startJob';
import { plural } from '../format';

/** How many numbers a filter means, and how many checks that makes. */
export function TargetSize({ filter, platforms }: { filter: TargetFilter; platforms: number }) {
  const { data, error: failed } = useQuery(TargetQuery, { filter });
  const error = shownOf(failed);
  if (error) return <p className="hint">{error.message}</p>;
  if (data === null) return <p className="hint" aria-busy="true">Counting…</p>;
  const numbers = data.phones.totalCount;
  const checks = numbers * platforms;
  return (
    <p className="target-size" aria-live="polite" data-testid="target-size" data-count={numbers}>
      <strong>{plural(numbers, 'valid number')}</strong>
      {checks > 0 && ` × ${plural(platforms, 'platform')} = ${plural(checks, 'check')}`}
    </p>
  );
}
