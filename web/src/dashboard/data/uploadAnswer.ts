// What is said to and heard from POST /v1/imports.
import { ApiError, errorOfStatus } from '../../shared/errors';

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
    body = (JSON.parse(text) as typeof body | null) ?? {};
  } catch {
    // No JSON, as from a proxy: the status alone tells.
  }
  const failed = errorOfStatus(status, retryAfter);
  if (failed) {
    const { message, code } = body.error ?? {};
    if (failed.kind === 'unauthorized' || typeof message !== 'string') throw failed;
    throw new ApiError(failed.kind, message, { code: typeof code === 'string' ? code : null, waitMs: failed.waitMs });
  }
  if (typeof body.id !== 'string') throw new ApiError('server', 'The server’s answer could not be read.');
  return { id: body.id, alreadyImported: body.alreadyImported === true };
}
