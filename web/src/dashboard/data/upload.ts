// Sending a file to POST /v1/imports. XMLHttpRequest, because fetch does not tell how much of a
// body has been sent.
import { session } from '../../shared/current';
import { ApiError, asApiError, unreachable } from '../../shared/errors';
import { readAnswer, uploadAddress, type Accepted, type Upload } from './uploadAnswer';

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
