/** From 10^4 to 10^6 records: time has to grow as they do, and memory not at all. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, type Chapter, inTurns, type Turn } from '../bench.ts';
import { compared, cpuOf, type Figure, memoryOf, type Section } from '../report/results.ts';
import type { Measured } from '../task.ts';
import { startVendor } from '../vendor/pages.ts';
import { backfillOf, buildSluice, prepare, runCommand } from '../whole.ts';

const SIZES = [10_000, 100_000, 1_000_000];

export const growth: Chapter = {
  name: 'growth',
  measure: async (bench) => [await grow(bench, { id: 'growth', title: 'From 10^4 to 10^6 list records, to a file' })],
};

interface Where {
  id: string;
  title: string;
  elasticsearch?: string;
  /** Asked after each run; throws where something is missing. */
  arrived?(source: string, records: number): Promise<void>;
}

/** Whole processes of the built program, start included, so that the memory is that of a user's. */
export async function grow(bench: Bench, { id, title, elasticsearch, arrived }: Where): Promise<Section> {
  const entry = await buildSluice(join(bench.scratch, `${id}-program`));
  const sizes = SIZES.map((size) => bench.count(size));
  const turns = sizes.map(
    (detections): Turn => ({
      id: String(detections),
      name: `${detections.toLocaleString('en')} records`,
      async run(round): Promise<Measured> {
        const name = `of_${detections}_${round}`;
        const vendor = await startVendor({ samples: await bench.samples(), form: 'short', detections });
        const place = prepare(entry, join(bench.scratch, id), { url: vendor.url, name, elasticsearch });
        const { stdout: _, ...usage } = await runCommand(place, backfillOf(vendor.range));
        const { requests } = vendor.served();
        await vendor.close();
        checkLedger((await runCommand(place, ['ledger', '--json', '--limit', '1000000'])).stdout, detections);
        await arrived?.(name, detections);
        rmSync(place.folder, { recursive: true, force: true });
        return { records: detections, ...usage, requests };
      },
    }),
  );
  const measured = await inTurns(title, Math.min(3, bench.rounds), turns);
  const [, middle = '', last = ''] = sizes.map(String);
  const { variants } = measured;
  const most = variants.at(-1)?.runs ?? [];
  const moot = bench.quick ? { moot: 'too few records for it' } : {};
  const toTenth = (says: string, by: (run: Measured) => number): Figure => ({
    ...{ says: `${says}: at the most records to a tenth of them`, values: compared(variants, [last, middle], by) },
    ...{ digits: 2, better: 'less', lasting: true },
  });
  const figures: Figure[] = [
    { ...toTenth('CPU per record', cpuOf), goal: 1.1, ...moot },
    { ...toTenth('seconds per record', (run) => run.seconds / run.records), lasting: false },
    { ...toTenth('peak memory', memoryOf), goal: 1.1, ...moot },
    {
      ...{ says: 'peak memory at the most records', values: most.map(memoryOf), digits: 0, unit: ' MiB' },
      ...{ better: 'less', lasting: true, goal: 250, ...moot },
    },
  ];
  return { id, title, about: ABOUT, ...measured, figures, picture: 'lines' };
}

interface Row {
  distinct: number;
  delivered: number;
  givenUp: number;
  unchanged: number;
  rejected: number;
  owed: number;
  dropped: number;
}

/** Each row's records are all accounted for, and the whole is what the vendor has. */
function checkLedger(lines: string, records: number): void {
  const rows = lines
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row);
  for (const row of rows) {
    const sum = row.delivered + row.givenUp + row.unchanged + row.rejected + row.owed + row.dropped;
    if (sum !== row.distinct) throw new Error(`a row of the ledger does not balance: ${JSON.stringify(row)}`);
  }
  const delivered = rows.reduce((sum, row) => sum + row.delivered, 0);
  if (delivered !== records) throw new Error(`the ledger has ${delivered} of ${records} records delivered`);
}

const ABOUT =
  '`sluice backfill`, the built program as a process of its own, start included. After each run the ledger is checked: every row balances, and as many records are delivered as the vendor has.';
