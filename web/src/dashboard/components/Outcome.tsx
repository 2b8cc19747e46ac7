import type { ActState } from '../data/hooks';
import type { UserErrors } from '../data/operations';
import { Problem } from './Bits';

/** What was wrong with the last change; nothing when nothing was. */
export function Outcome({ state }: { state: Pick<ActState, 'error' | 'refused'> }) {
  return (
    <>
      {state.error && <Problem error={state.error} />}
      <Refused errors={state.refused} />
    </>
  );
}

/** What the server refused, in its own words. */
export function Refused({ errors }: { errors: UserErrors }) {
  return errors.map((problem) => (
    <p key={problem.message} className="field-error" role="alert" data-testid="user-error">
      {problem.message}
    </p>
  ));
}
