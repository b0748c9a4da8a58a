/** Redpanda Connect's engine on the same pages: whole processes, start included. */
import { execFile } from 'node:child_process';
import { createReadStream, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type Bench, type Chapter, inTurns, type Turn } from '../bench.ts';
import { compared, cpuOf, type Figure, rateOf, type Section } from '../report/results.ts';
import { type Measured, PAGE_SIZE } from '../task.ts';
import { type BulkStub, startBulkStub } from '../vendor/bulk-stub.ts';
import { type BenchVendor, startVendor } from '../vendor/pages.ts';
import { backfillOf, buildSluice, prepare, runCommand } from '../whole.ts';

const RECORDS = 50_000;
const SOURCE = join(import.meta.dirname, '..', 'peers');
const NAME = `Redpanda Connect (Benthos ${benthosVersion()})`;

export const peers: Chapter = {
  name: 'peers',
  needs: 'Go 1.26+',
  async measure(bench) {
    const peer = await buildPeer(bench.scratch);
    if (peer === undefined) return [];
    const entry = await buildSluice(join(bench.scratch, 'peers-program'));
    const detections = bench.count(RECORDS);
    const vendor = await startVendor({ samples: await bench.samples(), form: 'full', detections });
    const stub = await startBulkStub();
    const place: Place = { bench, vendor, peer, entry };
    try {
      return [await compare(place, undefined), await compare(place, stub)];
    } finally {
      await Promise.all([vendor.close(), stub.close()]);
    }
  },
};

interface Place {
  bench: Bench;
  vendor: BenchVendor;
  /** The peer's program, and Sluice's. */
  peer: string;
  entry: string;
}

function benthosVersion(): string {
  return /benthos\/v4 v([\d.]+)/.exec(readFileSync(join(SOURCE, 'go.mod'), 'utf8'))?.[1] ?? 'of unknown version';
}

/** Undefined, and a line that says so, where Go is missing. */
async function buildPeer(scratch: string): Promise<string | undefined> {
  const program = join(scratch, 'peer');
  try {
    await promisify(execFile)('go', ['version']);
  } catch {
    process.stderr.write('peers: skipped, since there is no Go on this machine (https://go.dev)\n');
    return undefined;
  }
  await promisify(execFile)('go', ['build', '-mod=readonly', '-o', program, '.'], { cwd: SOURCE });
  return program;
}

async function compare(place: Place, stub: BulkStub | undefined): Promise<Section> {
  const { bench, vendor } = place;
  const where = stub === undefined ? 'a file' : 'a _bulk stub';
  const title = `Whole programs: list records of 1.6 KB with artifacts to ${where}`;
  const id = `peers-${stub === undefined ? 'file' : 'bulk'}`;
  const turn = (variant: string, name: string, run: (folder: string) => Promise<Used>): Turn => ({
    id: variant,
    name,
    async run(round) {
      // What arrived is looked at whole in the first round, and counted in the others.
      if (round === 1) stub?.keep();
      const folder = join(bench.scratch, `${id}-${variant}`);
      const used = await run(folder);
      const { requests } = vendor.served();
      const arrived = stub === undefined ? await idsIn(folder) : idsOf(round === 1 ? stub.kept() : []);
      const taken = stub?.taken() ?? arrived.count;
      if (taken !== vendor.detections) throw new Error(`${name}: ${taken} of ${vendor.detections} documents arrived`);
      if (arrived.count > 0 && arrived.ids.size !== vendor.detections)
        throw new Error(`${name}: ${arrived.ids.size} of ${vendor.detections} detections arrived`);
      rmSync(folder, { recursive: true, force: true });
      return { records: vendor.detections, ...used, requests };
    },
  });
  const sluice = async (folder: string): Promise<Used> => {
    const workplace = prepare(place.entry, folder, { url: vendor.url, elasticsearch: stub?.url });
    const { stdout: _, ...used } = await runCommand(workplace, backfillOf(vendor.range));
    return used;
  };
  const measured = await inTurns(title, bench.rounds, [
    turn('sluice', 'Sluice (every page twice, with its state)', sluice),
    turn('connect-4', `${NAME}, four pages in parallel, each once`, (folder) => runPeer(place, folder, stub, 4)),
    turn('connect-1', `${NAME}, page after page, each once`, (folder) => runPeer(place, folder, stub, 1)),
  ]);
  return { id, title, about: ABOUT, ...measured, figures: figuresOf(measured.variants, bench), picture: 'cpu' };
}

function figuresOf(variants: Section['variants'], { quick }: Bench): Figure[] {
  const moot = quick ? { moot: 'too few records for it' } : {};
  return [
    ['connect-4', 'Redpanda Connect with four pages in parallel'] as const,
    ['connect-1', 'Redpanda Connect, page after page'] as const,
  ].flatMap(([to, name]): Figure[] => [
    {
      ...{ says: `CPU of Sluice to ${name}`, values: compared(variants, ['sluice', to], cpuOf) },
      ...{ digits: 2, better: 'less', lasting: true, ...(to === 'connect-4' && { goal: 0.6 }), ...moot },
    },
    {
      ...{ says: `records a second: Sluice to ${name}`, values: compared(variants, ['sluice', to], rateOf) },
      ...{ digits: 2, better: 'more', lasting: true, ...(to === 'connect-4' && { goal: 1 }), ...moot },
    },
  ]);
}

type Used = Pick<Measured, 'seconds' | 'cpuSeconds' | 'peakMiB'>;

async function runPeer(
  { vendor, peer }: Place,
  folder: string,
  stub: BulkStub | undefined,
  threads: number,
): Promise<Used> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const parts = ['pages.yaml', stub === undefined ? 'to-file.yaml' : 'to-bulk.yaml'];
  const config = join(folder, 'connect.yaml');
  writeFileSync(config, parts.map((part) => readFileSync(join(SOURCE, part), 'utf8')).join(''));
  const usage = join(folder, 'usage.json');
  const env = {
    ...process.env,
    ...{ VENDOR: vendor.url, THREADS: String(threads), PAGES: String(Math.ceil(vendor.detections / PAGE_SIZE)) },
    ...{ FROM: new Date(vendor.range.fromMs).toISOString(), TO: new Date(vendor.range.toMs).toISOString() },
    OUTPUT: stub?.url ?? join(folder, 'out.ndjson'),
  };
  const beganMs = performance.now();
  await promisify(execFile)(peer, [config, usage], { env });
  const seconds = (performance.now() - beganMs) / 1000;
  return { seconds, ...(JSON.parse(readFileSync(usage, 'utf8')) as Pick<Measured, 'cpuSeconds' | 'peakMiB'>) };
}

interface Arrived {
  count: number;
  ids: Set<string>;
}

async function idsIn(folder: string): Promise<Arrived> {
  const found: Arrived = { count: 0, ids: new Set() };
  for (const path of globSync('**/*.ndjson', { cwd: folder }))
    for await (const line of createInterface({ input: createReadStream(join(folder, path)) })) note(found, line);
  return found;
}

function idsOf(lines: string[]): Arrived {
  const found: Arrived = { count: 0, ids: new Set() };
  for (const line of lines) note(found, line);
  return found;
}

/** Both keep the detection's id in `event.id`. */
function note(found: Arrived, line: string): void {
  const document = JSON.parse(line) as { event?: { id?: string } };
  found.count++;
  if (document.event?.id !== undefined) found.ids.add(document.event.id);
}

const ABOUT =
  'The engine with its public components, a configuration that reads the same pages and makes a simple ECS document of each record (`bench/peers/`); two cores for either, CPU and memory of the whole process, start included. ' +
  'Sluice reads each page twice, maps every member, and keeps a state; Redpanda Connect reads each once, maps a part, keeps nothing, and would not notice a page that moved. What arrived is compared with what the vendor has.';
