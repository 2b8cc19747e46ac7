import { useDeferredValue, useId, useState } from 'react';
import { shownOf } from '../../shared/errors';
import { useQuery } from '../data/hooks';
import { NormalizeQuery, type Normalized } from '../data/operations';
import { label, regionName } from '../format';
import { reasonText } from '../reasons';
import { Problem } from './Bits';
import { RegionInput } from './RegionInput';
import { useRested } from './useRested';

const TYPING_MS = 250;

/** Tries what the numbering rules make of a text, while it is typed. */
export function NumberBox({ full = false }: { full?: boolean }) {
  const [input, setInput] = useState('');
  const [region, setRegion] = useState('CO');
  const [area, setArea] = useState('');
  const field = useId();
  const areaField = useId();
  const asked = useRested(input.trim(), TYPING_MS);
  const { data, error: failed, fetching } = useQuery(
    NormalizeQuery,
    { input: asked, region: region.length === 2 ? region : null, area: area.trim() || null },
    { pause: asked === '' },
  );
  const error = shownOf(failed);
  const results = useDeferredValue(data?.normalizeCell ?? null);

  return (
    <div className="numberbox" data-testid="number-box">
      <form className="numberbox-form" onSubmit={(event) => event.preventDefault()}>
        <div className="field grow">
          <label htmlFor={field}>A number, or a cell of several</label>
          <input
            id={field}
            value={input}
            onChange={(event) => setInput(event.target.value)}
            placeholder="3001234567 / 6012345678 ext 12"
            maxLength={512}
            autoComplete="off"
            spellCheck={false}
            inputMode="text"
            data-testid="number-input"
          />
        </div>
        <RegionInput value={region} onChange={setRegion} />
        {full && (
          <div className="field narrow">
            <label htmlFor={areaField}>Area</label>
            <input
              id={areaField}
              value={area}
              onChange={(event) => setArea(event.target.value)}
              placeholder="601"
              inputMode="numeric"
              maxLength={6}
              data-testid="number-area"
            />
          </div>
        )}
      </form>
      <div aria-live="polite" aria-busy={fetching} className="numberbox-results" data-testid="number-results">
        {error && <Problem error={error} />}
        {asked === '' && <p className="hint">Nothing is stored. Extensions, several numbers and old dialling habits are read too.</p>}
        {asked !== '' && results?.length === 0 && <p className="hint">There is no number in this.</p>}
        {asked !== '' && results?.map((result, i) => <Result key={i} result={result} full={full} />)}
      </div>
    </div>
  );
}

function Result({ result, full }: { result: Normalized; full: boolean }) {
  const country = result.region === null ? null : regionName(result.region);
  const facts: [string, string | null][] = [
    ['Country', country],
    ['Line', label(result.lineType)],
    ['Place', result.location === country ? null : result.location],
    ['First carrier', result.originalCarrier],
    ['Extension', result.extension],
    ['Rule', result.appliedRule],
  ];
  if (full) {
    facts.push(
      ['Inside the country', result.nationalFormat],
      ['From abroad', result.internationalFormat],
      ['Time zones', result.timezones.join(', ') || null],
    );
  }
  return (
    <article className="result" data-testid="number-result" data-valid={result.isValid}>
      <header>
        <span className="number">{result.number ?? result.input}</span>
        <span className={`badge ${result.isValid ? 'ok' : 'danger'}`}>{verdict(result)}</span>
      </header>
      {result.reason && <p className="result-reason">{reasonText(result.reason)}</p>}
      {result.number && (
        <dl className="facts">
          {facts.map(([name, value]) => value && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </article>
  );
}

function verdict({ isValid, isPossible }: Normalized): string {
  if (isValid) return 'Valid';
  return isPossible ? 'Possible, not assigned' : 'Not valid';
}
