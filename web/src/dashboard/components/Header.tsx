import { reachable } from '../../shared/api';
import { session } from '../../shared/current';
import { socketState } from '../../shared/socket';
import { useStore } from '../../shared/store';
import { useQuery } from '../data/hooks';
import { ViewerQuery } from '../data/operations';
import { label } from '../format';
import { Icon, type IconName } from './Icons';
import { linkState } from './linkState';
import { isEngine } from './Sections';

const places: { view: string; name: string; icon: IconName }[] = [
  { view: 'overview', name: 'Overview', icon: 'overview' },
  { view: 'leads', name: 'Leads', icon: 'leads' },
  { view: 'jobs', name: 'Jobs', icon: 'jobs' },
  { view: 'imports', name: 'Imports', icon: 'imports' },
  { view: 'check', name: 'Check', icon: 'check' },
];

/** The place in the header that a view belongs to. */
const current = (view: string) => (isEngine(view) ? 'jobs' : view);

function Connection() {
  const link = linkState(useStore(reachable), useStore(socketState));
  return (
    <span className="connection" role="status" data-testid="connection" data-state={link.state}>
      <span className="dot" aria-hidden="true" />
      <span className="connection-text">{link.text}</span>
    </span>
  );
}

function Caller() {
  const { data } = useQuery(ViewerQuery, {});
  if (data === null) return null;
  const { name, role, seesWholeNumbers } = data.viewer;
  return (
    <span
      className="caller"
      title={seesWholeNumbers ? 'Sees whole numbers' : 'Sees masked numbers'}
      data-testid="viewer"
      data-role={role}
    >
      <span className="caller-name">{name}</span>
      <span className="badge neutral">{label(role)}</span>
    </span>
  );
}

export function Header({ view }: { view: string }) {
  return (
    <header className="header">
      <a className="brand" href="#/overview" aria-label="phoneregistry: overview">
        <img src="/favicon.svg" alt="" width="26" height="26" />
        <span>phoneregistry</span>
      </a>
      <nav className="nav" aria-label="Places">
        {places.map((place) => (
          <a
            key={place.view}
            href={`#/${place.view}`}
            aria-current={current(view) === place.view ? 'page' : undefined}
            data-testid={`nav-${place.view}`}
          >
            <Icon name={place.icon} />
            <span>{place.name}</span>
          </a>
        ))}
      </nav>
      <div className="header-end">
        <Connection />
        <Caller />
        <a className="header-link" href="/graphiql" data-testid="nav-graphiql">
          GraphiQL
        </a>
        <button type="button" className="header-link" onClick={() => session.signOut()} data-testid="sign-out">
          Sign out
        </button>
      </div>
    </header>
  );
}
