import { useQuery } from '../data/hooks';
import { PlatformsQuery, type Platform } from '../data/operations';
import { label } from '../format';
import { Shown, Simulated } from './Bits';
import { CheckList } from './CheckList';

/** The platforms to check; those that are not available here cannot be chosen. */
export function PlatformFields({ chosen, onChange }: { chosen: readonly Platform[]; onChange: (chosen: Platform[]) => void }) {
  const platforms = useQuery(PlatformsQuery, {});
  return (
    <Shown state={platforms} lines={2}>
      {(data) => (
        <CheckList
          legend="Platforms"
          options={data.platforms.map(({ platform, isAvailable, simulated, adapter }) => ({
            id: platform,
            name: label(platform),
            disabled: !isAvailable,
            aside: !isAvailable ? (
              <span className="hint">not available here</span>
            ) : simulated ? (
              <Simulated />
            ) : (
              <span className="hint">{adapter}</span>
            ),
          }))}
          chosen={chosen}
          onChange={onChange}
          hook="platform"
        />
      )}
    </Shown>
  );
}
