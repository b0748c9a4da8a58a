/** What `plan backfill` and progress say is what happens: a short form of test/estimates/main.ts. */
import { afterEach, expect, test } from 'vitest';
import { factsAt, measureBackfill, shippedBy, worstError } from '../estimates/measure.ts';
import { type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place.close());

/** Low, so that it is the rate limit that holds it up, and not the machine. */
const RATE = 15;
const WITHIN = 0.2;

function expectNear(said: number, happened: number, what: string): void {
  expect(Math.abs(said - happened) / happened, `${what}: said ${said}, was ${happened}`).toBeLessThan(WITHIN);
}

test('the plan and the progress of a backfill that run works on are within 20 % of what happens', async () => {
  place = await workplace({ detections: 260, spanDays: 60 });
  place.configure({ rate: RATE, extra: 'log: { format: json, level: info }\n' });
  const { start } = place.simulator.range;
  const asked = await place.sluice('plan', 'backfill', '--from', start, '--json');
  expect(asked.code, asked.stderr).toBe(0);
  const plan = JSON.parse(asked.stdout);
  expect(place.simulator.stats().requests).toBeLessThan(120); // to plan costs little

  const measured = await measureBackfill(place, factsAt(RATE));
  const { last, tookMs } = measured;
  const shipped = shippedBy(place);
  const requests = last.work.reduce((sum, one) => sum + one.requests, 0);
  expectNear(plan.requests, requests, 'requests');
  // The live edge had some of them before.
  expectNear(plan.documents, shipped.documents, 'documents');
  expectNear(plan.bytes, shipped.bytes, 'bytes');
  expectNear(plan.alerts, shipped.alerts, 'alerts');
  // Documents are told as they are delivered.
  const middle = measured.samples.filter(({ atMs }) => atMs > tookMs / 3 && atMs < (2 * tookMs) / 3);
  expect(middle.length).toBeGreaterThan(3);
  for (const { documents } of middle) expect(documents).toBeGreaterThan(20);
  const pace = requests / (last.work.reduce((sum, one) => sum + one.workedMs, 0) / 1000);
  if (pace < 0.9 * RATE)
    return console.log(`this machine made ${pace} of ${RATE} requests a second: times prove nothing`);
  expectNear(plan.durationMs, tookMs, 'time');
  const { worst, at } = worstError(measured);
  expect(worst, `${JSON.stringify(at)} of ${tookMs} ms`).toBeLessThan(WITHIN);
  for (const { part, atMs } of middle) expect(Math.abs(part - atMs / tookMs)).toBeLessThan(WITHIN);
}, 300_000);

test('what is known already is no work any more, and history that is shipped as events raises no alert', async () => {
  place = await workplace({ detections: 200, spanDays: 60 });
  place.configure({ extra: 'log: { format: json }\n' });
  const { start, end } = place.simulator.range;
  const planned = async (...more: string[]) =>
    JSON.parse((await place.sluice('plan', 'backfill', '--from', start, '--json', ...more)).stdout);
  const before = await planned();
  expect(before).toMatchObject({ documents: 200, pipelines: [{ records: 200, known: 0 }] });
  expect(before.alerts).toBeGreaterThan(100);
  expect(await planned('--as', 'event')).toMatchObject({ documents: 200, alerts: 0 });
  const half = new Date((Date.parse(start) + Date.parse(end)) / 2).toISOString();
  expect((await place.sluice('backfill', '--from', start, '--to', half)).code).toBe(0);
  const known = place.delivered().length;
  const after = await planned();
  expect(after).toMatchObject({ documents: 200 - known, pipelines: [{ records: 200, known }] });
  expect(after.requests).toBeLessThan(before.requests - known / 2);
  const wrong = await place.sluice('plan', 'backfill');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--from is missing') });
}, 300_000);
