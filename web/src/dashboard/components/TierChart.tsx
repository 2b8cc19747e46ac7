import type { Stats, Tier } from '../data/operations';
import { label } from '../format';
import { href } from '../router';
import { BarList } from './Charts';

/** Best first; what is not known comes last. */
export const tiers: readonly Tier[] = ['PREMIUM', 'HIGH', 'MEDIUM', 'LOW', 'POOR', 'UNKNOWN'];

/** Scored numbers by tier, each a way to its leads. */
export function TierChart({ byTier }: { byTier: Stats['byTier'] }) {
  const counts = new Map(byTier.map((row) => [row.tier, row.count]));
  return (
    <BarList
      testId="tiers"
      rows={tiers.map((tier) => ({
        key: tier,
        name: label(tier),
        total: counts.get(tier) ?? 0,
        segments: [{ kind: tier, count: counts.get(tier) ?? 0 }],
        href: href('leads', null, { tier }),
      }))}
    />
  );
}
