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

/** The platforms whose answers are made up here. */
export function useSimulatedPlatforms(): ReadonlySet<Platform> {
  const { data } = useQuery(PlatformsQuery, {});
  return new Set(data?.platforms.filter((info) => info.simulated).map((info) => info.platform));
}
