/** What a person does with a job: pause it, go on with it, cancel it. Through the state, so that it reaches whoever works on it. */
import { usageError } from '../../api/errors.ts';
import type { JobRow, StateStore } from '../../state/store.ts';
import { walkOf } from '../schedule.ts';

export type JobSwitch = 'pause' | 'resume' | 'cancel';

const BECOMES = { pause: 'paused', resume: 'waiting', cancel: 'cancelled' } as const;

/** Nothing is worked on any more. */
export function isOver({ status }: Pick<JobRow, 'status'>): boolean {
  return status === 'done' || status === 'cancelled';
}

/** Not worked on for now, or not any more, since a person said so. */
export function isHeld({ status }: Pick<JobRow, 'status'>): boolean {
  return status === 'paused' || status === 'cancelled';
}

/** Throws for a job that is not there, or is over. Whoever works on it sees it within a second or two. */
export function switchJob(
  store: Pick<StateStore, 'jobs' | 'turnJob'>,
  id: number,
  to: JobSwitch,
  message?: string,
): JobRow {
  const before = store.jobs().find((job) => job.id === id);
  if (before === undefined)
    throw usageError(`there is no job ${id}`, '`sluice jobs list --all` shows those there are.');
  const isAsWanted = before.status === BECOMES[to];
  if (!isAsWanted && !store.turnJob(id, BECOMES[to], message)) {
    const now = store.jobs().find((job) => job.id === id) ?? before;
    throw usageError(`job ${id} is ${now.status} already`, 'Begin another one with `sluice backfill`.');
  }
  return store.jobs().find((job) => job.id === id) as JobRow;
}

/**
 * Ends the walks of a cancelled job, but for those that are under way. What they delivered stays; what they did not read is
 * in `sluice gaps`. Returns whether all of them have ended.
 */
export function endWalks(
  store: Pick<StateStore, 'pipeline'>,
  job: JobRow,
  nowMs: number,
  isUnderWay: (pipeline: string, walk: string) => boolean = () => false,
): boolean {
  const { id } = walkOf(job);
  let isEnded = true;
  for (const name of job.pipelines) {
    if (isUnderWay(name, id)) isEnded = false;
    else store.pipeline(name).cancel(id, nowMs);
  }
  return isEnded;
}
