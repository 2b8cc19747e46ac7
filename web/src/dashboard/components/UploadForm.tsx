import { useEffect, useRef, useState, type SyntheticEvent } from 'react';
import { asApiError, type ApiError } from '../../shared/errors';
import { useQuery } from '../data/hooks';
import { importsChanged } from '../data/imports';
import { SourcesQuery } from '../data/operations';
import { upload } from '../data/upload';
import type { Accepted } from '../data/uploadAnswer';
import { bytes, percent } from '../format';
import { go, href } from '../router';
import { Problem, Shown } from './Bits';
import { ImportProgressBar } from './ImportRow';
import { RegionInput } from './RegionInput';

/** Chooses a file and sends it. */
export function UploadForm() {
  const [file, setFile] = useState<File | null>(null);
  const [source, setSource] = useState('manual_upload');
  const [region, setRegion] = useState('CO');
  const [area, setArea] = useState('');
  const [sent, setSent] = useState<number | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [known, setKnown] = useState<Accepted | null>(null);
  const sending = useRef<AbortController | null>(null);
  useEffect(() => () => sending.current?.abort(), []);

  async function submit(event: SyntheticEvent) {
    event.preventDefault();
    if (file === null) return;
    sending.current = new AbortController();
    setError(null);
    setKnown(null);
    setSent(0);
    try {
      const accepted = await upload({ file, source, region, area: area.trim() }, setSent, sending.current.signal);
      importsChanged();
      if (accepted.alreadyImported) setKnown(accepted);
      else go(href('imports', accepted.id));
    } catch (failure) {
      setError(asApiError(failure));
    }
    setSent(null);
  }

  return (
    <form className="upload" onSubmit={(event) => void submit(event)} data-testid="upload-form">
      <FileField file={file} onChange={setFile} />
      <div className="upload-fields">
        <SourceField value={source} onChange={setSource} />
        <RegionInput value={region} onChange={setRegion} label="Default region" />
        <div className="field narrow">
          <label htmlFor="upload-area">Area code</label>
          <input
            id="upload-area"
            value={area}
            onChange={(event) => setArea(event.target.value)}
            placeholder="601"
            inputMode="numeric"
            maxLength={6}
            data-testid="upload-area"
          />
        </div>
        <button
          type="submit"
          className="button primary"
          disabled={file === null || sent !== null}
          data-testid="upload-submit"
        >
          {sent === null ? 'Upload' : 'Sending…'}
        </button>
      </div>
      {sent !== null && (
        <div className="upload-progress">
          <ImportProgressBar percent={100 * sent} />
          <span className="hint">{percent(sent)} sent</span>
          <button type="button" className="button small" onClick={() => sending.current?.abort()}>
            Stop
          </button>
        </div>
      )}
      {error && <Problem error={error} />}
      {known && (
        <p className="note" role="status" data-testid="already-imported">
          This very file was imported before, so nothing was changed. <a href={href('imports', known.id)}>See that import.</a>
        </p>
      )}
    </form>
  );
}

/** The input lies invisibly over the whole field, so that files can be dropped on it too. */
function FileField({ file, onChange }: { file: File | null; onChange: (file: File | null) => void }) {
  return (
    <label className="drop">
      <input
        type="file"
        accept=".csv,.tsv,.txt,text/csv"
        onChange={(event) => onChange(event.target.files?.[0] ?? null)}
        data-testid="upload-file"
      />
      {file ? (
        <>
          <strong>{file.name}</strong>
          <span className="hint">{bytes(file.size)}</span>
        </>
      ) : (
        <>
          <strong>Choose a CSV file</strong>
          <span className="hint">or drop it here. Columns are recognised by their headers, in Spanish or English.</span>
        </>
      )}
    </label>
  );
}

function SourceField({ value, onChange }: { value: string; onChange: (source: string) => void }) {
  const sources = useQuery(SourcesQuery, {});
  return (
    <div className="field grow">
      <label htmlFor="upload-source">Source</label>
      <Shown state={sources} lines={1}>
        {(data) => (
          <select
            id="upload-source"
            value={value}
            onChange={(event) => onChange(event.target.value)}
            data-testid="upload-source"
          >
            {data.sources.map((source) => (
              <option key={source.name} value={source.name}>
                {source.name} (priority {source.priority})
              </option>
            ))}
          </select>
        )}
      </Shown>
    </div>
  );
}
