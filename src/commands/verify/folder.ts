/** A folder beside the state for what is read to compare: for one comparison at a time, and removed in the end. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { stopError } from '../../api/errors.ts';
import { type StatePlace, secureFiles } from '../../state/files.ts';
import { takeLock } from '../../system/os-lock.ts';
import { makeFile, makeFolder } from '../../system/private-files.ts';

/** `folder` makes one for the pipeline. What a process that died has left is removed first. */
export async function withFolder<T>(
  place: StatePlace,
  work: (folder: (pipeline: string) => string) => Promise<T>,
): Promise<T> {
  secureFiles(place);
  const lockFile = join(place.path, 'verify.lock');
  makeFile(lockFile, 0o600, place);
  const lock = takeLock(lockFile, 0);
  if (lock === undefined)
    throw stopError(`another comparison with the state in ${place.path} is under way`, 'Wait until it has ended.');
  const whole = join(place.path, 'verify');
  try {
    rmSync(whole, { recursive: true, force: true });
    return await work((pipeline) => {
      const path = join(whole, pipeline.replaceAll('/', ' '));
      makeFolder(path, place);
      return path;
    });
  } finally {
    rmSync(whole, { recursive: true, force: true });
    lock.close();
  }
}
