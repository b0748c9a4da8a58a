/** Mappings of users: what rules do, what is kept by force, and what becomes of what they drop. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Simulator } from '../../simulator/index.ts';
import { changeFromLoss } from '../../src/engine/change/change.ts';
import { toDocument } from '../../src/engine/change/document.ts';
import { createOwnMapping, type OwnFunction } from '../../src/engine/own/mapping.ts';
import type { Rule } from '../../src/engine/own/rules.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { expectToAddUp } from './adds-up.ts';
import {
  documentOf,
  type MemorySink,
  memorySink,
  type Opened,
  openPipeline,
  scratch,
  simulate,
  testConfig,
  wholeRange,
} from './harness.ts';

const SOURCE = { name: 'acme', connector: 'cylance', tenantId: 't', keepOriginal: false };
const document = () => ({
  '@timestamp': '2026-01-01T00:00:00.000Z',
  event: { kind: 'event', id: 'k', hash: 'h', sequence: 2, severity: 30, dataset: 'x.y' },
  data_stream: { type: 'logs', dataset: 'x.y', namespace: 'acme' },
  host: { name: 'Desk-1', ip: ['10.0.0.1', '10.0.0.2'] },
  process: { command_line: 'C:\\Windows\\x.exe -a' },
  x: { y: { parts: [{ path: 'a', hash: '1' }, { path: 'b' }] } },
  tags: ['one'],
});

function ruled(...rules: Rule[]) {
  return createOwnMapping({ rules }, undefined).apply(document(), {}, SOURCE);
}

function called(own: OwnFunction, ...rules: Rule[]) {
  return createOwnMapping({ module: 'm', rules }, new Map([['m', own]])).apply(document(), { a: 1 }, SOURCE);
}

describe('rules', () => {
  test.each<[string, Rule['when'], boolean]>([
    ['a value', { 'event.severity': 30 }, true],
    ['another value', { 'event.severity': '30' }, false],
    ['one of a list', { 'host.name': ['a', 'Desk-1'] }, true],
    ['an entry of a list', { 'host.ip': '10.0.0.2' }, true],
    ['a member of objects in a list', { 'x.y.parts.path': 'b' }, true],
    ['all of several', { 'host.name': 'Desk-1', 'event.severity': 31 }, false],
    ['not', { 'host.name': { not: 'Desk-1' } }, false],
    ['not, of a field that is not there', { 'user.name': { not: ['a'] } }, true],
    ['exists', { 'user.name': { exists: true } }, false],
    ['exists not', { 'user.name': { exists: false } }, true],
    ['above', { 'event.severity': { above: 29, below: 31 } }, true],
    ['below', { 'event.severity': { below: 30 } }, false],
    ['like', { 'process.command_line': { like: 'c:\\windows\\*' } }, true],
    ['like, within', { 'process.command_line': { like: '*X.EXE*' } }, true],
    ['like, from end to end', { 'host.name': { like: 'desk*1' } }, true],
    ['like, which overlaps', { 'host.name': { like: 'desk-1*1' } }, false],
    ['like, without a star', { 'host.name': { like: ['desk', 'DESK-1'] } }, true],
    ['like, in no order', { 'host.name': { like: '*k*e*' } }, false],
  ])('when: %s', (_name, when, fits) => {
    expect('droppedBy' in ruled({ when, drop: true })).toBe(fits);
  });

  test('rename, add and drop change what they name, and nothing else', () => {
    const applied = ruled(
      { rename: { 'host.name': 'labels.machine', 'user.name': 'labels.nobody' } },
      { add: { 'labels.team': 'soc', tags: ['two', 'one'], 'labels.n': 3 } },
      { drop: ['process.command_line', 'x.y.parts.path', 'no.such'] },
    );
    const { process: _, ...rest } = document();
    expect(applied).toEqual({
      document: {
        ...rest,
        host: { ip: rest.host.ip },
        labels: { machine: 'Desk-1', team: 'soc', n: 3 },
        tags: ['one', 'two'],
        x: { y: { parts: [{ hash: '1' }, {}] } },
      },
    });
  });

  test('one that cannot be done is tagged, and loses nothing', () => {
    const applied = ruled({ add: { 'host.name.first': 'a' } }, { rename: { 'host.name': 'tags.first' } });
    const tags = ['one', 'mapping_rule_skipped'];
    expect(applied).toEqual({ document: { ...document(), host: { ...document().host }, tags } });
  });
});

describe('a module', () => {
  test('gets document, record and source, and returns the document, to which rules are applied then', () => {
    const own: OwnFunction = (given, record, { name }) => ({ ...given, labels: { record, name } });
    const applied = called(own, { when: { 'labels.name': 'acme' }, add: { 'labels.seen': true } });
    expect(applied).toEqual({ document: { ...document(), labels: { record: { a: 1 }, name: 'acme', seen: true } } });
  });

  test('what the guarantees need is put back, whatever it did', () => {
    const applied = called((given) => ({
      ...given,
      '@timestamp': 'never',
      event: {
        ...(given.event as object),
        id: 'mine',
        hash: 1,
        sequence: 9,
        kind: 'alert',
        dataset: 'a',
        ingested: 'x',
      },
      data_stream: { namespace: 'other' },
      _id: 'b',
    }));
    expect(applied).toMatchObject({ document: document() });
    expect(called((given) => Object.assign(given, { event: null })) as unknown).toMatchObject({
      document: { event: { id: 'k', hash: 'h', sequence: 2, dataset: 'x.y' } },
    });
  });

  test('cannot change the record', () => {
    const record = { a: { b: 1 } };
    const own: OwnFunction = (given, mine) => {
      (mine as typeof record).a.b = 2;
      return given;
    };
    createOwnMapping({ module: 'm', rules: [] }, new Map([['m', own]])).apply(document(), record, SOURCE);
    expect(record).toEqual({ a: { b: 1 } });
  });

  test.each<[unknown, string]>([
    ['text', 'it returns a string'],
    [[], 'it returns a list'],
    [Promise.resolve({}), 'it returns a promise'],
  ])('that returns %s fails', (result, why) => {
    expect(() => called(() => result)).toThrow(why);
  });

  test('drops what it returns nothing for', () => {
    expect(called(() => null)).toEqual({ droppedBy: 'the mapping m' });
    expect(called(() => undefined)).toEqual({ droppedBy: 'the mapping m' });
  });
});

describe('in a pipeline', () => {
  let place: ReturnType<typeof scratch>;
  let simulator: Simulator;
  let sink: MemorySink;
  let opened: Opened | undefined;
  const never = new AbortController().signal;

  beforeEach(async () => {
    place = scratch();
    sink = memorySink();
    simulator = await simulate({ seed: 4, detections: 60 });
  });
  afterEach(async () => {
    await opened?.close();
    opened = undefined;
    await simulator.close();
    place.remove();
  });

  function open(own: { rules?: Rule[]; module?: OwnFunction }): Opened {
    const config = testConfig(simulator.url, place.path);
    opened = openPipeline(config, { sink });
    const modules = own.module && new Map([['m', own.module]]);
    const settings = { rules: own.rules ?? [], module: own.module && 'm' };
    opened.pipeline.own = createOwnMapping(settings, modules);
    return opened;
  }
  const severities = () => sink.documents.map((one) => documentOf(one).event.severity as number);

  test('what is dropped counts as seen, has its column in the ledger, and is not asked for again', async () => {
    const whole = simulator.summaryOf('cylance.detection').records;
    const { pipeline } = open({ rules: [{ when: { 'event.severity': { below: 50 } }, drop: true }] });
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(severities().every((severity) => severity >= 50)).toBe(true);
    const dropped = whole - sink.documents.length;
    expect(dropped).toBeGreaterThan(0);
    const rows = expectToAddUp(pipeline.state);
    expect(rows.reduce((sum, row) => sum + row.dropped, 0)).toBe(dropped);
    expect(pipeline.state.counts().records).toBe(whole);
    expect(pipeline.state.recordsInAll().documents).toBe(sink.documents.length);
    const { byEndpoint } = simulator.stats();
    await runWalk(pipeline, wholeRange(simulator, 'backfill-2'), never);
    expect(expectToAddUp(pipeline.state)[0]).toMatchObject({ dropped: 0, unchanged: whole });
    expect(sink.documents).toHaveLength(whole - dropped);
    expect(byEndpoint.detail).toBe(whole);
    expect(simulator.stats().byEndpoint.detail).toBe(whole);
  });

  test('the failure of a module is that of the record, which arrives as a pipeline_error', async () => {
    const module: OwnFunction = (given) => {
      if ((given.event as { severity: number }).severity >= 50) throw new Error('cannot do this');
      return given;
    };
    const { pipeline } = open({ module });
    await runWalk(pipeline, wholeRange(simulator), never);
    const whole = simulator.summaryOf('cylance.detection').records;
    expect(sink.documents).toHaveLength(whole);
    const failed = sink.documents.map(documentOf).filter(({ event }) => event.kind === 'pipeline_error');
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.length).toBeLessThan(whole);
    expect(failed[0]).toMatchObject({
      error: { message: expect.stringContaining('the mapping m failed: cannot do this') },
    });
    expectToAddUp(pipeline.state);
  });

  test('a record that is dropped at first raises its alert when it is not dropped any more', async () => {
    let isDropping = true;
    const { pipeline } = open({ module: (given) => (isDropping ? null : given) });
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(sink.documents).toHaveLength(0);
    isDropping = false;
    const { client } = pipeline;
    const json: typeof client.json = async (request) => changed(await client.json(request));
    pipeline.client = { ...client, json };
    await runWalk(pipeline, wholeRange(simulator, 'backfill-2'), never);
    expect(sink.documents.length).toBeGreaterThan(10);
    for (const one of sink.documents.map(documentOf)) expect(one.event).toMatchObject({ sequence: 1, kind: 'alert' });
  });

  test('of what was never shipped, no detail is refreshed, and no deletion is told', async () => {
    const { pipeline } = open({ rules: [{ drop: true }] });
    await runWalk(pipeline, wholeRange(simulator), never);
    const [key = ''] = pipeline.state.keysBetween();
    expect(pipeline.state.counts()).toMatchObject({ records: 60, due: 0 });
    pipeline.own = undefined;
    const loss = await changeFromLoss(pipeline, wholeRange(simulator), key);
    expect(loss).toMatchObject({ out: undefined, isDropped: true, row: { deleted: true, ordinal: 0 } });
  });

  test('sample and walks make the same document of the same record', () => {
    const { pipeline } = open({ rules: [{ add: { 'labels.team': 'soc' } }] });
    const { registered, source, own } = pipeline;
    const facts = { key: 'k', revision: 'r', ordinal: 1, action: undefined, detailMissing: false };
    const made = toDocument(registered, source, { id: 'k' }, facts, {}, 0);
    expect(own?.apply(made, {}, source)).toMatchObject({ document: { labels: { team: 'soc' }, event: { id: 'k' } } });
  });
});

/** The reply of a vendor at which every status is another one by now. */
function changed<Reply>(reply: Reply): Reply {
  return JSON.parse(JSON.stringify(reply).replace(/("status":)"[^"]*"/gi, '$1"False Positive"'));
}
