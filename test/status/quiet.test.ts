/** How long a stream may be quiet is learned from what the ledger says of the last weeks. */
import { describe, expect, test } from 'vitest';
import { learnFromLedger } from '../../src/commands/shared/status.ts';
import { learnQuiet } from '../../src/observe/status/quiet.ts';
import type { Reading } from '../../src/state/store.ts';
import { HOUR_MS, watchedPipeline } from './watched.ts';

const DAY_MS = 24 * HOUR_MS;

/** So many days of hourly readings: a document in each hour of the day, none at night (22 to 6). */
function days(quiet: ReturnType<typeof learnQuiet>, from: number, to: number): number {
  let atMs = from * DAY_MS;
  for (; atMs < to * DAY_MS; atMs += HOUR_MS) {
    const hour = (atMs / HOUR_MS) % 24;
    quiet.read(atMs, hour >= 6 && hour < 22 ? 2 : 0);
  }
  return atMs;
}

describe('the expected band', () => {
  test('is twice the longest quiet time, once a week and twenty arrivals are known', () => {
    const quiet = learnQuiet();
    days(quiet, 0, 6);
    expect(quiet.expectedMs()).toBeUndefined();
    days(quiet, 6, 9);
    expect(quiet.expectedMs()).toBe(2 * 9 * HOUR_MS); // 21:00 to 6:00
  });

  test('knows no time in which nothing was read', () => {
    const quiet = learnQuiet();
    days(quiet, 0, 9);
    days(quiet, 11, 20); // Sluice was off for two days
    expect(quiet.expectedMs()).toBe(2 * 9 * HOUR_MS);
    expect(quiet.quietMs()).toBe(2 * HOUR_MS); // 21:00 to 23:00, when it was read last
  });

  test('forgets what was longer, after four weeks', () => {
    const quiet = learnQuiet();
    days(quiet, 0, 2);
    for (let hour = 0; hour < 3 * 24; hour++) quiet.read(2 * DAY_MS + hour * HOUR_MS, 0); // a long week-end
    days(quiet, 5, 30);
    expect(quiet.expectedMs()).toBe(2 * (3 * 24 + 9) * HOUR_MS);
    days(quiet, 30, 34);
    expect(quiet.expectedMs()).toBe(2 * 9 * HOUR_MS);
  });

  test('is a quarter of an hour at least, and not known of a stream that has brought nothing', () => {
    const busy = learnQuiet();
    for (let minute = 0; minute < 8 * 24 * 60; minute++) busy.read(minute * 60_000, 1);
    expect(busy.expectedMs()).toBe(900_000);
    const empty = learnQuiet();
    for (let hour = 0; hour < 30 * 24; hour++) empty.read(hour * HOUR_MS, 0);
    expect([empty.expectedMs(), empty.lastMs(), empty.quietMs()]).toEqual([
      undefined,
      undefined,
      (30 * 24 - 1) * HOUR_MS,
    ]);
  });
});

test('it is learned from the ledger at the start, each stream for itself', async () => {
  const { statistics, stream, settle, now } = watchedPipeline();
  const beginMs = now() - 20 * DAY_MS;
  const rows: Reading[] = Array.from({ length: 25_000 }, (_, index) => ({
    ...{ id: index + 1, pipeline: index % 2 === 0 ? statistics.name : 'acme/other/files' },
    ...{ atMs: beginMs + index * 60_000, documents: index % 240 === 0 ? 1 : 0 },
  }));
  const readings = (after: number, limit: number) => rows.filter(({ id }) => id > after).slice(0, limit);
  await learnFromLedger({ readings }, [{ statistics } as never], now());
  expect(stream()).toMatchObject({ expectWithinSeconds: 8 * 3600, state: 'healthy' });
  expect(statistics.lastDocumentMs).toBe(rows.findLast(({ documents }) => documents > 0)?.atMs);
  settle(); // the first look after some days off: still nothing is known of those
  expect(stream()).toMatchObject({ state: 'healthy', quietSeconds: 2280 });
});
