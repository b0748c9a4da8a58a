/** Follows a job that the running `sluice run` works on, through the state that both read. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type SluiceError, stopError } from '../../api/errors.ts';
import { isHeld } from '../../engine/jobs/control.ts';
import { readingFacts } from '../../engine/jobs/facts.ts';
import { startProgress } from '../../observe/progress.ts';
import { standingsOf } from '../../observe/standing.ts';
import type { StatePlace } from '../../state/files.ts';
import { isStateInUse, openState } from '../../state/sqlite.ts';
import type { JobRow, StateStore } from '../../state/store.ts';
import type { CommandContext } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type JobResult, resultOf } from '../shared/jobs.ts';
import { heldUp } from '../shared/own-job.ts';
import { printResult } from '../shared/result.ts';

const POLL_MS = 500;
/** To look whether a process still has the state takes the lock for a moment, so it is done at every tenth poll. */
const ALIVE_EVERY = 10;

/**
 * Ends when the job is done, has failed, or no process works on it any more. False when none ever did: the process that had
 * the state was busy with something else.
 */
export async function followJob(cli: Cli, context: CommandContext, job: JobRow, json: boolean): Promise<boolean> {
  const { state } = context;
  const store = openState({ ...state, now: cli.now, exclusive: false });
  const startedAtMs = cli.now();
  try {
    const standing = standingsOf(store, job, {
      now: cli.now,
      facts: await readingFacts(context.config, context.tools),
    });
    const progress = startProgress({
      title: 'backfill',
      cli,
      talk: context.talk,
      standing,
    });
    const last = await waitFor(cli, store, job, state).finally(progress.stop);
    if (last === undefined) return false;
    const done = last.status === 'done';
    printResult(cli, { id: job.id, done }, resultsOf(cli, store, job, startedAtMs), json);
    if (last.status === 'paused' || last.status === 'cancelled') throw heldUp(job.id, last.status);
    if (!done) throw unfinished(cli, last);
    return true;
  } finally {
    store.close();
  }
}

async function waitFor(cli: Cli, store: StateStore, job: JobRow, state: StatePlace): Promise<JobRow | undefined> {
  let wasTaken = false;
  for (let look = 1; ; look++) {
    const row = store.jobs().find(({ id }) => id === job.id) ?? job;
    wasTaken ||= row.status !== 'waiting';
    if (row.status === 'done' || isHeld(row) || cli.signal.aborted) return row;
    if (row.status === 'failed' && look > ALIVE_EVERY) return row; // a failure of an earlier attempt is taken up first
    if (look % ALIVE_EVERY === 0 && !isStateInUse(state))
      return wasTaken ? { ...row, message: 'the Sluice that worked on it has stopped' } : undefined;
    await sleep(POLL_MS, undefined, { signal: cli.signal }).catch(() => {});
  }
}

function resultsOf(cli: Cli, store: StateStore, job: JobRow, startedAtMs: number): JobResult[] {
  const since = Math.min(job.createdAtMs, startedAtMs);
  return job.pipelines.map((name) => resultOf(name, store.pipeline(name), job, since, cli.now()));
}

function unfinished(cli: Cli, job: JobRow): SluiceError {
  if (cli.signal.aborted) {
    const advice = 'The running Sluice goes on with it; the same command follows it again.';
    return stopError(`stopped following backfill ${job.id}`, advice);
  }
  return stopError(
    `backfill ${job.id} is not finished: ${job.message ?? job.status}`,
    'Start `sluice run` again, or give the same command again once the cause is mended: it goes on where it stopped.',
  );
}
