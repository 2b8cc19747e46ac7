import type { Stats } from '../data/operations';
import { href } from '../router';
import { label, regionName } from '../format';
import { BarList, Legend, type Segment } from './Charts';

const SHOWN = 8;

const bySize = (a: { count: number }, b: { count: number }) => b.count - a.count;

function segmentsOf(rows: Stats['byLineType']): Segment[] {
  return [...rows].sort(bySize).map(({ lineType, count }) => ({ kind: lineType, count }));
}

/** Numbers by country, each bar cut into line types. */
export function RegionChart({ stats }: { stats: Stats }) {
  const regions = [...stats.byRegion].sort(bySize);
  const shown = regions.slice(0, SHOWN);
  const rest = regions.slice(SHOWN);
  const rows = shown.map((row) => ({
    key: row.region,
    name: regionName(row.region),
    total: row.count,
    segments: segmentsOf(row.byLineType),
    ...(row.region === 'ZZ' ? {} : { href: href('leads', null, { region: row.region }) }),
  }));
  if (rest.length > 0) {
    const total = rest.reduce((sum, row) => sum + row.count, 0);
    rows.push({ key: 'rest', name: `${rest.length} more`, total, segments: [{ kind: 'REST', count: total }] });
  }
  const kinds = [...stats.byLineType].sort(bySize).filter((row) => row.count > 0);
  return (
    <>
      <BarList rows={rows} testId="regions" />
      <Legend kinds={kinds.map((row) => row.lineType)} />
    </>
  );
}

/** Numbers by line type. */
export function LineTypeChart({ stats }: { stats: Stats }) {
  const rows = segmentsOf(stats.byLineType).filter((row) => row.count > 0);
  return (
    <BarList
      testId="line-types"
      rows={rows.map((row) => ({ key: row.kind, name: label(row.kind), total: row.count, segments: [row] }))}
    />
  );
}
