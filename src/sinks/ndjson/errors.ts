/** What an error of the disk means: whether it may be over soon, and what a person can do. */
import { messageOf, NOTHING_LOST, SluiceError } from '../../api/errors.ts';
import { HANDLES_ADVICE } from '../../system/handles.ts';

/** A disk in trouble is tried again after this pause; `recover` cuts what was half written. */
const WAIT_MS = 30_000;

/** Errors that do not pass by themselves: the path is wrong, or what lies there, or what this user may do. */
const FOR_A_PERSON = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENAMETOOLONG', 'ELOOP', 'EINVAL'];

const ELSEWHERE = 'Something else has this name: choose another path for the sink.';
const MAY_WRITE = 'Let the user that Sluice runs as write there, or choose another path for the sink.';
const ADVICE: Record<string, string> = {
  ENOSPC: `Free some space. ${NOTHING_LOST}`,
  EDQUOT: `Raise the quota. ${NOTHING_LOST}`,
  EMFILE: `${HANDLES_ADVICE} ${NOTHING_LOST}`,
  ENFILE: `${HANDLES_ADVICE} ${NOTHING_LOST}`,
  EACCES: MAY_WRITE,
  EPERM: MAY_WRITE,
  EEXIST: ELSEWHERE,
  ENOTDIR: ELSEWHERE,
  EROFS: 'The file system is read-only: mount it writable, or choose another path for the sink.',
};

/** The sink's error for one met below its path. One that is not of the operating system is a fault of Sluice. */
export function diskError(path: string, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  const mayPass = /^E(?!RR_)[A-Z0-9]+$/.test(code) && !FOR_A_PERSON.includes(code);
  const waiting = mayPass ? { action: 'retry' as const, waitMs: WAIT_MS } : { action: 'stop' as const };
  return new SluiceError(`cannot write to ${path}: ${code === 'ENOSPC' ? 'the disk is full' : messageOf(error)}`, {
    ...waiting,
    advice: ADVICE[code] ?? `Check the ${mayPass ? 'disk' : 'path of the sink'}. ${NOTHING_LOST}`,
    cause: error,
  });
}
