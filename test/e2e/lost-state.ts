/**
 * The state is lost after a tenant lived for a while, rebuilt from the sink, killed half-way, and rebuilt again: shared by the
 * proofs for every sink.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { committedRevisions, committedRows, confirmCommitted } from './committed.ts';
import { refuseTrouble, runUntilQuiet } from './kills.ts';
import { type Place, until } from './place.ts';

export const LOST_DETECTIONS = Number(process.env.SLUICE_LOST_DETECTIONS ?? 1500);

/** About half of the changes happen before the state is lost. */
export function livingThatLosesItsState(n: number) {
  return {
    ...{ arrivals: n, lateArrivals: n / 2, statusChanges: n, returns: n / 2, commentChanges: n / 2 },
    ...{ responseChanges: n / 2, deletions: n / 2, dwellMs: 100, everyRequests: 0, everyMs: 20, confirm: true },
  };
}

export interface LostState {
  place: Place;
  /** Of all documents in the sink. */
  documents(): Promise<number>;
  cleanups: (() => Promise<unknown>)[];
}

/** Ends when the tenant is at rest; what the sink holds is then the whole truth, or something is wrong. */
export async function proveRebuild({ place, documents, cleanups }: LostState): Promise<void> {
  const { simulator } = place;
  const state = join(place.folder, 'sluice-state');
  const confirmer = confirmCommitted(simulator, state);
  cleanups.push(confirmer.stop);

  const first = place.start('run');
  await until('half of the changes are delivered', 300_000, () => {
    expect(first.hasEnded()).toBeUndefined();
    const { revisions, detections } = simulator.summary();
    return committedRevisions(state, 1) >= detections + (revisions - detections) / 2;
  });
  simulator.pause();
  let last = -1;
  await until('nothing more arrives', 120_000, async () => {
    const before = last;
    last = committedRevisions(state, 1);
    await new Promise((resolve) => setTimeout(resolve, 2500)); // longer than sweeps and refreshes are apart
    return before === last;
  });
  refuseTrouble(await first.end('SIGTERM'), 'before the loss');
  const before = await documents();
  rmSync(state, { recursive: true });

  const dies = { NODE_OPTIONS: `--import ${join(import.meta.dirname, 'dies-at-commit.mjs')}` };
  const dead = await place.start(['state', 'rebuild'], dies).ended;
  expect(dead).toMatchObject({ signal: 'SIGKILL', stdout: '' });
  expect(committedRows(state)).toBeGreaterThan(0);
  const refused = await place.sluice('run', '--once');
  expect(refused.stderr).toMatch(/was not rebuilt to its end/);
  expect(refused.code).toBe(1);
  const rebuilt = await place.sluice('state', 'rebuild', '--json');
  expect({ code: rebuilt.code, stderr: rebuilt.stderr }).toMatchObject({ code: 0 });
  expect(JSON.parse(rebuilt.stdout)).toMatchObject({ documents: before, foreign: 0 });

  refuseTrouble(await place.sluice('run', '--once'), 'after the rebuild');
  expect(await documents()).toBe(before);
  simulator.resume();
  const ended = await runUntilQuiet(place, () => committedRevisions(state, 1), 300_000);
  refuseTrouble(ended, 'at the end');
  expect(ended.code).toBe(0);
  expect(simulator.stats()).toMatchObject({ pending: 0, unserved: 0 });
  expect(await documents()).toBeGreaterThan(before);
}
