import type { ReactNode } from 'react';
import { Card, Empty, Shown } from '../components/Bits';
import { ImportRow } from '../components/ImportRow';
import { Pages } from '../components/Pages';
import { UploadForm } from '../components/UploadForm';
import { useMay } from '../components/useCaller';
import { useQuery } from '../data/hooks';
import { ImportsQuery } from '../data/operations';

const POLL_MS = 5_000;
const PAGE = 20;

export function Imports() {
  const may = useMay('IMPORTS');
  return (
    <>
      <div className="page-head">
        <h1>Imports</h1>
      </div>
      <div className="stack">
        {may ? (
          <Card title="Upload a file">
            <UploadForm />
          </Card>
        ) : (
          may === false && <p className="note">You may see imports, but not upload: that needs the scope Imports.</p>
        )}
        <Card title="Imports so far">
          <Pages render={(after, onNext) => <Page after={after} onNext={onNext} />} />
        </Card>
      </div>
    </>
  );
}

function Page({ after, onNext }: { after: string | null; onNext: (cursor: string) => ReactNode }) {
  const imports = useQuery(ImportsQuery, { first: PAGE, after }, { pollMs: after === null ? POLL_MS : 0 });
  return (
    <Shown state={imports} lines={4}>
      {({ imports: { nodes, pageInfo } }) => (
        <>
          {nodes.length === 0 && after === null && (
            <Empty title="No imports yet">
              <p>Rows that cannot be used go to quarantine with a reason; nothing is lost silently.</p>
            </Empty>
          )}
          <ul className="rows" data-testid="imports">
            {nodes.map((batch) => (
              <ImportRow key={batch.id} batch={batch} />
            ))}
          </ul>
          {pageInfo.hasNextPage && pageInfo.endCursor !== null && onNext(pageInfo.endCursor)}
        </>
      )}
    </Shown>
  );
}
