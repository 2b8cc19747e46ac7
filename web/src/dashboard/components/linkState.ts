import type { SocketState } from '../../shared/socket';

export interface Link {
  state: 'live' | 'connected' | 'reconnecting' | 'away';
  text: string;
}

/** How the page stands with the server, in a word. */
export function linkState(isReachable: boolean, socket: SocketState): Link {
  if (!isReachable) return { state: 'away', text: 'Server away' };
  if (socket === 'waiting') return { state: 'reconnecting', text: 'Reconnecting' };
  if (socket === 'open') return { state: 'live', text: 'Live' };
  return { state: 'connected', text: 'Connected' };
}
