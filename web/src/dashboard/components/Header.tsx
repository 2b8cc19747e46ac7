import { reachable } from '../../shared/api';
import { session } from '../../shared/current';
import { Purpose } from '../../shared/Purpose';
import { socketState } from '../../shared/socket';
import { useStore } from '../../shared/store';
import { checkPurpose } from '../data/viewer';
import type { Scope } from '../data/viewerOperations';
import { label } from '../format';
import { roles } from '../roles';
import { Icon, type IconName } from './Icons';
import { linkState } from './linkState';
import { placeOf } from './Sections';
import { useViewer } from './useCaller';
import { useGraphiQL } from './useGraphiQL';

const places: { view: string; name: string; icon: IconName; scope: Scope }[] = [
  { view: 'overview', name: 'Overview', icon: 'overview', scope: 'READ' },
  { view: 'leads', name: 'Leads', icon: 'leads', scope: 'READ' },
  { view: 'jobs', name: 'Jobs', icon: 'jobs', scope: 'READ' },
  { view: 'imports', name: 'Imports', icon: 'imports', scope: 'READ' },
  { view: 'check', name: 'Check', icon: 'check', scope: 'READ' },
  { view: 'keys', name: 'Access', icon: 'access', scope: 'ADMINISTER' },
];

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
  const viewer = useViewer();
  if (viewer === null) return null;
  const { name, role, seesWholeNumbers } = viewer;
  return (
    <span
      className="caller"
      title={`${roles[role].about}. ${seesWholeNumbers ? 'Sees whole numbers now' : 'Sees masked numbers now'}.`}
      data-testid="viewer"
      data-role={role}
      data-whole={seesWholeNumbers}
    >
      <span className="caller-name">{name}</span>
      <span className="badge neutral">{label(role)}</span>
    </span>
  );
}

export function Header({ view }: { view: string }) {
  const viewer = useViewer();
  const hasGraphiQL = useGraphiQL();
  const may = (scope: Scope) => viewer?.scopes.includes(scope) ?? false;
  return (
    <div className="top">
      <header className="header">
        <a className="brand" href="#/overview" aria-label="phoneregistry: overview">
          <img src="/favicon.svg" alt="" width="26" height="26" />
          <span>phoneregistry</span>
        </a>
        <nav className="nav" aria-label="Places">
          {places.filter(({ scope }) => may(scope)).map((place) => (
            <a
              key={place.view}
              href={`#/${place.view}`}
              aria-current={placeOf(view) === place.view ? 'page' : undefined}
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
          {hasGraphiQL && (
            <a className="header-link" href="/graphiql" data-testid="nav-graphiql">
              GraphiQL
            </a>
          )}
          <button type="button" className="header-link" onClick={() => session.signOut()} data-testid="sign-out">
            Sign out
          </button>
        </div>
      </header>
      {may('REVEAL') && <Purpose optional={viewer?.role === 'ADMIN'} check={checkPurpose} />}
    </div>
  );
}
