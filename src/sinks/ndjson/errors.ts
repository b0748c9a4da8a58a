/** What an error of the disk means: whether it may be over soon, and what a person can do. */
import { messageOf, SluiceError } from '../../api/errors.ts';
import { HANDLES_ADVICE } from '../../system/handles.ts';

/** A disk in trouble is asked again after so long; `recover` cuts what was half written. */
const WAIT_MS = 30_000;

/** No disk mends these by itself: the path, what lies there, or what this user may do. */
const FOR_A_PERSON = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENAMETOOLONG', 'ELOOP', 'EINVAL'];

const GOES_ON = 'Sluice goes on after the last committed document.';
const ELSEWHERE = 'Something else has this name: choose another path for the sink.';
const MAY_WRITE = 'Let the user that Sluice runs as write there, or choose another path for the sink.';
const ADVICE: Record<string, string> = {
  ENOSPC: `Free some space: ${GOES_ON}`,
  EDQUOT: `Raise the quota: ${GOES_ON}`,
  EMFILE: `${HANDLES_ADVICE} ${GOES_ON}`,
  ENFILE: `${HANDLES_ADVICE} ${GOES_ON}`,
  EACCES: MAY_WRITE,
  EPERM: MAY_WRITE,
  EEXIST: ELSEWHERE,
  ENOTDIR: ELSEWHERE,
  EROFS: 'The file system is read-only: mount it writable, or choose another path for the sink.',
};

/** What the sink throws for an error that was met below its path. One that is no error of the operating system is a fault of ours. */
export function diskError(path: string, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  const mayPass = /^E(?!RR_)[A-Z0-9]+$/.test(code) && !FOR_A_PERSON.includes(code);
  const usual = mayPass ? `Check the disk: ${GOES_ON}` : 'Check the path of the sink and start again: nothing is lost.';
  const waiting = mayPass ? { action: 'retry' as const, waitMs: WAIT_MS } : { action: 'stop' as const };
  return new SluiceError(`cannot write to ${path}: ${code === 'ENOSPC' ? 'the disk is full' : messageOf(error)}`, {
    ...waiting,
    advice: ADVICE[code] ?? usual,
    cause: error,
  });
}
