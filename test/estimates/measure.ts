/** A backfill that `run` works on, looked at through the state while it goes on: what was estimated against what happened. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { streams } from '../../connectors/index.ts';
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

/** How a pipeline of the config is read, by the defaults. */
export function factsAt(requestsPerSecond: number): (pipeline: string) => ReadingFacts | undefined {
  const all = new Map<string, ReadingFacts>(
    streams.map(({ stream: { name, mode, detail } }) => [
      name,
      { pageSize: 200, maxWindowRecords: 10_000, requestsPerSecond, hasDetails: detail !== undefined, mode },
    ]),
  );
  return (pipeline) => all.get(pipeline.split('/')[1] ?? '');
}

/** Hands a backfill to a running Sluice, and looks at it twice a second until it is done. */
export async function measureBackfill(
  place: Workplace,
  facts: (pipeline: string) => ReadingFacts | undefined,
  ...more: string[]
): Promise<Measured> {
  const running = place.start('run');
  await until(() => /\d pipelines?/.test(running.said()));
  // The live edge has read its first range: the backfill has the budget for itself.
  await sleep(3000);
  const { start } = place.simulator.range;
  const handed = await place.sluice('backfill', '--from', start, '--detach', ...more);
  if (handed.code !== 0) throw new Error(handed.stderr);
  const store = openState({ path: join(place.folder, 'sluice-state'), now: Date.now, exclusive: false });
  try {
    const begun = store.jobs().at(-1)?.createdAtMs ?? Date.now();
    const samples: Sample[] = [];
    for (;;) {
      const nowMs = Date.now();
      const view = jobViews(store, { nowMs, all: true, facts }).at(-1);
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

/** What is in the files. */
export function shippedBy(place: Workplace): { documents: number; bytes: number; alerts: number } {
  const out = join(place.folder, 'sluice-out');
  const names = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.ndjson'));
  const texts = names.map((name) => readFileSync(join(out, name), 'utf8'));
  const lines = texts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
  const kinds = lines.map((line) => (JSON.parse(line) as { event: { kind: string } }).event.kind);
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  return { documents: lines.length, bytes, alerts: kinds.filter((kind) => kind === 'alert').length };
}
