import { request } from '../../shared/api';
import { session } from '../../shared/current';
import { ViewerQuery } from './viewerOperations';

/** Asks the server whether it takes a purpose: who asks with one that it does not take gets no answer at all. */
export function checkPurpose(purpose: string): Promise<unknown> {
  return request(ViewerQuery, {}, { session: { token: session.token, purpose, refused: (token) => session.refused(token) } });
}
