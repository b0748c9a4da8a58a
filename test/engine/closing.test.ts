/** Since when a record is closed, and whom a deletion concerns: what a document says because of those before it. */
import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import type { StoredDocument, StoredQuery } from '../../src/api/sink.ts';
import { rebuild } from '../../src/engine/rebuild.ts';
import { mapAnew } from '../../src/engine/remap/remap.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { toStored } from '../../src/sinks/stored.ts';
import { type DetectionsVendor, detectionAt, detectionsVendor } from './detections-vendor.ts';
import { documentOf, type MemorySink, memorySink, openPipeline, scratch, testConfig } from './harness.ts';

const never = new AbortController().signal;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const NOW = Date.UTC(2026, 2, 4, 5, 6, 7);
const NS = 1_000_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Tenant {
  vendor: DetectionsVendor;
  sink: MemorySink;
  path: string;
  clock: { ms: number };
  opened: ReturnType<typeof openPipeline>;
  /** A walk over everything and the refresh of what is due, a quarter of an hour later. */
  look(laterMs?: number): Promise<void>;
  /** The process ends, and another one begins; `between` with the state closed. */
  restart(between?: (statePath: string) => void): Promise<void>;
}

/** Two that occurred an hour ago. */
async function tenant(more: object = {}): Promise<Tenant> {
  const place = scratch();
  cleanups.push(place.remove);
  const sink = memorySink();
  const clock = { ms: NOW };
  const vendor = detectionsVendor([
    detectionAt('one', NOW - 60 * MINUTE, NOW - 59 * MINUTE, WHO),
    detectionAt('other', NOW - 50 * MINUTE, NOW - 49 * MINUTE, more),
  ]);
  const config = testConfig('http://127.0.0.1:1', place.path, {
    reading: { detail_refresh: ['15m'] },
    raw: { keep: true },
  });
  const open = () => {
    const opened = openPipeline(config, { sink, now: () => clock.ms });
    opened.pipeline.client = vendor.client;
    return opened;
  };
  const here: Tenant = {
    ...{ vendor, sink, clock, path: place.path, opened: open() },
    async look(laterMs = 15 * MINUTE) {
      clock.ms += laterMs;
      const { pipeline } = here.opened;
      await runWalk(pipeline, { id: 'sweep-1', kind: 'sweep', range: { fromMs: NOW - DAY, toMs: clock.ms } }, never);
      await runWalk(pipeline, { id: 'refresh', kind: 'refresh', range: { fromMs: 0, toMs: clock.ms } }, never);
    },
    async restart(between = () => {}) {
      await here.opened.close();
      between(`${place.path}/state`);
      here.opened = open();
    },
  };
  cleanups.push(() => here.opened.close());
  await here.look(0);
  return here;
}

const WHO = {
  Device: { CylanceId: 'AF593F38EDC1B743BDC0A6FCC53A03CD', Name: 'HOST-1' },
  DetectionRule: { Id: 'r-1', Name: 'A rule' },
  AssociatedArtifacts: [{ Uid: 'p', Type: 'Process', Name: 'cmd.exe', Owner: 'CORP\\kim' }],
};

const of = ({ sink }: Tenant, key: string) => sink.documents.filter((one) => one.key === key).map(documentOf);
/** What a document says of its closing. */
const closings = (tenant: Tenant, key: string) =>
  of(tenant, key).map(({ event, cylance, tags }) => {
    const own = (cylance as { detection: Record<string, unknown> }).detection;
    const isTagged = (tag: string) => (tags as string[] | undefined)?.includes(tag) ?? false;
    return {
      ...{ status: own.status, before: own.status_before, end: event.end, duration: event.duration },
      ...{ precision: own.end_precision, seen: isTagged('end_seen_at_poll'), unknown: isTagged('end_unknown') },
    };
  });
const open = (status: string, before?: string) => ({
  ...{ status, before, end: undefined, duration: undefined, precision: undefined, seen: false, unknown: false },
});
const closedAt = (ms: number, status: string, before: string, precisionMs = 15 * MINUTE) => ({
  ...{ status, before, end: new Date(ms).toISOString(), duration: (ms - NOW + 60 * MINUTE) * NS },
  ...{ precision: precisionMs * NS, seen: true, unknown: false },
});

function set({ vendor }: Tenant, id: string, more: object): void {
  Object.assign(vendor.rows.find(({ Id }) => Id === id) as object, more);
}

describe('a record that is closed', () => {
  test('ends when it is seen closed, keeps its end, loses it when it is opened again, and gets a new one', async () => {
    const here = await tenant();
    await here.look(); // seen open once more: by so much the end is uncertain
    set(here, 'one', { Status: 'Done' });
    await here.look();
    const end = NOW + 30 * MINUTE;
    set(here, 'one', { Comment: 'why' });
    await here.look();
    set(here, 'one', { Status: 'False Positive' });
    await here.look();
    set(here, 'one', { Status: 'In Progress' });
    await here.look();
    set(here, 'one', { Status: 'Done' });
    await here.look();
    expect(closings(here, 'one')).toEqual([
      open('New'),
      closedAt(end, 'Done', 'New'),
      closedAt(end, 'Done', 'New'),
      closedAt(end, 'False Positive', 'Done'),
      open('In Progress', 'False Positive'),
      closedAt(NOW + 90 * MINUTE, 'Done', 'In Progress'),
    ]);
    expect(new Set(of(here, 'one').map(({ '@timestamp': time }) => time)).size).toBe(1);
  });

  test('that was never seen open has no end, and says so', async () => {
    const here = await tenant({ Status: 'Done' });
    set(here, 'other', { Comment: 'why' });
    await here.look();
    set(here, 'other', { Status: 'False Positive' });
    await here.look();
    const unknown = { ...open('Done'), unknown: true };
    expect(closings(here, 'other')).toEqual([
      unknown,
      unknown,
      { ...unknown, status: 'False Positive', before: 'Done' },
    ]);
  });

  test('keeps its end through restarts, and when its document is shipped again', async () => {
    const here = await tenant();
    set(here, 'one', { Status: 'Done' });
    await here.look();
    await here.restart();
    set(here, 'one', { Comment: 'why' });
    await here.look();
    here.opened.pipeline.state.undeliver([{ key: 'one', ordinal: 3 }]);
    await here.look();
    const [, closed, later, again] = of(here, 'one');
    expect(closings(here, 'one')[1]).toEqual(closedAt(NOW + 15 * MINUTE, 'Done', 'New'));
    expect(closings(here, 'one').slice(2)).toEqual([closings(here, 'one')[1], closings(here, 'one')[1]]);
    expect(closed?.event.sequence).toBe(2);
    const when = { ingested: 0, action: '' }; // what has changed is not told twice
    expect({ ...again, event: { ...again?.event, ...when } }).toEqual({
      ...later,
      event: { ...later?.event, ...when },
    });
  });

  test('is the same document when the record that is kept of it is mapped again', async () => {
    const here = await tenant();
    set(here, 'one', { Status: 'Done' });
    await here.look();
    set(here, 'one', { Comment: 'why' });
    await here.look();
    here.vendor.rows.splice(1, 1);
    await here.look();
    const { pipeline } = here.opened;
    const origin = { pipeline, state: pipeline.state, path: `${here.path}/state` };
    const differences: unknown[] = [];
    let looked = 0;
    for await (const one of mapAnew(origin, { fromMs: 0, toMs: Date.UTC(2100, 0) })) {
      looked++;
      differences.push(...one.differences);
    }
    expect({ looked, differences }).toEqual({ looked: 2, differences: [] });
  });

  test('has the same end after the state was rebuilt from its documents', async () => {
    const here = await tenant();
    set(here, 'one', { Status: 'Done' });
    await here.look();
    here.opened.pipeline.state.reset();
    const query: StoredQuery = { stream: 'cylance.detection', namespace: 'acme', remembered: true };
    const stored = (): StoredDocument[] =>
      here.sink.documents.map((one) => toStored(query, one.id, documentOf(one), 'here'));
    await rebuild(
      here.opened.pipeline,
      (async function* () {
        yield stored();
      })(),
    );
    await here.look();
    set(here, 'one', { Comment: 'why' });
    set(here, 'other', { Status: 'Done' });
    await here.look();
    expect(closings(here, 'one').slice(1)).toEqual(Array(2).fill(closedAt(NOW + 15 * MINUTE, 'Done', 'New')));
    expect(closings(here, 'other')[1]).toMatchObject({ before: 'New', end: new Date(here.clock.ms).toISOString() });
    here.vendor.rows.splice(0, 1);
    await here.look();
    expect(of(here, 'one').at(-1)).toMatchObject({ host: { name: 'HOST-1' }, rule: { name: 'A rule' } });
  });

  test('in a state of an earlier version is known by its status', async () => {
    const here = await tenant();
    await here.restart(forgetLast);
    set(here, 'one', { Status: 'Done' });
    await here.look();
    expect(closings(here, 'one')[1]).toEqual({
      ...closedAt(here.clock.ms, 'Done', 'New'),
      precision: undefined,
    });
  });

  test('later than it began by a clock that runs fast has no duration', async () => {
    const here = await tenant();
    set(here, 'one', { Status: 'Done', OccurrenceTime: new Date(NOW + DAY).toISOString() });
    await here.look();
    expect(closings(here, 'one')[1]).toMatchObject({ end: expect.any(String), duration: undefined });
  });
});

/** Rows as they were before anything of documents was remembered. */
function forgetLast(statePath: string): void {
  const database = new DatabaseSync(`${statePath}/state.db`);
  database.exec(`UPDATE revisions SET digests = substr(digests, 1, instr(digests, char(9)) - 1)`);
  database.close();
  rmSync(`${statePath}/state.seal`);
}

describe('a deletion', () => {
  const WHOM = {
    host: { id: 'af593f38-edc1-b743-bdc0-a6fcc53a03cd', name: 'HOST-1' },
    user: { name: 'kim', domain: 'CORP' },
    rule: { id: 'r-1', name: 'A rule' },
  };

  test('says whom it concerns, and what the record was before', async () => {
    const here = await tenant();
    set(here, 'one', { Status: 'Done' });
    await here.look();
    here.vendor.rows.splice(0, 1);
    await here.look();
    const tombstone = of(here, 'one').at(-1);
    expect(tombstone).toMatchObject({
      ...{ ...WHOM, related: { hosts: ['HOST-1'], user: ['kim'] }, tags: ['as_last_delivered', 'end_seen_at_poll'] },
      event: { action: 'detection-deleted', end: new Date(NOW + 15 * MINUTE).toISOString() },
      cylance: { detection: { deleted: true, status_before: 'Done' } },
    });
  });

  test('of a record that an earlier version delivered says so once the record was looked at again', async () => {
    const here = await tenant();
    await here.restart(forgetLast);
    await here.look();
    here.vendor.rows.splice(0, 1);
    await here.look();
    expect(of(here, 'one').at(-1)).toMatchObject({ ...WHOM, cylance: { detection: { status_before: 'New' } } });
  });

  test('does not remember a name that is endless', async () => {
    const here = await tenant();
    set(here, 'one', { DetectionRule: { Id: 'r-1', Name: 'x'.repeat(5000) } });
    await here.look();
    here.vendor.rows.splice(0, 1);
    await here.look();
    expect(of(here, 'one').at(-1)?.rule).toEqual({ id: 'r-1' });
  });
});

test('a stream with a lifecycle declares what its closings say', () => {
  const closing = streams.filter(({ stream }) => stream.lifecycle !== undefined);
  expect(closing.map(({ stream }) => stream.name)).toContain('cylance.detection');
  for (const { stream, fields } of closing) {
    expect(fields.ecs).toEqual(expect.arrayContaining(['event.end', 'event.duration']));
    expect(Object.keys(fields.custom)).toEqual(
      expect.arrayContaining(['status', 'status_before', 'end_precision'].map((name) => `${stream.name}.${name}`)),
    );
    expect(stream.changes.some(({ action }) => action === stream.lifecycle?.change)).toBe(true);
  }
});
