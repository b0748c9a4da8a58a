/** A rule set is list record and content together: a change of either is one, and is called what it is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { runPipeline } from '../../src/engine/runner.ts';
import { confirmAllCommitted } from '../e2e/committed.ts';
import { documentOf, memorySink, openPipeline, scratch, simulate, testConfig } from './harness.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

test('changes of its policies, its rules and its name are named', async () => {
  const living = { itemsMove: 5, itemsDeleted: 2, dwellMs: 150, confirm: true };
  const simulator = await simulate({ seed: 11, detections: 0, items: { 'rule-sets': 12 }, living });
  const folder = scratch();
  const sink = memorySink();
  const source = { streams: ['cylance.rule_set'] };
  const config = testConfig(simulator.url, folder.path, { source, reading: { snapshot: '1s' } });
  const { pipeline, store, close } = openPipeline(config, { sink });
  const confirmer = confirmAllCommitted(simulator, config.state.path);
  cleanups.push(folder.remove, () => simulator.close(), close, confirmer.stop);
  const stop = new AbortController();
  const schedule = { ...(config.sources[0] as (typeof config.sources)[number]).reading, snapshotMs: 100 };
  const ended = runPipeline(pipeline, { schedule, store, signal: stop.signal, once: false });
  for (let wait = 0; wait < 300 && simulator.stats().pending > 0; wait++) await sleep(100);
  await sleep(500);
  stop.abort();
  await ended;
  const documents = sink.documents.map(documentOf);
  const stories = new Map<unknown, unknown[]>();
  for (const { event } of documents) stories.set(event.id, [...(stories.get(event.id) ?? []), event.action]);
  const counted = new Map<string, number>();
  for (const story of stories.values()) counted.set(story.join(), (counted.get(story.join()) ?? 0) + 1);
  expect(Object.fromEntries(counted)).toEqual({
    '': 5,
    ',rule-set-policies-changed,rule-set-rules-changed,rule-set-renamed': 5,
    ',rule-set-deleted': 2,
  });
  const [first] = documents.filter(({ event }) => event.action === 'rule-set-policies-changed');
  expect(first?.cylance).toMatchObject({ rule_set: { policies: expect.any(Array), rules: expect.any(Array) } });
});
