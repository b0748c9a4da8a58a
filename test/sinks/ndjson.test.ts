import { expect, test } from 'vitest';
import { diskError } from '../../src/sinks/ndjson/errors.ts';

const met = (code: string) => diskError('/out', Object.assign(new Error(`${code}: odd`), { code }));

test.each(['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'EBUSY', 'EAGAIN', 'ESTALE', 'ENOENT', 'ETIMEDOUT'])(
  'a disk that says %s is waited for',
  (code) => {
    expect(met(code)).toMatchObject({ action: 'retry', waitMs: 30_000, advice: expect.stringContaining('goes on') });
  },
);

test.each(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENAMETOOLONG', 'ERR_INVALID_ARG_TYPE', ''])(
  'only a person can help with %j',
  (code) => {
    expect(met(code)).toMatchObject({ action: 'stop', waitMs: undefined });
  },
);
