import { describe, expect, it } from 'vitest';
import { ApiError } from '../../shared/errors';
import { readAnswer, uploadAddress } from './uploadAnswer';

describe('uploadAddress', () => {
  it('describes the file, and leaves out what was not given', () => {
    const file = { name: 'mayo & junio.csv' };
    expect(uploadAddress({ file, source: 'web_forms', region: 'CO', area: '601' })).toBe(
      '/v1/imports?source=web_forms&file_name=mayo+%26+junio.csv&region=CO&area=601',
    );
    expect(uploadAddress({ file, source: 'web_forms', region: '', area: '' })).toBe(
      '/v1/imports?source=web_forms&file_name=mayo+%26+junio.csv',
    );
  });
});

describe('readAnswer', () => {
  it.each([
    [202, '{"id":"imp_1","status":"QUEUED","alreadyImported":false}', false],
    [200, '{"id":"imp_1","status":"COMPLETED","alreadyImported":true}', true],
    [202, '{"id":"imp_1"}', false],
  ])('takes %d %s', (status, text, alreadyImported) => {
    expect(readAnswer(status, text, null)).toEqual({ id: 'imp_1', alreadyImported });
  });

  it.each([
    [400, '{"error":{"code":"EMPTY_FILE","message":"The file is empty."}}', 'request', 'The file is empty.', 'EMPTY_FILE'],
    [403, '{"error":{"code":"FORBIDDEN","message":"Takes an operator."}}', 'forbidden', 'Takes an operator.', 'FORBIDDEN'],
    [401, '{"error":{"code":"UNAUTHENTICATED","message":"x"}}', 'unauthorized', 'The server did not accept the token.', null],
    [502, '<html>', 'network', 'The server is not ready. Trying again by itself.', null],
    [413, '', 'limit', 'That is more than the server takes at once.', null],
    [202, '{}', 'server', 'The server’s answer could not be read.', null],
    [200, 'null', 'server', 'The server’s answer could not be read.', null],
  ])('refuses %d %s', (status, text, kind, message, code) => {
    let thrown: unknown;
    try {
      readAnswer(status, text, null);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ApiError);
    expect(thrown).toMatchObject({ kind, message, code });
  });
});
