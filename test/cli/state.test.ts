import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openState } from '../../src/state/sqlite.ts';
import { type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place.close());

const PIPELINE = 'acme/cylance.detection/files';

test('an alarm is shown with what to do about it, and over once a person confirms it', async () => {
  place = await workplace({ detections: 3 });
  place.configure();
  expect((await place.sluice('run', '--once')).code).toBe(0);
  const store = openState({ path: join(place.folder, 'sluice-state'), now: Date.now, exclusive: false });
  store.pipeline(PIPELINE).setFact('listed', { total: 1200, few: { total: 3, sinceMs: Date.UTC(2026, 0, 2) } });
  store.close();
  const shown = await place.sluice('state', 'show');
  expect(shown.stdout).toMatch(
    /ALARM since 2026-01-02 00:00:00Z: the list has 3 records of 1,?200.*sluice state confirm/,
  );
  const confirmed = await place.sluice('state', 'confirm', '--pipeline', PIPELINE);
  expect(confirmed.stdout).toMatch(/has 3 records instead of 1,200, and that is right/);
  expect((await place.sluice('state', 'show')).stdout).not.toMatch(/ALARM/);
  expect((await place.sluice('state', 'confirm', '--pipeline', PIPELINE)).stdout).toMatch(/there is no alarm/);
  expect((await place.sluice('state', 'confirm', '--pipeline', 'other')).code).toBe(2);
});
