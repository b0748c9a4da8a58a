/** A backfill that `run` works on, looked at through the state while it goes on: what was estimated against what happened. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReadingFacts } from '../../src/engine/jobs/estimate.ts';
import { type JobView, jobViews } from '../../src/engine/jobs/views.ts';
import { openState } from '../../src/state/sqlite.ts';
import { until, type Workplace } from '../cli/binary.ts';

export interface Sample {
  /** Since the job was begun. */
  atMs: number;
  part: number;
  leftMs: number | undefined;
  finished: number;
  documents: number;
}

export interface Measured {
  tookMs: number;
  samples: Sample[];
  last: JobView;
}

/** How the detections of the config are read: its defaults. */
export function detectionFacts(requestsPerSecond: number): ReadingFacts {
  return { pageSize: 200, maxWindowRecords: 9000, requestsPerSecond, hasDetails: true, mode: 'windows' };
}

/** Hands a backfill to a running Sluice, and looks at it twice a second until it is done. */
export async function measureBackfill(place: Workplace, facts: ReadingFacts, ...more: string[]): Promise<Measured> {
  const running = place.start('run');
  await until(() => /1 pipeline/.test(running.said()));
  // The live edge has read its first range: the backfill has the budget for itself.
  await sleep(3000);
  const { start } = place.simulator.range;
  const handed = await place.sluice('backfill', '--from', start, '--detach', ...more);
  if (handed.code !== 0) throw new Error(handed.stderr);
  const store = openState({ path: join(place.folder, 'sluice-state'), now: Date.now, exclusive: false });
  try {
    const begun = store.jobs()[0]?.createdAtMs ?? Date.now();
    const samples: Sample[] = [];
    for (;;) {
      const nowMs = Date.now();
      const [view] = jobViews(store, { nowMs, all: true, facts: () => facts });
      if (view === undefined) throw new Error('there is no job');
      if (view.status === 'done') return { tookMs: nowMs - begun, samples, last: view };
      if (view.status === 'failed') throw new Error(view.message);
      const { part, leftMs, finished, documents } = view;
      samples.push({ atMs: nowMs - begun, part, leftMs, finished, documents });
      await sleep(500);
    }
  } finally {
    store.close();
    running.child.kill('SIGTERM');
    await running.ended;
  }
}

/** By how much, as a part of the whole, the estimates from then on were wrong at most; `Infinity` where there was none. */
export function worstError({ samples, tookMs }: Measured, fromPart = 0.1): { worst: number; at: Sample | undefined } {
  let worst = 0;
  let at: Sample | undefined;
  for (const sample of samples) {
    // A tenth of the work, as it turned out to be: not as it was estimated.
    if (sample.atMs / tookMs < fromPart) continue;
    const error = sample.leftMs === undefined ? Infinity : Math.abs(sample.atMs + sample.leftMs - tookMs) / tookMs;
    if (error <= worst) continue;
    worst = error;
    at = sample;
  }
  return { worst, at };
}
