/** The state is lost, the files are not: nothing is shipped again, sequences go on, no alert is raised again. */
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { differences, documentsIn, idOf } from './delivered.ts';
import { LOST_DETECTIONS, livingThatLosesItsState, proveRebuild } from './lost-state.ts';
import { configOf, openPlace } from './place.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test('files', { timeout: 900_000 }, async () => {
  const place = await openPlace({ detections: LOST_DETECTIONS, living: livingThatLosesItsState(40) });
  cleanups.push(place.close);
  const sinks = [{ name: 'files', type: 'ndjson', path: 'out', compression: 'zstd', rotate_size: '1MiB' }];
  place.configure(configOf({ url: place.simulator.url, sinks }));
  const out = join(place.folder, 'out');
  await proveRebuild({ place, cleanups, documents: async () => documentsIn(out).length });
  const documents = documentsIn(out);
  expect(differences(place.simulator, documents.map(idOf))).toEqual([]);
  const alerts = documents.filter(({ event }) => (event as { kind: string }).kind === 'alert');
  expect(alerts.every(({ event }) => (event as { sequence: number }).sequence === 1)).toBe(true);
  expect(alerts.length).toBe(new Set(documents.map(({ event }) => (event as { id: string }).id)).size);
});
