import { ViewerQuery, PlatformsQuery, type Platform } from '../data/operations';
import { useQuery } from '../data/hooks';

/** The caller's role; null while it is not known. */
export function useRole() {
  const { data } = useQuery(ViewerQuery, {});
  return data?.viewer.role ?? null;
}

/** Whether the caller may run jobs and imports; null while that is not known. */
export function useMayOperate(): boolean | null {
  const role = useRole();
  return role === null ? null : role === 'OPERATOR' || role === 'ADMIN';
}

/** The platforms whose answers are made up here. */
export function useSimulatedPlatforms(): ReadonlySet<Platform> {
  const { data } = useQuery(PlatformsQuery, {});
  return new Set(data?.platforms.filter((info) => info.simulated).map((info) => info.platform));
}
