import type { Scope } from '../data/viewerOperations';
import { useViewer } from './useCaller';

interface Section {
  view: string;
  name: string;
  scope: Scope;
}

interface Group {
  /** The place in the header that it belongs to. */
  place: string;
  name: string;
  sections: readonly Section[];
}

const groups: readonly Group[] = [
  {
    place: 'jobs',
    name: 'Job engine',
    sections: [
      { view: 'jobs', name: 'Jobs', scope: 'READ' },
      { view: 'schedules', name: 'Schedules', scope: 'READ' },
      { view: 'workers', name: 'Workers', scope: 'READ' },
      { view: 'webhooks', name: 'Webhooks', scope: 'ADMINISTER' },
    ],
  },
  {
    place: 'keys',
    name: 'Access',
    sections: [
      { view: 'keys', name: 'API keys', scope: 'ADMINISTER' },
      { view: 'access-log', name: 'Access log', scope: 'ADMINISTER' },
    ],
  },
];

const groupOf = (view: string) => groups.find(({ sections }) => sections.some((section) => section.view === view));

/** The place in the header that a view belongs to. */
export const placeOf = (view: string): string => groupOf(view)?.place ?? view;

/** The places beside a view, of those that the caller may use. */
export function Sections({ view }: { view: string }) {
  const viewer = useViewer();
  const group = groupOf(view);
  const sections = group?.sections.filter(({ scope }) => viewer?.scopes.includes(scope)) ?? [];
  if (!group || sections.length === 0) return null;
  return (
    <nav className="sections" aria-label={group.name}>
      {sections.map((section) => (
        <a
          key={section.view}
          href={`#/${section.view}`}
          aria-current={view === section.view ? 'page' : undefined}
          data-testid={`section-${section.view}`}
        >
          {section.name}
        </a>
      ))}
    </nav>
  );
}
