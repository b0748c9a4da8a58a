/**
 * `npm run test:estimates [scenario…]`: backfills of the simulator under a rate limit, minutes long; what `plan backfill` and
 * progress said against what happened. Ends with 1 where anything was wrong by more than 20 %.
 */
import type { SimulatorOptions } from '../../simulator/index.ts';
import { type Workplace, workplace } from '../cli/binary.ts';
import { factsAt, measureBackfill, shippedBy, worstError } from './measure.ts';

interface Scenario {
  simulator: Partial<SimulatorOptions> & { detections: number };
  rate: number;
  /** So much of the range, its newest part, was delivered before. */
  known?: number;
}

const WITHIN = 0.2;

const SCENARIOS: Record<string, Scenario> = {
  plain: { simulator: { detections: 4000, spanDays: 90 }, rate: 40 },
  'many windows': { simulator: { detections: 12_000, spanDays: 90 }, rate: 80 },
  'half known': { simulator: { detections: 3000, spanDays: 90 }, rate: 40, known: 0.5 },
  throttled: {
    simulator: {
      detections: 2000,
      spanDays: 90,
      faults: [{ fault: 'rate-limit', endpoint: 'detail', every: 40, retryAfter: 'seconds', seconds: 1 }],
    },
    rate: 40,
  },
};

async function measure(place: Workplace, { rate, known = 0 }: Scenario) {
  place.configure({ rate, extra: 'log: { format: json, level: info }\n' });
  const { start, end } = place.simulator.range;
  if (known > 0) {
    const until = new Date(Date.parse(start) + (Date.parse(end) - Date.parse(start)) * (1 - known)).toISOString();
    place.configure({ extra: 'log: { format: json }\n' }); // fast
    await place.sluice('backfill', '--from', until);
    place.configure({ rate, extra: 'log: { format: json, level: info }\n' });
  }
  const before = known > 0 ? shippedBy(place) : { documents: 0, bytes: 0, alerts: 0 };
  const asked = await place.sluice('plan', 'backfill', '--from', start, '--json');
  if (asked.code !== 0) throw new Error(asked.stderr);
  const plan = JSON.parse(asked.stdout);
  const measured = await measureBackfill(place, factsAt(rate));
  const after = shippedBy(place);
  const requests = measured.last.work.reduce((sum, one) => sum + one.requests, 0);
  const rows: [string, number, number][] = [
    ['requests', plan.requests, requests],
    ['seconds', plan.durationMs / 1000, measured.tookMs / 1000],
    ['documents', plan.documents, after.documents - before.documents],
    ['bytes', plan.bytes, after.bytes - before.bytes],
    ['alerts', plan.alerts, after.alerts - before.alerts],
  ];
  return { rows, measured };
}

let isWrong = false;
const wanted = process.argv.slice(2);
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const place = await workplace(scenario.simulator);
  try {
    const { rows, measured } = await measure(place, scenario);
    console.log(`${name}: ${scenario.rate} requests a second`);
    for (const [what, said, happened] of rows) {
      const error = happened === 0 ? said : (said - happened) / happened;
      // What the vendor will refuse, nobody knows before.
      if (Math.abs(error) > WITHIN && !(what === 'seconds' && scenario.simulator.faults)) isWrong = true;
      console.log(`  plan: ${what} ${Math.round(said)}, was ${Math.round(happened)} (${(error * 100).toFixed(1)} %)`);
    }
    const { worst, at } = worstError(measured);
    if (worst > WITHIN) isWrong = true;
    const when = at === undefined ? '' : ` at ${Math.round((at.atMs / measured.tookMs) * 100)} % of the time`;
    console.log(`  progress: time wrong by ${(worst * 100).toFixed(1)} % of the whole at most${when}`);
    for (const tenth of [1, 3, 5, 7, 9]) {
      const sample = measured.samples.find(({ atMs }) => atMs >= (measured.tookMs * tenth) / 10);
      if (sample === undefined) continue;
      const left = (measured.tookMs - sample.atMs) / 1000;
      const said = sample.leftMs === undefined ? '-' : Math.round(sample.leftMs / 1000);
      const share = `${Math.round(sample.part * 100)} % said at ${tenth}0 %`;
      console.log(`    ${share}: ${said} s left, were ${Math.round(left)}; ${sample.documents} delivered`);
    }
  } finally {
    await place.close();
  }
}
process.exitCode = isWrong ? 1 : 0;
