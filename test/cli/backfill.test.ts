import { afterEach, expect, test } from 'vitest';
import { type Ended, until, type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place.close());

interface Result {
  done: boolean;
  nothingNew: boolean;
  pipelines: { delivered: number; records: number }[];
}
const resultOf = ({ stdout }: Ended) => JSON.parse(stdout) as Result;

/** The whole span, written as times, so that a second call means the same job. */
function span(): string[] {
  const { start, end } = place.simulator.range;
  const after = new Date(Date.parse(end) + 60_000).toISOString();
  return ['--from', start, '--to', after, '--json'];
}

test('a second backfill adds nothing and says so', async () => {
  place = await workplace({ detections: 400 });
  place.configure();
  const first = await place.sluice('backfill', ...span());
  expect(resultOf(first)).toMatchObject({
    done: true,
    nothingNew: false,
    pipelines: [{ delivered: 400, records: 400 }],
  });
  const before = place.delivered();
  expect(new Set(before).size).toBe(400);
  const second = await place.sluice('backfill', ...span().slice(0, -1));
  expect(second.stdout).toMatch(/nothing new/);
  expect(place.delivered()).toEqual(before);
  expect([first.code, second.code]).toEqual([0, 0]);
});

test('a range that ends in the future is not cut', async () => {
  place = await workplace({ detections: 5 });
  place.configure();
  const { stderr, code } = await place.sluice('backfill', '--from', '1980-01-01', '--to', '2090-01-01');
  expect(stderr).toMatch(/backfill 1: 1980-01-01 00:00:00Z to 2090-01-01 00:00:00Z/);
  expect(code).toBe(0);
  expect(place.delivered()).toHaveLength(5);
});

test('SIGTERM stops it cleanly; the same command goes on where it stopped', async () => {
  place = await workplace({ detections: 600 });
  place.configure({ rate: 150, extra: 'batch: { documents: 20 }\n' });
  const first = place.start('backfill', ...span());
  await until(() => place.simulator.stats().requests > 150);
  first.child.kill('SIGTERM');
  const stopped = await first.ended;
  expect(stopped.stderr).toMatch(/stopped before backfill 1 was finished\n→ Give the same command again/);
  expect(stopped.code).toBe(1);
  const early = place.delivered().length;
  expect(early).toBeGreaterThan(0);
  expect(early).toBeLessThan(600);
  place.configure();
  const second = await place.sluice('backfill', ...span());
  expect(second.stderr).toMatch(/going on with backfill 1/);
  expect(resultOf(second).done).toBe(true);
  const all = place.delivered();
  expect([all.length, new Set(all).size, second.code]).toEqual([600, 600, 0]);
});

test('a wrong secret fails with advice; mended, the same job goes on', async () => {
  place = await workplace({ detections: 30 });
  place.configure({ secret: 'not-the-secret-of-it' });
  const failed = await place.sluice('backfill', ...span().slice(0, -1));
  expect(failed.stderr).toMatch(
    /error: source "acme": the vendor refused the credentials \(HTTP 401\): .*\n→ Check tenant_id/,
  );
  expect(failed.stderr).not.toContain('not-the-secret-of-it');
  expect(failed).toMatchObject({ code: 1, stdout: '' });
  place.configure();
  const mended = await place.sluice('backfill', ...span());
  expect(mended.stderr).toMatch(/going on with backfill 1/);
  expect(resultOf(mended)).toMatchObject({ done: true, pipelines: [{ delivered: 30 }] });
});
