import { useEffect, useRef, type ReactNode } from 'react';
import { Loading, Problem } from './components/Bits';
import { Gate } from './components/Gate';
import { Header } from './components/Header';
import { Held } from './components/Held';
import { Sections } from './components/Sections';
import { useQuery } from './data/hooks';
import { ViewerQuery, type Scope } from './data/viewerOperations';
import { useRoute, type Route } from './router';
import { AccessLog } from './views/AccessLog';
import { ApiKeys } from './views/ApiKeys';
import { Check } from './views/Check';
import { ImportDetail } from './views/ImportDetail';
import { Imports } from './views/Imports';
import { JobDetail } from './views/JobDetail';
import { Jobs } from './views/Jobs';
import { Leads } from './views/Leads';
import { Overview } from './views/Overview';
import { ScheduleDetail } from './views/ScheduleDetail';
import { NewSchedule } from './views/ScheduleEditor';
import { Schedules } from './views/Schedules';
import { StartJob } from './views/StartJob';
import { Webhooks } from './views/Webhooks';
import { Workers } from './views/Workers';

interface Place {
  title: string;
  body: ReactNode;
  /** What the caller needs to hold; READ unless told. */
  scope?: Scope;
}

function place({ view, id, query }: Route): Place {
  switch (view) {
    case 'overview':
      return { title: 'Overview', body: <Overview /> };
    case 'leads':
      return { title: 'Leads', body: <Leads key={query.toString()} tier={query.get('tier')} region={query.get('region')} /> };
    case 'jobs':
      if (id === 'new') return { title: 'Start a job', scope: 'JOBS', body: <StartJob importId={query.get('import')} /> };
      if (id !== null) return { title: 'Job', body: <JobDetail key={id} id={id} /> };
      return { title: 'Jobs', body: <Jobs state={query.get('state')} /> };
    case 'schedules':
      if (id === 'new') return { title: 'New schedule', scope: 'JOBS', body: <NewSchedule /> };
      if (id !== null) return schedule(id, query.has('edit'));
      return { title: 'Schedules', body: <Schedules /> };
    case 'webhooks':
      return { title: 'Webhooks', scope: 'ADMINISTER', body: <Webhooks id={id} edit={query.has('edit')} /> };
    case 'workers':
      return { title: 'Platforms and workers', body: <Workers /> };
    case 'imports':
      if (id !== null) return { title: 'Import', body: <ImportDetail key={id} id={id} /> };
      return { title: 'Imports', body: <Imports /> };
    case 'check':
      return { title: 'Check a number', body: <Check /> };
    case 'keys':
      return { title: 'API keys', scope: 'ADMINISTER', body: <ApiKeys id={id} /> };
    case 'access-log':
      return { title: 'Access log', scope: 'ADMINISTER', body: <AccessLog key={query.toString()} actor={query.get('actor') ?? ''} /> };
  }
  return {
    title: 'Not found',
    body: (
      <p data-testid="not-found">
        There is nothing at this address. <a href="#/overview">Go to the overview.</a>
      </p>
    ),
  };
}

function schedule(id: string, edit: boolean): Place {
  const body = <ScheduleDetail key={id} id={id} edit={edit} />;
  return edit ? { title: 'Change a schedule', scope: 'JOBS', body } : { title: 'Schedule', body };
}

/** Asks first who the caller is: nothing else is fetched with a token that is not good. */
export function App() {
  const viewer = useQuery(ViewerQuery, {});
  if (viewer.data !== null) return <Places />;
  return (
    <main className="main" data-testid="connecting">
      <Held />
      {viewer.error ? <Problem error={viewer.error} retry={viewer.refetch} /> : <Loading lines={6} />}
    </main>
  );
}

function Places() {
  const route = useRoute();
  const { title, body, scope = 'READ' } = place(route);
  const main = useRef<HTMLElement>(null);
  const at = `${route.view}/${route.id ?? ''}`;
  const seen = useRef(at);

  useEffect(() => {
    document.title = `${title} · phoneregistry`;
    if (seen.current === at) return;
    seen.current = at;
    // A change of place is a new page: start at its top, also for the keyboard.
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [at, title]);

  return (
    <div className="app">
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <Header view={route.view} />
      <main className="main" ref={main} tabIndex={-1} data-testid={`view-${route.view}`}>
        <Held />
        <Sections view={route.view} />
        <Gate scope={scope} title={title}>
          {body}
        </Gate>
      </main>
    </div>
  );
}
