import type { ReactNode } from 'react';
import type { Scope } from '../data/viewerOperations';
import { useMay } from './useCaller';

interface Props {
  /** What the caller needs to hold. */
  scope: Scope;
  href: string;
  primary?: boolean;
  children: ReactNode;
  testId?: string;
}

/** A way to something that needs a scope; nothing for those who do not hold it. */
export function ScopedLink({ scope, href, primary = false, children, testId }: Props) {
  if (!useMay(scope)) return null;
  return (
    <a className={`button${primary ? ' primary' : ''}`} href={href} data-testid={testId}>
      {children}
    </a>
  );
}
