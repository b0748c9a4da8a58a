/**
 * One reply of any length on its way into a sink, cut at five random places: twice the connection breaks, three times the
 * process is killed. Shared by the proofs for every sink; `GIANT` says how many results, of 1 KiB each.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Simulator } from '../../simulator/index.ts';
import { expectedRows } from '../engine/harness.ts';
import { seed } from '../seed.ts';
import { committedRows } from './committed.ts';
import { randomFrom, refuseTrouble } from './kills.ts';
import { BIN, type Child, configOf, openPlace, type Place } from './place.ts';

export const GIANT_STREAM = 'cylance.instaquery_result';
/**
 * 300 MB. Into files it stays below 230 MiB. Into Elasticsearch it is 235 to 267 from run to run of the same code on a
 * machine of two cores (237 to 245 before there was a status model), which is the collector's choice, not the reply's length.
 */
const MOST_MEMORY_MIB = 286;
const BREAKS = 2;
const KILLS = 3;

export interface GiantProof {
  results: number;
  sink: object;
  /** Commands before the first run. */
  setup?: string[];
  /** Calls back with the id of every document that a reader of the sink finds. */
  read(place: Place, each: (id: string) => void): Promise<void> | void;
  /** Takes what it opens; closed by the test. */
  opened(place: Place): void;
}

export async function proveGiant({ results, sink, setup, read, opened }: GiantProof): Promise<void> {
  const random = randomFrom(seed);
  const cuts = Array.from({ length: BREAKS + KILLS }, () => 0.02 + 0.9 * random()).sort((a, b) => a - b);
  const faults = cuts
    .slice(0, BREAKS)
    .map((at) => ({ fault: 'reset-body' as const, endpoint: 'results' as const, at, times: 1 }));
  const place = await openPlace({ detections: 0, giantResults: results, faults }, BIN);
  opened(place);
  const source = { streams: [GIANT_STREAM], http: { proxy: 'none', timeout: '10m' } };
  place.configure(configOf({ url: place.simulator.url, sinks: [sink], source }));
  if (setup !== undefined) expect(await place.sluice(...setup)).toMatchObject({ code: 0 });

  const peaks: number[] = [];
  const startedAt = Date.now();
  for (const cut of cuts.slice(BREAKS)) await killAt(place, cut * results, peaks);
  const end = place.start(['backfill', '--from', '1d', '--json']);
  await watched(end, peaks, () => false);
  const ended = await end.ended;
  const seconds = (Date.now() - startedAt) / 1000;
  refuseTrouble(ended, 'at the end');
  expect(ended).toMatchObject({ code: 0 });
  expect(place.simulator.stats().unusedFaults).toEqual([]);
  expect(JSON.parse(ended.stdout)).toMatchObject({ done: true, pipelines: [{ records: results, rejected: 0 }] });

  const wrong = await compare(place.simulator, (each) => read(place, each));
  const peak = Math.max(...peaks);
  const places = cuts.map((cut) => `${Math.round(cut * 100)} %`).join(', ');
  console.log(
    `${results} results, cut at ${places}: ${seconds.toFixed(0)} s with all repetitions, peak memory ${peak.toFixed(0)} MiB`,
  );
  expect(wrong).toEqual([]);
  expect(peak).toBeGreaterThan(20);
  expect(peak).toBeLessThan(MOST_MEMORY_MIB);
}

async function killAt(place: Place, records: number, peaks: number[]): Promise<void> {
  const state = join(place.folder, 'sluice-state');
  const child = place.start(['backfill', '--from', '1d']);
  await watched(child, peaks, () => committedRows(state) >= records);
  if (child.hasEnded() !== undefined) throw new Error(`ended before it was killed: ${child.stderr()}`);
  refuseTrouble(await child.end('SIGKILL'), 'killed');
}

/** Until the process ends or `done` says so; notes the most memory that it ever had. */
async function watched(child: Child, peaks: number[], done: () => boolean): Promise<void> {
  while (child.hasEnded() === undefined && !done()) {
    peaks.push(peakMiB(child.pid));
    await sleep(100);
  }
}

/** The high-water mark of the resident set, as Linux keeps it. */
function peakMiB(pid: number | undefined): number {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes ?? 0) / 1024;
  } catch {
    return 0; // it has just ended
  }
}

/** Missing, doubled and surplus documents; nothing is the only right answer. */
async function compare(
  simulator: Simulator,
  read: (each: (id: string) => void) => Promise<void> | void,
): Promise<string[]> {
  const found = new Map<string, number>();
  const wrong: string[] = [];
  await read((id) => void found.set(id, (found.get(id) ?? 0) + 1));
  let expected = 0;
  for (const { id, what } of expectedRows(simulator, GIANT_STREAM)) {
    expected++;
    const times = found.get(id) ?? 0;
    if (times !== 1 && wrong.length < 20) wrong.push(`${times} times ${what}`);
  }
  if (found.size !== expected) wrong.push(`${found.size} different documents instead of ${expected}`);
  return wrong;
}
