// The headers by which the server knows who asks, and for what.
import type { Session } from './session';

/** What fetch takes for a header: each character is one byte, here those of UTF-8. */
function bytesOf(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

/** The headers of a caller. */
export function headersOf({ token, purpose }: Pick<Session, 'token' | 'purpose'>): Record<string, string> {
  return {
    Authorization: `Bearer ${token ?? ''}`,
    ...(purpose === null ? {} : { 'X-Purpose': bytesOf(purpose) }),
  };
}
