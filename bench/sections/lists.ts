/** List records to a file, and to what stands where Elasticsearch would: Sluice and its floors. */
import { type Bench, type Chapter, inTurns, type Turn } from '../bench.ts';
import { compared, cpuOf, type Figure, type Section, type Variant } from '../report/results.ts';
import { PAGE_SIZE } from '../task.ts';
import { type BulkStub, startBulkStub } from '../vendor/bulk-stub.ts';
import { type BenchVendor, startVendor } from '../vendor/pages.ts';

const RECORDS = 50_000;
const FORMS = { short: 'of 390 bytes', full: 'of 1.6 KB with artifacts' } as const;

export const lists: Chapter = {
  name: 'lists',
  async measure(bench) {
    const sections: Section[] = [];
    for (const form of ['short', 'full'] as const) {
      const vendor = await startVendor({ samples: await bench.samples(), form, detections: bench.count(RECORDS) });
      const stub = await startBulkStub();
      sections.push(await listsTo(bench, vendor, form, undefined), await listsTo(bench, vendor, form, stub));
      await Promise.all([vendor.close(), stub.close()]);
    }
    return sections;
  },
};

async function listsTo(
  bench: Bench,
  vendor: BenchVendor,
  form: keyof typeof FORMS,
  stub: BulkStub | undefined,
): Promise<Section> {
  const where = stub === undefined ? 'a file' : 'a _bulk stub';
  const title = `List records ${FORMS[form]} to ${where}`;
  const id = `lists-${form}-${stub === undefined ? 'file' : 'bulk'}`;
  const source = { url: vendor.url, ...vendor.range, elasticsearch: stub?.url };
  let pages = 0;
  const finish = (records: number) => {
    if (records !== vendor.detections) throw new Error(`${title}: ${records} of ${vendor.detections} records`);
    const taken = stub?.taken() ?? records;
    if (taken < records) throw new Error(`${title}: ${taken} of ${records} documents arrived`);
    return vendor.served();
  };
  const sluice: Turn = {
    id: 'sluice',
    name: 'Sluice',
    async run(round) {
      const measured = await bench.measure({ mode: 'sluice', ...source }, `${id}${round}`);
      const { requests, records } = finish(measured.records);
      pages = Math.ceil(records / PAGE_SIZE);
      return { ...measured, requests };
    },
  };
  const floor = (variant: string, name: string, how: { maps: boolean; writesEveryPage: boolean }): Turn => ({
    id: variant,
    name,
    async run(round) {
      const measured = await bench.measure({ mode: 'floor', pages, ...how, ...source }, `${id}${variant}${round}`);
      return { ...measured, requests: finish(measured.records).requests };
    },
  });
  const measured = await inTurns(title, bench.rounds, [
    sluice,
    floor('raw', 'raw floor', { maps: false, writesEveryPage: true }),
    floor('raw-once', 'raw floor, each record written once', { maps: false, writesEveryPage: false }),
    floor('mapped', 'mapped floor', { maps: true, writesEveryPage: true }),
    floor('mapped-once', 'mapped floor, each record mapped and written once', { maps: true, writesEveryPage: false }),
  ]);
  return { id, title, about: ABOUT, ...measured, figures: figuresOf(measured.variants, form), picture: 'cpu' };
}

/** The goals are for records with artifacts. */
function figuresOf(variants: Variant[], form: keyof typeof FORMS): Figure[] {
  const goals: [to: string, name: string, goal: number][] = [
    ['raw', 'the raw floor', 2],
    ['raw-once', 'the raw floor that writes each record once', 2],
    ['mapped', 'the mapped floor', 1.4],
    ['mapped-once', 'the mapped floor that maps and writes each record once', 1.4],
  ];
  return goals.map(([to, name, goal]) => ({
    ...{ says: `CPU of Sluice to ${name}`, values: compared(variants, ['sluice', to], cpuOf) },
    ...{ digits: 2, better: 'less', lasting: true, ...(form === 'full' && { goal }) },
  }));
}

const ABOUT =
  'Sluice reads every window until two readings agree, because nothing else proves that no record slipped between two pages, and remembers each record in its state. ' +
  "The floors download as many pages as it did in the same round; two of them carry on what each page brings, two each record once. The mapped floors make documents with Sluice's own mapping.";
