import type { Breaker } from '../data/fleetOperations';
import { breakerTitles, breakerTones } from '../data/fleetState';
import { label } from '../format';

/** Whether a platform is being asked. */
export function BreakerPill({ state }: { state: Breaker }) {
  return (
    <span className={`badge ${breakerTones[state]}`} title={breakerTitles[state]} data-testid="breaker" data-state={state}>
      Breaker {label(state).toLowerCase()}
    </span>
  );
}
