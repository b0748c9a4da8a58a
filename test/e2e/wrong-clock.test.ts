/** The clock of the machine is set back and forward by an hour, a day and a year while Sluice runs, and then set right. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { SimulatorOptions } from '../../simulator/index.ts';
import { committedRevisions, confirmCommitted } from './committed.ts';
import { differences, documentsIn, idOf } from './delivered.ts';
import { type Child, configOf, openPlace, type Place, until } from './place.ts';
import { freePort, healthOf, messagesIn } from './worst-days.ts';

let place: Place;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await place.close();
});

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;
const FILES = { name: 'files', type: 'ndjson', path: 'out', rotate_every: '1s' };
const CLOCK = join(import.meta.dirname, 'clock.mjs');

/** A running Sluice whose clock `set` puts off by so many milliseconds. */
async function running(options: Partial<SimulatorOptions> & { detections: number }, offsetMs = 0) {
  place = await openPlace({ tokenSeconds: 4, ...options });
  const health = await freePort();
  // No sweep comes to the help of the live edge.
  const reading = { sweeps: [{ range: '400d', every: '1h' }], detail_refresh: ['1s', '2s'] };
  place.configure(configOf({ url: place.simulator.url, sinks: [FILES], reading, health: { port: health } }));
  const state = join(place.folder, 'sluice-state');
  const file = join(place.folder, 'clock');
  const set = (ms: number) => writeFileSync(file, String(ms));
  set(offsetMs);
  const confirmer = confirmCommitted(place.simulator, state);
  cleanups.push(confirmer.stop);
  const child = place.start('run', { NODE_OPTIONS: `--import ${CLOCK}`, CLOCK_FILE: file });
  return { child, set, committed: () => committedRevisions(state, 1), health: () => healthOf(health) };
}

/** With the sweeps, which see what changed long ago. */
async function expectExactSet(child: Child, committed: () => number, startedAt: number): Promise<void> {
  expect((await child.end('SIGTERM')).code).toBe(0);
  const isQuiet = () => {
    const { pending, unserved } = place.simulator.stats();
    return pending === 0 && unserved === 0 && committed() >= place.simulator.summary().revisions;
  };
  await until('everything has arrived', 40_000, async () => {
    expect((await place.sluice('run', '--once')).code).toBe(0);
    return isQuiet();
  });
  const documents = documentsIn(join(place.folder, 'out'));
  expect(differences(place.simulator, documents.map(idOf))).toEqual([]);
  const ingested = documents.map(({ event }) => Date.parse(String((event as { ingested: string }).ingested)));
  expect(Math.min(...ingested)).toBeGreaterThan(startedAt - 10_000);
  expect(Math.max(...ingested)).toBeLessThan(Date.now() + 10_000);
}

test('polls go on, tokens are renewed, files are finished, and everything arrives once', async () => {
  const LIVING = {
    ...{ arrivals: 70, statusChanges: 10, commentChanges: 10, deletions: 5 },
    ...{ dwellMs: 50, everyRequests: 0, everyMs: 150, confirm: true },
  };
  const startedAt = Date.now();
  const { child, set, committed, health } = await running({ detections: 150, living: LIVING });
  const finished = () =>
    readdirSync(join(place.folder, 'out', 'acme', 'cylance.detection')).filter((name) => name.endsWith('.ndjson'))
      .length;
  await until('what is there has arrived', 20_000, () => committed() >= 150);
  for (const hours of [-1, 1, -24, 24, -365 * 24, 365 * 24]) {
    const before = { committed: committed(), finished: finished() };
    set(hours * HOUR);
    await until(`it is said that the clock is off by ${hours} h`, 15_000, async () => {
      const { code, status, text } = await health();
      return code === 200 && status === 'degraded' && /the clock of this machine was set (back|forward)/.test(text);
    });
    const more = () => committed() > before.committed + 2 && finished() > before.finished;
    await until(`more arrives with the clock off by ${hours} h`, 15_000, more);
    set(0);
    await until('it is right again', 15_000, async () => (await health()).status === 'healthy');
  }
  const { byEndpoint, tokens } = place.simulator.stats();
  expect(tokens).toBeGreaterThan(2);
  expect((byEndpoint.list ?? 0) / (Date.now() - startedAt)).toBeLessThan(0.05); // a poll a second, and no busy loop
  await expectExactSet(child, committed, startedAt);
  expect(messagesIn(child.stderr()).filter((text) => /which the vendor's replies contradict/.test(text))).toHaveLength(
    6,
  );
}, 60_000);

test('one that was wrong from the start on is followed when it is set right', async () => {
  const startedAt = Date.now();
  const { child, set, committed } = await running({ detections: 100 }, YEAR);
  const refused = /refused the credentials .*This machine's clock is \d+ min ahead of the vendor's/;
  await until('the vendor refuses it', 15_000, () => refused.test(child.stderr()));
  set(0);
  await until('what is there has arrived', 20_000, () => committed() >= 100);
  expect(child.stderr()).toMatch(/was set back by 365 d, and is followed: a vendor's reply agrees with it/);
  await expectExactSet(child, committed, startedAt);
}, 60_000);
