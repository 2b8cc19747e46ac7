import type { ReactNode } from 'react';
import { useMayOperate } from './useCaller';

interface Props {
  href: string;
  primary?: boolean;
  children: ReactNode;
  testId?: string;
}

/** A way to something that only operators may do; nothing for everybody else. */
export function OperatorLink({ href, primary = false, children, testId }: Props) {
  if (!useMayOperate()) return null;
  return (
    <a className={`button${primary ? ' primary' : ''}`} href={href} data-testid={testId}>
      {children}
    </a>
  );
}
