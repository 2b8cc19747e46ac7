import { ViewerQuery, PlatformsQuery, type Platform } from '../data/operations';
import { useQuery } from '../data/hooks';

/** Whether the caller may run jobs and imports; null while that is not known. */
export function useMayOperate(): boolean | null {
  const { data } = useQuery(ViewerQuery, {});
  if (data === null) return null;
  return data.viewer.role === 'OPERATOR' || data.viewer.role === 'ADMIN';
}

/** The platforms whose answers are made up here. */
export function useSimulatedPlatforms(): ReadonlySet<Platform> {
  const { data } = useQuery(PlatformsQuery, {});
  return new Set(data?.platforms.filter((info) => info.simulated).map((info) => info.platform));
}
