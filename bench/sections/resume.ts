/** How soon a restarted `sluice run` asks its vendor, and what memory it takes until then, with a long memory and with none. */
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { Chapter } from '../bench.ts';
import { peakMiB } from '../child/peak.ts';
import type { Figure } from '../report/results.ts';
import { type BulkStub, startBulkStub } from '../vendor/bulk-stub.ts';
import { type BenchVendor, startVendor } from '../vendor/pages.ts';
import { backfillOf, buildSluice, prepare, runCommand, startCommand, type Workplace } from '../whole.ts';

const REVISIONS = 1_000_000;

export const resume: Chapter = {
  name: 'resume',
  async measure(bench) {
    const before = loadavg()[0] ?? 0;
    const detections = bench.count(REVISIONS);
    const entry = await buildSluice(join(bench.scratch, 'resume-program'));
    const vendor = await startVendor({ samples: await bench.samples(), form: 'short', detections });
    const stub = await startBulkStub();
    try {
      const old = await withRevisions(prepare(entry, join(bench.scratch, 'resume'), placeOf(vendor, stub)), vendor);
      const full: Begun[] = [];
      const empty: Begun[] = [];
      for (let round = 0; round < bench.rounds; round++) {
        full.push(await firstRequest(old, vendor));
        empty.push(await firstRequest(prepare(entry, join(bench.scratch, 'fresh'), placeOf(vendor, stub)), vendor));
      }
      const load: [number, number] = [before, loadavg()[0] ?? 0];
      const title = `Resume with ${detections.toLocaleString('en')} revisions in the state`;
      return [{ id: 'resume', title, about: ABOUT, load, variants: [], figures: figuresOf(full, empty) }];
    } finally {
      await Promise.all([vendor.close(), stub.close()]);
    }
  },
};

const placeOf = (vendor: BenchVendor, stub: BulkStub) => ({ url: vendor.url, elasticsearch: stub.url });

async function withRevisions(place: Workplace, vendor: BenchVendor): Promise<Workplace> {
  await runCommand(place, backfillOf(vendor.range));
  return place;
}

interface Begun {
  seconds: number;
  peakMiB: number;
}

async function firstRequest(place: Workplace, vendor: BenchVendor): Promise<Begun> {
  const asked = vendor.nextRequest();
  const beganMs = performance.now();
  const { child } = startCommand(place, ['run', '--once']);
  const ended = once(child, 'exit');
  child.stdout?.resume();
  child.stderr?.resume();
  try {
    const first = await Promise.race([asked, ended.then(() => undefined)]);
    if (first === undefined) throw new Error('sluice run ended without a request');
    return { seconds: (first - beganMs) / 1000, peakMiB: peakMiB(process, child.pid as number) };
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

function figuresOf(full: Begun[], empty: Begun[]): Figure[] {
  const figures = (name: string, unit: string, digits: number, by: (begun: Begun) => number): Figure[] => [
    ...[['with them', full] as const, ['with an empty state', empty] as const].map(
      ([with_, begun]): Figure => ({
        ...{ says: `${name}, ${with_}`, values: begun.map(by), digits, unit, better: 'less', lasting: false },
      }),
    ),
    {
      ...{ says: `${name}: with them to an empty state`, digits: 2, better: 'less', lasting: true },
      values: full.map((begun, round) => by(begun) / by(empty[round] as Begun)),
    },
  ];
  return [
    ...figures('time to the first request', ' ms', 0, ({ seconds }) => seconds * 1000),
    ...figures('peak memory until then', ' MiB', 0, ({ peakMiB }) => peakMiB),
  ];
}

const ABOUT =
  '`sluice run` of the built program, from the start of its process to the moment at which the vendor gets its first request. The state is that of a backfill to the `_bulk` stub.';
