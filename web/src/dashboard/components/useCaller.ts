import { useQuery } from '../data/hooks';
import { PlatformsQuery, type Platform } from '../data/operations';
import { ViewerQuery, type Scope, type Viewer } from '../data/viewerOperations';

/** The caller; null while it is not known. */
export function useViewer(): Viewer | null {
  return useQuery(ViewerQuery, {}).data?.viewer ?? null;
}

/** Whether the caller holds a scope; null while that is not known. What it is needed for is in the schema. */
export function useMay(scope: Scope): boolean | null {
  const viewer = useViewer();
  return viewer === null ? null : viewer.scopes.includes(scope);
}

// Each read of whole numbers is recorded: what is fetched again by itself is, too.
const WHOLE_POLL_MS = 60_000;

/** How often to fetch numbers again that may be whole, where masked ones are fetched that often; 0 is never. */
export function usePace(maskedMs: number): number {
  const whole = useViewer()?.seesWholeNumbers !== false;
  return whole && maskedMs > 0 ? Math.max(maskedMs, WHOLE_POLL_MS) : maskedMs;
}

/** The platforms whose answers are made up here. */
export function useSimulatedPlatforms(): ReadonlySet<Platform> {
  const { data } = useQuery(PlatformsQuery, {});
  return new Set(data?.platforms.filter((info) => info.simulated).map((info) => info.platform));
}
