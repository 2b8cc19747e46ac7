import { useEffect, useRef, useState, type ReactNode } from 'react';
import { session } from '../../shared/current';
import { asApiError, type ApiError } from '../../shared/errors';
import { fetchFailures, fileNameOf } from '../data/failuresCsv';
import { cache, useQuery } from '../data/hooks';
import { JobFailuresQuery } from '../data/operations';
import { saveFile } from '../data/saveFile';
import { bytes, count, label } from '../format';
import { Ago, Card, Problem, Shown, Simulated, StatusBadge } from './Bits';
import { Pages } from './Pages';
import { useMay, usePace, useSimulatedPlatforms } from './useCaller';

const PAGE = 50;
const POLL_MS = 5_000;

interface Props {
  id: string;
  name: string;
  total: number;
  /** When the job reached its final state; null while more may fail. */
  endedAt: string | null;
}

/** The checks of a job that got no answer, and all of them as a file. */
export function FailuresCard({ id, name, total, endedAt }: Props) {
  const [state, download, stop] = useDownload(id, name);
  const mayExport = useMay('EXPORT');
  // A retry can be over before anybody saw it begin: the end is what tells.
  const shown = useRef(endedAt);
  useEffect(() => {
    if (shown.current !== endedAt) cache.invalidate(JobFailuresQuery);
    shown.current = endedAt;
  }, [endedAt]);
  return (
    <Card
      title={<>Checks without an answer <span className="hint">{count(total)}</span></>}
      aside={
        mayExport !== true ? null : state.bytes === null ? (
          <button type="button" className="button small" onClick={download} data-testid="failures-download">
            Download CSV
          </button>
        ) : (
          <button type="button" className="button small" onClick={stop}>
            Stop <span className="hint">{bytes(state.bytes)}</span>
          </button>
        )
      }
      testId="job-failures"
    >
      {state.error && <Problem error={state.error} retry={download} />}
      {state.saved !== null && (
        <p className="hint" role="status" data-testid="failures-saved" data-bytes={state.saved}>
          Saved {bytes(state.saved)}.
        </p>
      )}
      <Pages render={(after, onNext) => <FailurePage id={id} after={after} going={endedAt === null} onNext={onNext} />} />
    </Card>
  );
}

interface Download {
  /** What has come so far; null when nothing is being fetched. */
  bytes: number | null;
  saved: number | null;
  error: ApiError | null;
}

function useDownload(id: string, name: string): [Download, () => void, () => void] {
  const [state, setState] = useState<Download>({ bytes: null, saved: null, error: null });
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  async function download() {
    const abort = new AbortController();
    running.current = abort;
    setState({ bytes: 0, saved: null, error: null });
    try {
      const onBytes = (n: number) => setState((now) => ({ ...now, bytes: n }));
      const file = await fetchFailures(id, { session, signal: abort.signal, onBytes });
      saveFile(file, fileNameOf(name));
      setState({ bytes: null, saved: file.size, error: null });
    } catch (error) {
      setState({ bytes: null, saved: null, error: abort.signal.aborted ? null : asApiError(error) });
    }
  }
  return [state, () => void download(), () => running.current?.abort()];
}

interface PageProps {
  id: string;
  after: string | null;
  going: boolean;
  onNext: (cursor: string) => ReactNode;
}

function FailurePage({ id, after, going, onNext }: PageProps) {
  const simulated = useSimulatedPlatforms();
  const failures = useQuery(
    JobFailuresQuery,
    { id, first: PAGE, after },
    { pollMs: usePace(going && after === null ? POLL_MS : 0) },
  );
  return (
    <Shown state={failures} lines={4}>
      {({ validationJob }) => {
        const page = validationJob?.failures;
        return (
          <>
            <table className="table failures">
              <colgroup>
                {['number', 'platform', 'result', 'reason', 'attempts', 'when'].map((name) => <col key={name} className={`col-${name}`} />)}
              </colgroup>
              <thead className={after === null ? '' : 'sr-only'}>
                <tr>
                  <th scope="col">Number</th>
                  <th scope="col">Platform</th>
                  <th scope="col">Result</th>
                  <th scope="col">Reason</th>
                  <th scope="col">Attempts</th>
                  <th scope="col">When</th>
                </tr>
              </thead>
              <tbody>
                {page?.nodes.map((failure) => (
                  <tr
                    key={`${failure.number}${failure.platform}${failure.failedAt}`}
                    data-testid="failure"
                    data-platform={failure.platform}
                    data-at={failure.failedAt}
                  >
                    <td className="number">{failure.number}</td>
                    <td>
                      <span className="platform-name">
                        {label(failure.platform)}
                        {simulated.has(failure.platform) && <Simulated />}
                      </span>
                    </td>
                    <td><StatusBadge status={failure.status} /></td>
                    <td data-label="Reason">{failure.reason ?? '–'}</td>
                    <td data-label="Attempts">{count(failure.attempts)}</td>
                    <td data-label="When"><Ago time={failure.failedAt} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
            {page?.pageInfo.hasNextPage && page.pageInfo.endCursor !== null && onNext(page.pageInfo.endCursor)}
          </>
        );
      }}
    </Shown>
  );
}
