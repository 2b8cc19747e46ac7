// Sending a file to POST /v1/imports. XMLHttpRequest, because fetch does not tell how much of a
// body has been sent.
import { session } from '../../shared/current';
import { ApiError, asApiError, errorOfStatus, unreachable } from '../../shared/errors';

export interface Upload {
  file: File;
  source: string;
  region: string;
  area: string;
}

export interface Accepted {
  id: string;
  /** The same file was imported before; nothing was changed. */
  alreadyImported: boolean;
}

/** The address of an upload. Only what describes the file goes into it. */
export function uploadAddress({ file, source, region, area }: Pick<Upload, 'source' | 'region' | 'area'> & { file: { name: string } }): string {
  const query = new URLSearchParams({ source, file_name: file.name });
  if (region !== '') query.set('region', region);
  if (area !== '') query.set('area', area);
  return `/v1/imports?${query.toString()}`;
}

/** What the server answered, as the import it accepted. Throws an ApiError for a refusal. */
export function readAnswer(status: number, text: string, retryAfter: string | null): Accepted {
  let body: { id?: unknown; alreadyImported?: unknown; error?: { code?: unknown; message?: unknown } } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // No JSON, as from a proxy: the status alone tells.
  }
  const failed = errorOfStatus(status, retryAfter);
  if (failed) {
    const { message, code } = body.error ?? {};
    if (failed.kind === 'unauthorized' || typeof message !== 'string') throw failed;
    throw new ApiError(failed.kind, message, typeof code === 'string' ? code : null);
  }
  if (typeof body.id !== 'string') throw new ApiError('server', 'The server’s answer could not be read.');
  return { id: body.id, alreadyImported: body.alreadyImported === true };
}

/** Sends the file; `onSent` is told the part that is on its way, 0 to 1. */
export function upload(what: Upload, onSent: (part: number) => void, signal: AbortSignal): Promise<Accepted> {
  const token = session.token ?? '';
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open('POST', uploadAddress(what));
    xhr.setRequestHeader('Authorization', `Bearer ${token}`);
    xhr.setRequestHeader('Content-Type', 'text/csv');
    xhr.upload.onprogress = (event) => {
      if (event.lengthComputable) onSent(event.loaded / event.total);
    };
    xhr.onerror = () => reject(unreachable());
    xhr.onabort = () => reject(new ApiError('request', 'The upload was stopped.'));
    xhr.onload = () => {
      if (xhr.status === 401) session.refused(token);
      try {
        resolve(readAnswer(xhr.status, xhr.responseText, xhr.getResponseHeader('Retry-After')));
      } catch (error) {
        reject(asApiError(error));
      }
    };
    signal.addEventListener('abort', () => xhr.abort());
    xhr.send(what.file);
  });
}
