import { useLiveImport } from '../data/imports';
import { isDone } from '../data/importState';
import type { ImportBatch } from '../data/operations';
import { bytes, count, percent, rate } from '../format';
import { href } from '../router';
import { Ago, StatusPill } from './Bits';
import { Progress } from './Charts';

/** An import in a list, with its live progress. */
export function ImportRow({ batch }: { batch: ImportBatch }) {
  const now = useLiveImport(batch);
  return (
    <li className="import" data-testid="import" data-id={batch.id} data-status={now.status}>
      <div className="import-head">
        <a className="import-name" href={href('imports', batch.id)} data-testid="import-link">
          {batch.fileName ?? 'unnamed file'}
        </a>
        <StatusPill status={now.status} />
      </div>
      {!isDone(now.status) && <ImportProgressBar percent={now.percent} />}
      <p className="hint">
        {isDone(now.status)
          ? `${count(now.rowsRead)} rows, ${count(now.numbersAccepted)} numbers, ${count(now.rowsRejected)} rows rejected`
          : `${percent(now.percent / 100)} of ${bytes(now.bytesTotal)}, ${count(now.rowsRead)} rows, ${rate(now.rowsPerSecond)}`}
        {' · '}
        {batch.source}
        {' · '}
        <Ago time={batch.createdAt} />
      </p>
    </li>
  );
}

export function ImportProgressBar({ percent: part }: { percent: number }) {
  return (
    <Progress label="Progress of the import" total={100} processed={part} succeeded={part} failed={0} active />
  );
}
