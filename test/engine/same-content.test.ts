/** The same content is the same revision, however it is spelled, in a state that an earlier version wrote, and after a lost one. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import { detection } from '../../connectors/cylance/detection.ts';
import { digestOf, documentId, exactDigestOf, exactHashOf } from '../../src/api/records/identity.ts';
import { runWalk } from '../../src/engine/walk.ts';
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

async function tenant(first: object, ...others: object[]) {
  const state = { shown: first, isDetailDown: false };
  const vendor = await fakeVendor({
    detections: () => [state.shown, ...others],
    answer: (path) => (state.isDetailDown && path.endsWith('/d1/details') ? { status: 404, body: {} } : undefined),
  });
  const folder = scratch();
  const sink = memorySink();
  const config = testConfig(vendor.url, folder.path);
  cleanUps.push(folder.remove, () => vendor.close());
  const walk = async (kind: 'live' | 'refresh' = 'live', laterMs = 0) => {
    const { pipeline, close } = openPipeline(config, { sink, now: () => Date.now() + laterMs });
    const range = { fromMs: NOW_MS - 3_600_000, toMs: NOW_MS };
    await runWalk(pipeline, { id: kind, kind, range }, never).finally(close);
    return sink.documents.filter(({ key }) => key === 'd1').map((one) => documentOf(one).event.action ?? 'first');
  };
  /** As an earlier version would have remembered it. */
  const remember = (columns: Record<string, string>) => {
    const database = new DatabaseSync(join(config.state.path, 'state.db'));
    const set = Object.keys(columns).map((name) => `${name} = ?`);
    const { changes } = database
      .prepare(`UPDATE revisions SET ${set.join()} WHERE key = 'd1'`)
      .run(...Object.values(columns));
    database.close();
    rmSync(join(config.state.path, 'state.seal'), { force: true }); // changed on purpose
    expect(changes).toBe(1);
  };
  const forget = () => rmSync(config.state.path, { recursive: true });
  return { state, walk, remember, forget, sink };
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

/** A part that is told with a null, under names that another reply spells in another way. */
const WITH_PARTS = {
  ...{ ...FIRST, Comment: { Text: null }, PhoneticId: 'a' },
  Responses: [{ ResponseStatus: 'Completed in the third attempt', Note: null }],
};
const SPELLED_ANEW = {
  ...WITH_PARTS,
  Comment: null,
  Responses: [{ response_status: 'Completed in the third attempt' }],
};

test('no part that says the same names a change, one that is removed does', async () => {
  const { state, walk } = await tenant(WITH_PARTS);
  await walk();
  state.shown = { ...SPELLED_ANEW, PhoneticId: 'b' };
  expect(await walk()).toEqual(['first', 'detection-updated']);
  const { Responses: _, ...withoutResponses } = SPELLED_ANEW;
  state.shown = { ...withoutResponses, PhoneticId: 'c' };
  expect((await walk()).at(-1)).toBe('detection-responded');
  state.shown = { ...withoutResponses, Responses: [], PhoneticId: 'd' };
  expect((await walk()).at(-1)).toBe('detection-updated');
});

const earlierHash = (record: object) => exactHashOf(record, new Set(detection.ignored));

test('a state of an earlier version ships nothing again, and notices a change', async () => {
  const { state, walk, remember } = await tenant(FIRST);
  await walk();
  remember({ fingerprint: earlierHash(FIRST), revision: earlierHash(FIRST) });
  expect(await walk()).toHaveLength(1);
  state.shown = { ...FIRST, Status: 'Done' };
  expect(await walk()).toEqual(['first', 'detection-status-changed']);
});

test('parts that an earlier version remembered letter by letter name no change either', async () => {
  const { state, walk, remember } = await tenant(WITH_PARTS);
  await walk();
  const digests = detection.changes.map(({ of }) => exactDigestOf(of(WITH_PARTS)));
  expect(digests).not.toEqual(detection.changes.map(({ of }) => digestOf(of(WITH_PARTS))));
  remember({ digests: digests.join('\n') });
  state.shown = { ...WITH_PARTS, PhoneticId: 'b' };
  expect(await walk()).toEqual(['first', 'detection-updated']);
  state.shown = { ...SPELLED_ANEW, PhoneticId: 'c' };
  expect((await walk()).at(-1)).toBe('detection-updated');
});

test('a part that an earlier version did not know names no change', async () => {
  const { state, walk, remember } = await tenant(WITH_PARTS);
  await walk();
  remember({ digests: 'New\nHigh' });
  state.shown = { ...WITH_PARTS, PhoneticId: 'b' };
  expect(await walk()).toEqual(['first', 'detection-updated']);
});

test('a detail that is missing while the list shows what it showed before is no change, whoever remembered it', async () => {
  const { state, walk, remember } = await tenant(FIRST, { ...FIRST, Id: 'd2' });
  await walk();
  remember({ fingerprint: earlierHash(FIRST), revision: earlierHash(FIRST) });
  state.isDetailDown = true;
  expect(await walk('refresh', 60_000)).toEqual(['first']);
  state.shown = { ...FIRST, Status: 'Done' };
  expect(await walk('refresh', 3_600_000)).toEqual(['first', 'detection-status-changed']);
});

test('after a lost state, what never changed has the ids that it had; what changed, or an earlier version shipped, has others', async () => {
  const { state, walk, forget, sink } = await tenant(FIRST, { ...FIRST, Id: 'd2' });
  await walk();
  state.shown = { ...FIRST, Status: 'Done' };
  await walk();
  const before = sink.documents.splice(0).map(({ id }) => id);
  expect(before).toHaveLength(3);
  forget();
  await walk();
  const after = new Map(sink.documents.map(({ key, id }) => [key, id]));
  expect([...after.keys()].sort()).toEqual(['d1', 'd2']);
  expect(before).toContain(after.get('d2'));
  expect(before).not.toContain(after.get('d1'));
  const earlier = documentId(detection.name, 'd2', 1, earlierHash({ ...FIRST, Id: 'd2' }));
  expect(earlier).not.toBe(after.get('d2'));
});
