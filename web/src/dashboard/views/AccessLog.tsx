import { useState, type ReactNode } from 'react';
import { AccessLogFields } from '../components/AccessLogFields';
import { Ago, Card, Empty, Shown } from '../components/Bits';
import { Pages } from '../components/Pages';
import { useRested } from '../components/useRested';
import { blankLog, logFilterOf, wrongLog } from '../data/accessLogForm';
import { AccessLogQuery, type AccessLogEntry } from '../data/accessOperations';
import { useQuery } from '../data/hooks';
import { count, label } from '../format';

const POLL_MS = 10_000;
const TYPING_MS = 400;
const PAGE = 50;

type Filter = ReturnType<typeof logFilterOf>;

/** Who has seen whole numbers, and for what. */
export function AccessLog({ actor }: { actor: string }) {
  const [form, setForm] = useState({ ...blankLog, actor });
  const wrong = wrongLog(form);
  const filter = logFilterOf(useRested(form, TYPING_MS));
  const key = JSON.stringify(filter);
  return (
    <>
      <div className="page-head">
        <h1>Access log</h1>
        <p className="hint">Every read that showed whole numbers.</p>
      </div>
      <AccessLogFields form={form} change={(part) => setForm({ ...form, ...part })} clear={() => setForm(blankLog)} />
      {wrong !== null ? (
        <p className="field-error" role="alert" data-testid="user-error">{wrong}</p>
      ) : (
        <Card title="Newest first" className="log-card">
          <Pages key={key} render={(after, onNext) => <Page filter={filter} after={after} onNext={onNext} />} />
        </Card>
      )}
    </>
  );
}

function Page({ filter, after, onNext }: { filter: Filter; after: string | null; onNext: (cursor: string) => ReactNode }) {
  const log = useQuery(AccessLogQuery, { filter, first: PAGE, after }, { pollMs: after === null ? POLL_MS : 0 });
  return (
    <Shown state={log} lines={8}>
      {({ accessLog: { nodes, pageInfo } }) => (
        <>
          {nodes.length === 0 && after === null && <Nothing filtered={filter !== null} />}
          {nodes.length > 0 && (
            <table className="table log" data-testid="access-log">
              <colgroup>
                {['who', 'purpose', 'operation', 'values', 'when', 'request'].map((name) => <col key={name} className={`col-${name}`} />)}
              </colgroup>
              <thead className={after === null ? '' : 'sr-only'}>
                <tr>
                  <th scope="col">Who</th>
                  <th scope="col">Purpose</th>
                  <th scope="col">Operation and fields</th>
                  <th scope="col" className="col-values">Values</th>
                  <th scope="col">When</th>
                  <th scope="col">Request</th>
                </tr>
              </thead>
              <tbody>{nodes.map((entry) => <Row key={entry.id} entry={entry} />)}</tbody>
            </table>
          )}
          {pageInfo.hasNextPage && pageInfo.endCursor !== null && onNext(pageInfo.endCursor)}
        </>
      )}
    </Shown>
  );
}

function Row({ entry }: { entry: AccessLogEntry }) {
  const { actor, role, purpose, operation, fields, revealed, at, requestId } = entry;
  return (
    <tr data-testid="access" data-actor={actor} data-role={role} data-revealed={revealed} data-purpose={purpose ?? ''}>
      <td className="log-who">
        <strong className="key-name">{actor}</strong> <span className="badge neutral">{label(role)}</span>
      </td>
      <td data-label="Purpose">{purpose ?? <span className="hint">none told</span>}</td>
      <td data-label="Operation">
        {operation ?? <span className="hint">without a name</span>}
        <span className="hint log-fields">{fields.join(', ')}</span>
      </td>
      <td data-label="Values" className="col-values">{count(revealed)}</td>
      <td data-label="When"><Ago time={at} /></td>
      <td data-label="Request"><code className="key">{requestId}</code></td>
    </tr>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered) return <Empty title="No such reads" />;
  return (
    <Empty title="Nobody has seen a whole number yet">
      <p>
        Each answer that shows a phone number whole, or the raw row of a file, is recorded here: who asked, in which role, for what purpose,
        by which operation, which fields, and how many values. Masked reads are not.
      </p>
    </Empty>
  );
}
