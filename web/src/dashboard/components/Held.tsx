import { cache } from '../data/hooks';
import { duration } from '../format';
import { useStore } from '../../shared/store';
import { useSeconds } from './useNow';

/** Says that the page waits because the server was asked too much, and that it goes on by itself. */
export function Held() {
  const until = useStore(cache.hold);
  return until > 0 ? <Countdown until={until} /> : null;
}

function Countdown({ until }: { until: number }) {
  const left = Math.max(1, Math.ceil((until - useSeconds()) / 1000));
  return (
    <div className="held" role="status" data-testid="held">
      <strong>The server takes no more requests for now.</strong> <span aria-hidden="true">This page goes on by itself in {duration(left)}.</span>
      <span className="sr-only">This page goes on by itself.</span>
    </div>
  );
}
