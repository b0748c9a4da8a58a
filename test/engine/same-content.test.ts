/** The same content is the same revision, however it is spelled, and in a state that an earlier version wrote. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import { exactHashOf } from '../../src/identity.ts';
import { runWalk } from '../../src/pipeline.ts';
import { fakeVendor } from './fake-vendor.ts';
import { documentOf, memorySink, openPipeline, scratch, testConfig } from './harness.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const never = new AbortController().signal;
const NOW_MS = Date.now();
const FIRST = {
  ...{ Id: 'd1', Severity: 'High', Status: 'New', OccurrenceTime: new Date(NOW_MS - 60_000).toISOString() },
  ...{ Comment: null, Responses: [], Device: { name: 'w', CylanceId: 'F'.repeat(32) } },
};

async function tenant(first: object) {
  const state = { shown: first };
  const vendor = await fakeVendor({ detections: () => [state.shown] });
  const folder = scratch();
  const sink = memorySink();
  const config = testConfig(vendor.url, folder.path);
  cleanUps.push(folder.remove, () => vendor.close());
  const walk = async () => {
    const { pipeline, close } = openPipeline(config, { sink });
    const range = { fromMs: NOW_MS - 3_600_000, toMs: NOW_MS };
    await runWalk(pipeline, { id: 'live', kind: 'live', range }, never).finally(close);
    return sink.documents.map((one) => documentOf(one).event.action ?? 'first');
  };
  return { state, walk, path: join(config.state.path, 'state.db') };
}

test('other spellings and other ways to say nothing are no revision; what changes is', async () => {
  const { state, walk } = await tenant(FIRST);
  await walk();
  state.shown = { ...FIRST, Comment: '', Responses: null, Device: { Name: 'w', CylanceID: 'F'.repeat(32) } };
  expect(await walk()).toHaveLength(1);
  state.shown = { ...FIRST, Comment: 'looked at' };
  expect(await walk()).toEqual(['first', 'detection-commented']);
  state.shown = { ...FIRST, Comment: null };
  expect(await walk()).toEqual(['first', 'detection-commented', 'detection-commented']);
});

test('a state of an earlier version ships nothing again, and notices a change', async () => {
  const { state, walk, path } = await tenant(FIRST);
  await walk();
  const database = new DatabaseSync(path);
  const hash = exactHashOf(FIRST, new Set(['SeveritySortLevel', 'StatusSortLevel']));
  expect(database.prepare('UPDATE revisions SET fingerprint = ?, revision = ?').run(hash, hash).changes).toBe(1);
  database.close();
  expect(await walk()).toHaveLength(1);
  state.shown = { ...FIRST, Status: 'Done' };
  expect(await walk()).toEqual(['first', 'detection-status-changed']);
});
