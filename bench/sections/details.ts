/** Details, a request for each: what Sluice costs beside a bare loop, and how near it comes to what the vendor allows. */
import { type Bench, type Chapter, inTurns, type Order, type Turn } from '../bench.ts';
import { compared, cpuOf, type Figure, rateOf, type Section } from '../report/results.ts';
import type { Measured } from '../task.ts';
import { startVendor } from '../vendor/pages.ts';

export const details: Chapter = {
  name: 'details',
  measure: async (bench) => [await floors(bench)],
};

const FLOORS = {
  'floor-fetch': ['node-fetch floor', { client: 'node-fetch', maps: true }],
  'floor-http': ['node:http floor', { client: 'node:http', maps: true }],
  'floor-fetch-raw': ['node-fetch floor without mapping', { client: 'node-fetch', maps: false }],
} as const;

async function floors(bench: Bench): Promise<Section> {
  const vendor = await startVendor({ samples: await bench.samples(), form: 'short', detections: bench.count(5000) });
  const title = 'Details of 5.5 KB to a file';
  const turn = (id: string, name: string, order: Order): Turn => ({
    id,
    name,
    async run(round) {
      const measured = await bench.measure({ ...order, url: vendor.url, ...vendor.range }, `details${id}${round}`);
      const { requests, details } = vendor.served();
      if (measured.records !== vendor.detections || details < vendor.detections)
        throw new Error(`${title}: ${measured.records} records and ${details} details of ${vendor.detections}`);
      return { ...measured, requests };
    },
  });
  const measured = await inTurns(title, bench.rounds, [
    turn('sluice', 'Sluice', { mode: 'sluice', details: true }),
    ...Object.entries(FLOORS).map(([id, [name, how]]) => turn(id, name, { mode: 'details', ...how })),
  ]);
  await vendor.close();
  const figures = Object.entries(FLOORS).map(
    ([id, [name]]): Figure => ({
      ...{ says: `CPU of Sluice to the ${name}`, values: compared(measured.variants, ['sluice', id], cpuOf) },
      ...{ digits: 2, better: 'less', lasting: true, ...(id === 'floor-fetch' && { goal: 1.8 }) },
    }),
  );
  return { id: 'details', title, about: FLOORS_ABOUT, ...measured, figures, picture: 'cpu' };
}

const FLOORS_ABOUT =
  "The vendor answers at once, eight requests at a time. The floors read the list once, then each detail: keep-alive, JSON.parse, Sluice's own mapping, JSON.stringify, write.";

/** How long the vendor takes for a reply, and how many details are read. */
const LATENCIES = [
  [5, 4000],
  [50, 4000],
  [200, 2000],
] as const;
const CONCURRENCY = 20;
const PER_SECOND = 10;

export const latencies: Chapter = {
  name: 'latencies',
  async measure(bench) {
    const sections: Section[] = [];
    for (const [latencyMs, count] of LATENCIES) sections.push(await atLatency(bench, latencyMs, bench.count(count)));
    return [...sections, await atRate(bench)];
  },
};

async function atLatency(bench: Bench, latencyMs: number, detections: number): Promise<Section> {
  const vendor = await startVendor({ samples: await bench.samples(), form: 'short', detections, latencyMs });
  const ideal = (CONCURRENCY / latencyMs) * 1000;
  const title = `Details at ${latencyMs} ms vendor latency, ${CONCURRENCY} at a time`;
  const order = { mode: 'sluice' as const, url: vendor.url, ...vendor.range, details: true, concurrency: CONCURRENCY };
  const run = async (round: number): Promise<Measured> => {
    const measured = await bench.measure(order, `latency${latencyMs}r${round}`);
    return { ...measured, requests: vendor.served().requests };
  };
  const measured = await inTurns(title, Math.min(3, bench.rounds), [{ id: 'sluice', name: 'Sluice', run }]);
  await vendor.close();
  const share: Figure = {
    ...{ says: 'share of the ideal', digits: 1, unit: ' %', better: 'more', lasting: latencyMs >= 50 },
    values: (measured.variants[0]?.runs ?? []).map((one) => (rateOf(one) / ideal) * 100),
    ...(latencyMs === 50 && { goal: 90, ...(bench.quick && { moot: 'too few details for it' }) }),
  };
  const about = `No reader can have more than ${ideal.toLocaleString('en')} details a second: ${CONCURRENCY} requests in ${latencyMs} ms. The time is that of the whole walk, with its lists.`;
  return { id: `latency-${latencyMs}`, title, about, ...measured, figures: [share] };
}

async function atRate(bench: Bench): Promise<Section> {
  const vendor = await startVendor({
    samples: await bench.samples(),
    form: 'short',
    detections: bench.count(600),
    latencyMs: 50,
  });
  const title = `Details at ${PER_SECOND} requests a second`;
  const order = { mode: 'sluice' as const, url: vendor.url, ...vendor.range, details: true };
  const used: number[] = [];
  const run = async (round: number): Promise<Measured> => {
    const measured = await bench.measure({ ...order, requestsPerSecond: PER_SECOND }, `rate${round}`);
    const { requests, firstMs, lastMs } = vendor.served();
    used.push(((requests - 1) / ((lastMs - firstMs) / 1000) / PER_SECOND) * 100);
    return { ...measured, requests };
  };
  const measured = await inTurns(title, Math.min(2, bench.rounds), [{ id: 'sluice', name: 'Sluice', run }]);
  await vendor.close();
  const share: Figure = {
    ...{ says: 'share of the budget used', digits: 1, unit: ' %', better: 'more', lasting: true, values: used },
    ...{ goal: 99, ...(bench.quick && { moot: 'too few details for it' }) },
  };
  const about = `The budget that the config gives (\`rate.requests_per_second: ${PER_SECOND}\`), at 50 ms vendor latency: requests of every kind, from the first to the last.`;
  return { id: 'rate', title, about, ...measured, figures: [share] };
}
