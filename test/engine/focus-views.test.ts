/** Results of focus views: asked for where there may be some, and for as long as the status says. */
import { afterEach, expect, test } from 'vitest';
import type { VendorClient } from '../../src/api/client.ts';
import { SluiceError } from '../../src/api/errors.ts';
import type { Walk } from '../../src/api/walk.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { documentOf, memorySink, openPipeline, scratch, testConfig } from './harness.ts';

const HOUR = 3_600_000;
const ID = '4D61A68000000000000000000000AA01';
const RESULTS = `/foci/v2/${ID}/results`;
const walk: Walk = { id: 'live', kind: 'live', range: { fromMs: 0, toMs: 1 } };
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

interface Setting {
  listed?: boolean;
  configured?: string[];
}

/** A vendor with one focus view, and a pipeline that reads its results. */
function vendor(status: string, { listed = true, configured = [] }: Setting = {}) {
  const folder = scratch();
  cleanups.push(folder.remove);
  const sink = memorySink();
  const source = { streams: ['cylance.focus_view_result'], parents: { 'cylance.focus_view_result': configured } };
  let nowMs = Date.parse('2026-05-04T09:00:00Z');
  const config = testConfig('http://127.0.0.1:1', folder.path, { source, reading: { child_deadline: '2h' } });
  const { pipeline, close } = openPipeline(config, { sink, now: () => nowMs });
  cleanups.push(close);
  const view = { id: ID, description: 'Hunt', hostname: 'WKS-0042', created_at: '2026-05-04T08:00:02Z', status };
  const state = { view, reply: { id: ID, status } as Record<string, unknown> | undefined, asked: 0 };
  const client: VendorClient = {
    ...pipeline.client,
    async json(request) {
      if (request.path === '/foci/v2') {
        expect(request.query).not.toHaveProperty('q');
        const items = listed ? [state.view] : [];
        return request.accept({
          page_number: 1,
          page_size: 20,
          total_number_of_items: items.length,
          page_items: items,
        });
      }
      expect(request.path).toBe(RESULTS);
      state.asked++;
      if (state.reply === undefined) throw new SluiceError('404', { action: 'skip' });
      return request.accept(state.reply);
    },
  };
  pipeline.client = client;
  return {
    state,
    sink,
    child: () => pipeline.state.child(ID),
    async look(hours = 0) {
      nowMs += hours * HOUR;
      await runWalk(pipeline, walk, new AbortController().signal);
    },
  };
}

test('one that is pending is not asked for, and what it shows comes as soon as it is available', async () => {
  const at = vendor('PENDING');
  for (let hour = 0; hour < 5; hour++) await at.look(1);
  expect(at.state.asked).toBe(0);
  expect(at.child()?.status).toBe('overdue');
  at.state.view.status = 'AVAILABLE';
  at.state.reply = { id: ID, status: 'PENDING' }; // the list is ahead
  await at.look(1);
  await at.look(1);
  expect(at.state.asked).toBe(2);
  expect(at.child()?.status).toBe('open');
  at.state.reply = {
    id: ID,
    status: 'done',
    result: '[{"Type":"File","Path":"/tmp/a"},{"Type":"File","Path":"/tmp/b"}]',
  };
  await at.look(1);
  expect(at.sink.documents.map((one) => documentOf(one).file)).toMatchObject([{ path: '/tmp/a' }, { path: '/tmp/b' }]);
  expect(at.child()).toMatchObject({ status: 'complete', records: 2 });
  for (let hour = 0; hour < 5; hour++) await at.look(1);
  expect(at.state.asked).toBe(3);
});

test.each(['REQUEST', 'retry_request', 'UNAVAILABLE', 'DOES_NOT_EXIST', 'UNKNOWN_DEVICE'])(
  'one that is %s has no result: nobody asks until its status moves',
  async (status) => {
    const at = vendor(status);
    for (let hour = 0; hour < 5; hour++) await at.look(1);
    expect(at.state.asked).toBe(0);
    expect(at.child()).toMatchObject({ status: 'complete', records: 0 });
    at.state.view.status = 'PENDING';
    await at.look(1);
    at.state.view.status = 'AVAILABLE';
    at.state.reply = { id: ID, status: 'AVAILABLE', result: { events: [1] } };
    await at.look(1);
    expect(at.sink.documents).toHaveLength(1);
  },
);

test('one that is requested again is read again, and what is the same is not shipped twice', async () => {
  const at = vendor('AVAILABLE');
  at.state.reply = { status: 'AVAILABLE', result: { events: [1] } };
  await at.look();
  for (const status of ['PENDING', 'AVAILABLE']) {
    at.state.view.status = status;
    at.state.view.description = 'Hunt, again'; // of the view, not of what it shows
    await at.look(1);
  }
  expect(at.state.asked).toBe(2);
  expect(at.sink.documents).toHaveLength(1);
  at.state.reply = { status: 'AVAILABLE', result: { events: [1, 2] } };
  for (const status of ['PENDING', 'AVAILABLE']) {
    at.state.view.status = status;
    await at.look(1);
  }
  const events = at.sink.documents.map((one) => documentOf(one).event);
  expect(events.map(({ id, sequence, action }) => [id, sequence, action])).toEqual([
    [ID, 1, undefined],
    [ID, 2, 'focus-view-result-updated'],
  ]);
});

test('a view that shows nothing is complete when a second look agrees', async () => {
  const at = vendor('AVAILABLE');
  at.state.reply = { id: ID, status: 'AVAILABLE', result: {} };
  await at.look();
  expect(at.child()?.status).toBe('open');
  await at.look(1);
  expect(at.child()).toMatchObject({ status: 'complete', records: 0 });
  expect(at.sink.documents).toHaveLength(0);
});

test('a 404 or a reply that says nothing ends no view that is available', async () => {
  const at = vendor('AVAILABLE');
  at.state.reply = undefined;
  await at.look();
  expect(at.child()).toMatchObject({ status: 'open', failures: 1 });
  for (const reply of [{ id: 'another', status: 'DONE', result: { a: 1 } }, { message: 'try later' }]) {
    at.state.reply = reply;
    await at.look(3);
    expect(at.child()?.status).toBe('open');
  }
  expect(at.sink.documents).toHaveLength(0);
}, 20_000);

test('one that only the configuration names is asked for until its reply says how it ends', async () => {
  const at = vendor('', { listed: false, configured: [ID] });
  at.state.reply = { id: ID, status: 'UNAVAILABLE' };
  await at.look();
  await at.look(1);
  expect(at.child()?.status).toBe('open');
  at.state.reply = { id: ID, status: 'DOES_NOT_EXIST' };
  await at.look(1);
  expect(at.child()).toMatchObject({ status: 'complete', records: 0 });
});
