/** A real Elasticsearch that refuses, is away or may only be read: one clear message, nothing lost, nothing drained into the rejections. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { committedRevisions } from '../e2e/committed.ts';
import { configOf, type Ended, openPlace, type Place, until } from '../e2e/place.ts';
import { ask, compare, DATA_STREAM } from './data-stream.ts';
import { type ElasticsearchVersion, type RunningElasticsearch, startElasticsearch } from './elasticsearch.ts';
import { startProxy, type Verdict } from './proxy.ts';

const versions: ElasticsearchVersion[] = ['9.5.3', '8.19.5'];
const DETECTIONS = 400;

describe.each(versions)('trouble with Elasticsearch %s', (version) => {
  let node: RunningElasticsearch;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let place: Place;
  let verdict: () => Verdict = () => 'forward';
  let tests = 0;
  beforeAll(async () => {
    node = await startElasticsearch({ version });
    proxy = await startProxy(node.url, ({ path }) => (path.endsWith('/_bulk') ? verdict() : 'forward'));
  });
  afterAll(async () => {
    await proxy?.stop();
    await node?.stop();
  });
  beforeEach(async () => {
    tests++;
    verdict = () => 'forward';
    place = await openPlace({ detections: DETECTIONS });
    configure();
    expect((await place.sluice('setup', 'elasticsearch')).code).toBe(0);
  });
  afterEach(() => place.close());

  /** A data stream of its own for each test: a bare core cannot delete one. */
  const name = () => `acme${tests}`;
  const dataStream = () => DATA_STREAM.replace(/acme$/, name());
  const state = () => join(place.folder, 'sluice-state');

  function configure(sink: object = {}): void {
    const elastic = { name: 'elastic', type: 'elasticsearch', nodes: [proxy.url], retry_deadline: '2s', ...sink };
    const source = { name: name(), rate: { requests_per_second: 400, concurrency: 8 } };
    const settings = { url: place.simulator.url, sinks: [elastic], source, batch: { documents: 40, wait: '100ms' } };
    place.configure(configOf(settings));
  }

  /** What went wrong said once, with what, where and what to do; and no document was blamed for it. */
  async function expectOneMessage(failed: Ended, what: RegExp, advice: RegExp): Promise<void> {
    expect({ code: failed.code, stderr: failed.stderr }).toMatchObject({ code: 1 });
    const stopped = failed.stderr.split('\n').filter((line) => line.includes('elastic has stopped'));
    expect(stopped).toEqual([expect.stringMatching(what)]);
    expect(stopped[0]).toMatch(advice);
    expect(failed.stderr).not.toMatch(/should not happen/);
    expect((await place.sluice('rejections', 'list', '--json')).stdout).toBe('');
  }

  async function expectExactSet(): Promise<void> {
    const { code, stderr } = await place.sluice('run', '--once');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const { documents, wrong } = await compare(node.url, place.simulator, undefined, dataStream());
    expect({ documents, wrong }).toEqual({ documents: DETECTIONS, wrong: [] });
    expect((await place.sluice('rejections', 'list', '--json')).stdout).toBe('');
  }

  /** Some batches have arrived, and others have not. */
  async function midway(): Promise<void> {
    await until('some batches have arrived', 60_000, () => committedRevisions(state(), 1) > 0);
    expect(committedRevisions(state(), 1)).toBeLessThan(DETECTIONS);
  }

  test('nobody answers', async () => {
    configure({ nodes: ['http://127.0.0.1:9'] });
    const failed = await place.sluice('run', '--once');
    await expectOneMessage(
      failed,
      /Elasticsearch at http:\/\/127\.0\.0\.1:9\S* cannot be reached/,
      /Check the address/,
    );
    configure();
    await expectExactSet();
  });

  test('it goes away for a while, in the middle: waited for, and said so', async () => {
    configure({ retry_deadline: '60s' });
    const running = place.start('run');
    await midway();
    verdict = () => ({ status: 503, body: { error: { type: 'unavailable_shards_exception', reason: 'not now' } } });
    await until('it is said', 30_000, () => /cannot answer \(503[^"]*not now.*; waiting/.test(running.stderr()));
    verdict = () => 'forward';
    await until('everything has arrived', 60_000, () => committedRevisions(state(), 1) >= DETECTIONS);
    expect((await running.end('SIGTERM')).code).toBe(0);
    await expectExactSet();
  });

  test('the data stream is made read-only, in the middle', async () => {
    const running = place.start('run');
    await midway();
    await ask(node.url, 'PUT', `/${dataStream()}/_settings`, { 'index.blocks.write': true });
    const where = new RegExp(`does not let ${dataStream()} be written to`);
    const isWaitedFor = new RegExp(`waiting \\d+ s, then trying again: .*${where.source}`);
    await until('its deadline has passed', 60_000, () => isWaitedFor.test(running.stderr()));
    expect(running.hasEnded()).toBeUndefined();
    await ask(node.url, 'PUT', `/${dataStream()}/_settings`, { 'index.blocks.write': null });
    await until('everything has arrived', 60_000, () => committedRevisions(state(), 1) >= DETECTIONS);
    expect((await running.end('SIGTERM')).code).toBe(0);
    await expectExactSet();
  });

  test('the data stream is read-only for a command that ends by itself', async () => {
    const running = place.start('run');
    await midway();
    await ask(node.url, 'PUT', `/${dataStream()}/_settings`, { 'index.blocks.write': true });
    await running.end('SIGTERM');
    const where = new RegExp(`does not let ${dataStream()} be written to`);
    await expectOneMessage(await place.sluice('run', '--once'), where, /Lift the block: PUT .*index\.blocks\.write/);
    await ask(node.url, 'PUT', `/${dataStream()}/_settings`, { 'index.blocks.write': null });
    await expectExactSet();
  });

  const refusals: [what: string, status: number, message: RegExp, advice: RegExp][] = [
    ['the credentials are no longer accepted', 401, /does not accept the credentials/, /Check the API key/],
    ['a privilege is taken away', 403, /does not allow this on logs-/, /Give the API key or user the index privileges/],
  ];
  test.each(refusals)('%s, in the middle', async (_what, status, message, advice) => {
    const running = place.start('run');
    await midway();
    verdict = () => ({ status, body: { error: { type: 'security_exception', reason: 'refused by the test' } } });
    await expectOneMessage(await running.ended, message, advice);
    verdict = () => 'forward';
    await expectExactSet();
  });
});
