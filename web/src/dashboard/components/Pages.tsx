import { Fragment, useState, type ReactNode } from 'react';
import { session } from '../../shared/current';
import { useStore } from '../../shared/store';

interface Props {
  /**
   * Renders the page behind a cursor; null is the first. A page that has a successor puts what
   * `onNext` returns for its end cursor below itself: a button that loads the successor.
   */
  render: (after: string | null, onNext: (cursor: string) => ReactNode) => ReactNode;
}

/** A list that grows by pages when asked. Each page fetches itself. Another purpose may mean another order: it begins anew. */
export function Pages({ render }: Props) {
  const { purpose } = useStore(session.store);
  return <Grown key={purpose ?? ''} render={render} />;
}

function Grown({ render }: Props) {
  const [cursors, setCursors] = useState<readonly (string | null)[]>([null]);
  return cursors.map((after, i) => (
    <Fragment key={after ?? ''}>
      {render(after, (cursor) =>
        i === cursors.length - 1 ? (
          <button
            type="button"
            className="button more"
            onClick={() => setCursors([...cursors, cursor])}
            data-testid="load-more"
          >
            Load more
          </button>
        ) : null,
      )}
    </Fragment>
  ));
}
