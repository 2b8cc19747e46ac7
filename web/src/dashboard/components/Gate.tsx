import type { ReactNode } from 'react';
import type { Scope, Viewer } from '../data/viewerOperations';
import { label } from '../format';
import { roles, rolesWith, scopes } from '../roles';
import { Loading } from './Bits';
import { useViewer } from './useCaller';

interface Props {
  scope: Scope;
  title: string;
  children: ReactNode;
}

/** A page that needs a scope. Who does not hold it is told so; nothing is asked of the server. */
export function Gate({ scope, title, children }: Props) {
  const viewer = useViewer();
  if (viewer === null) return <Loading />;
  if (viewer.scopes.includes(scope)) return children;
  return (
    <>
      <div className="page-head">
        <h1>{title}</h1>
      </div>
      <div className="note" data-testid="needs-scope" data-scope={scope}>
        <p>
          This page needs the scope <strong>{label(scope)}</strong>: {scopes[scope]}
        </p>
        <p>{reason(viewer, scope)}</p>
      </div>
    </>
  );
}

function reason({ role }: Viewer, scope: Scope): string {
  if (roles[role].scopes.includes(scope)) return `Your role ${label(role)} has it, but your key was restricted and does not.`;
  return `Your role ${label(role)} does not have it. Roles that do: ${rolesWith(scope).map(label).join(', ')}.`;
}
