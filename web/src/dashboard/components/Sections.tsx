const sections = [
  { view: 'jobs', name: 'Jobs' },
  { view: 'schedules', name: 'Schedules' },
  { view: 'workers', name: 'Workers' },
  { view: 'webhooks', name: 'Webhooks' },
];

/** Whether a place belongs to the job engine, which has places of its own. */
export const isEngine = (view: string) => sections.some((section) => section.view === view);

/** The places of the job engine, beside one another. */
export function Sections({ view }: { view: string }) {
  return (
    <nav className="sections" aria-label="Job engine">
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
