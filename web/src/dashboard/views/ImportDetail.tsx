import { useState, type ReactNode } from 'react';
import { Ago, Card, Empty, Shown, StatusPill } from '../components/Bits';
import { BarList } from '../components/Charts';
import { Icon } from '../components/Icons';
import { ImportProgressBar } from '../components/ImportRow';
import { Pages } from '../components/Pages';
import { useMay, useViewer } from '../components/useCaller';
import { useQuery } from '../data/hooks';
import { useLiveImport } from '../data/imports';
import { isDone, type LiveImport } from '../data/importState';
import { ImportQuery, QuarantineQuery, type ImportBatch } from '../data/operations';
import { bytes, compact, count, duration, label, percent, rate } from '../format';
import { href } from '../router';

const POLL_MS = 5_000;
const PAGE = 25;

export function ImportDetail({ id }: { id: string }) {
  const found = useQuery(ImportQuery, { id }, { pollMs: POLL_MS });
  return (
    <>
      <a className="back" href="#/imports">
        <Icon name="back" />
        Imports
      </a>
      <Shown state={found} lines={6}>
        {(data) =>
          data.import === null ? (
            <Empty title="There is no such import" testId="not-found" />
          ) : (
            <Details batch={data.import} />
          )
        }
      </Shown>
    </>
  );
}

function Details({ batch }: { batch: ImportBatch }) {
  const now = useLiveImport(batch);
  const [reason, setReason] = useState<string | null>(null);
  const may = useMay('JOBS');
  const masked = useViewer()?.seesWholeNumbers === false;
  return (
    <div className="stack" data-testid="import-detail" data-status={now.status}>
      <div className="page-head">
        <h1>{batch.fileName ?? 'Unnamed file'}</h1>
        <StatusPill status={now.status} />
        {may && now.status === 'COMPLETED' && now.numbersAccepted > 0 && (
          <a className="button" href={href('jobs', 'new', { import: batch.id })} data-testid="validate-import">
            Check these numbers
          </a>
        )}
      </div>
      <p className="hint">
        {batch.source}
        {batch.region && ` · ${batch.region}`} · {bytes(batch.bytesTotal)} · by {batch.createdBy} · <Ago time={batch.createdAt} />
      </p>
      {!isDone(now.status) && <Going now={now} />}
      {now.errorMessage && <p className="problem" role="alert">{now.errorMessage}</p>}
      <Summary now={now} />
      {now.rejections.length > 0 && (
        <Card title="Rejected, by reason" testId="import-rejections">
          <BarList
            rows={[...now.rejections]
              .sort((a, b) => b.count - a.count)
              .map((row) => ({
                key: row.reason,
                name: label(row.reason),
                total: row.count,
                segments: [{ kind: 'REJECTED', count: row.count }],
              }))}
          />
        </Card>
      )}
      {now.rejections.length > 0 && (
        <Card
          title="Quarantine"
          aside={<ReasonFilter reasons={now.rejections.map((row) => row.reason)} value={reason} onChange={setReason} />}
          testId="quarantine"
        >
          {masked && <p className="hint">The rows themselves show where numbers are shown whole.</p>}
          <Pages
            key={reason ?? ''}
            render={(after, onNext) => <QuarantinePage id={batch.id} reason={reason} after={after} onNext={onNext} />}
          />
        </Card>
      )}
    </div>
  );
}

function Going({ now }: { now: LiveImport }) {
  return (
    <Card title="Reading" testId="import-progress">
      <ImportProgressBar percent={now.percent} />
      <p className="job-facts">
        <strong>{percent(now.percent / 100)}</strong>
        <span>{bytes(now.bytesRead)} of {bytes(now.bytesTotal)}</span>
        <span>{rate(now.rowsPerSecond)}</span>
        {now.etaSeconds !== null && <span>{duration(now.etaSeconds)} to go</span>}
      </p>
    </Card>
  );
}

function Summary({ now }: { now: LiveImport }) {
  const tiles: [string, string, number][] = [
    ['rows-read', 'Rows read', now.rowsRead],
    ['rows-accepted', 'Rows accepted', now.rowsAccepted],
    ['rows-rejected', 'Rows rejected', now.rowsRejected],
    ['numbers', 'Numbers accepted', now.numbersAccepted],
    ['phones-created', 'New to the registry', now.phonesCreated],
    ['contacts-created', 'New contacts', now.contactsCreated],
    ['contacts-merged', 'Known, merged', now.contactsMerged],
    ['rate', 'Rows a second', Math.round(now.rowsPerSecond)],
  ];
  return (
    <dl className="tiles small" data-testid="import-summary">
      {tiles.map(([id, name, value]) => (
        <div key={id} className="tile" data-testid={`import-${id}`} data-count={value}>
          <dt>{name}</dt>
          <dd title={count(value)}>{compact(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

interface ReasonFilterProps {
  reasons: readonly string[];
  value: string | null;
  onChange: (reason: string | null) => void;
}

function ReasonFilter({ reasons, value, onChange }: ReasonFilterProps) {
  return (
    <label className="inline-field">
      <span className="sr-only">Reason</span>
      <select value={value ?? ''} onChange={(event) => onChange(event.target.value || null)} data-testid="quarantine-reason">
        <option value="">All reasons</option>
        {reasons.map((reason) => (
          <option key={reason} value={reason}>
            {label(reason)}
          </option>
        ))}
      </select>
    </label>
  );
}

interface QuarantinePageProps {
  id: string;
  reason: string | null;
  after: string | null;
  onNext: (cursor: string) => ReactNode;
}

function QuarantinePage({ id, reason, after, onNext }: QuarantinePageProps) {
  const entries = useQuery(QuarantineQuery, { id, reason, first: PAGE, after });
  return (
    <Shown state={entries} lines={4}>
      {(data) => {
        const page = data.import?.quarantine;
        return (
          <>
            <ul className="rows">
              {page?.nodes.map((entry, i) => (
                <li key={`${entry.row}-${i}`} className="quarantined" data-testid="quarantine-entry">
                  <span className="hint nowrap">Row {count(entry.row)}</span>
                  <span className="badge warn">{label(entry.reason)}</span>
                  <span>{entry.message}</span>
                  {entry.raw !== null && <code className="raw">{entry.raw}</code>}
                </li>
              ))}
            </ul>
            {page?.pageInfo.hasNextPage && page.pageInfo.endCursor !== null && onNext(page.pageInfo.endCursor)}
          </>
        );
      }}
    </Shown>
  );
}
