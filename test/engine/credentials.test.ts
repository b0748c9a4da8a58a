/** A secret that is wrong, or is changed: the source waits and reads it again, without a restart. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jwtVerify } from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { parseConfigObject } from '../../src/config/load.ts';
import { runPipeline } from '../../src/engine/runner.ts';
import type { Config } from '../../src/engine/settings.ts';
import { type Answer, detectionsOf, type FakeOptions, fakeVendor } from './fake-vendor.ts';
import { memorySink, type Opened, openPipeline, scratch, simulate, TENANT, testConfig } from './harness.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const RIGHT = 'the-right-secret-of-the-test';
const WRONG = 'a-wrong-secret-of-the-test';

/** A vendor whose secret may be changed: tokens of an earlier one are refused from then on. */
async function cylance(folder: string, secret: string, answer?: FakeOptions['answer']) {
  let accepted = RIGHT;
  let detections = 2;
  const newestMs = Date.now();
  const vendor = await fakeVendor({
    detections: () => detectionsOf(3, newestMs).slice(0, detections),
    async answer(path, query, request, body): Promise<Answer | undefined> {
      const told = await answer?.(path, query, request, body);
      if (told !== undefined) return told;
      if (path !== '/auth/v2/token') {
        const isOurs = request.headers.authorization === `Bearer ${accepted}`;
        return isOurs ? undefined : { status: 401, body: { message: 'token revoked' } };
      }
      const isRight = await jwtVerify(JSON.parse(body).auth_token, Buffer.from(accepted)).then(
        () => true,
        () => false,
      );
      if (isRight) return { body: { access_token: accepted } };
      return { status: 401, body: { message: `no such application: ${JSON.parse(body).auth_token}` } };
    },
  });
  cleanUps.push(() => vendor.close());
  const file = join(folder, 'secret');
  const setSecret = (text: string) => writeFileSync(file, `${text}\n`);
  setSecret(secret);
  const config = testConfig(vendor.url, folder, {
    source: { application_secret: `file:${file}` },
    reading: { poll: '1s', lookback: '1h' },
  });
  return {
    ...{ config, setSecret, asked: vendor.asked },
    changeAtVendor(secret: string) {
      accepted = secret;
      detections++;
    },
  };
}

/** The simulator's key does not change, so what is "changed at the vendor" is changed in the file. */
async function apexCentral(folder: string, secret: string) {
  const apex = { applicationId: 'app-1', apiKey: RIGHT, footprints: 4 };
  const simulator = await simulate({ ...TENANT, seed: 7, detections: 0, apex });
  cleanUps.push(() => simulator.close());
  const file = join(folder, 'secret');
  const setSecret = (text: string) => writeFileSync(file, `${text}\n`);
  setSecret(secret);
  const source = {
    ...{ name: 'apex', connector: 'apex_central', base_url: simulator.url, application_id: 'app-1' },
    ...{ api_key: `file:${file}`, reading: { task_poll: '10ms', snapshot: '1m' } },
    retry: { deadline: '60s', first_delay: '5ms', max_delay: '50ms' },
  };
  const knownStreams = streams.map(({ stream, connector }) => ({ name: stream.name, connector }));
  const sinks = [{ name: 'files', type: 'ndjson', path: join(folder, 'out') }];
  const object = { state: { path: join(folder, 'state') }, sources: [source], sinks };
  const { config } = parseConfigObject(object, { knownStreams });
  return { config, setSecret };
}

function run(config: Config, once = false) {
  const sink = memorySink();
  const opened = openPipeline(config, { sink });
  const stop = new AbortController();
  let failure: unknown;
  const schedule = config.sources[0]?.reading as NonNullable<(typeof config.sources)[0]>['reading'];
  const running = runPipeline(opened.pipeline, { schedule, store: opened.store, signal: stop.signal, once });
  const ended = running.catch((error: unknown) => {
    failure = error;
  });
  cleanUps.push(async () => {
    stop.abort();
    await ended;
    await opened.close();
  });
  return { sink, opened, ended, failure: () => failure };
}

const troubleOf = ({ refusals }: Opened) => refusals.troubles([])[0];
const patient = { timeout: 30_000, interval: 50 };

describe('a wrong secret at the first start', () => {
  test.each([
    ['Cylance', cylance],
    ['Apex Central', apexCentral],
  ])('of %s is waited for as failing, and `run` goes on with the right one', async (_, connect) => {
    const folder = scratch();
    cleanUps.push(folder.remove);
    const { config, setSecret } = await connect(folder.path, WRONG);
    const { sink, opened, failure } = run(config);
    await expect.poll(() => troubleOf(opened), patient).toMatchObject({ isFailing: true });
    expect(troubleOf(opened)?.advice).toMatch(/application_(id|secret)/);
    expect(JSON.stringify(troubleOf(opened))).not.toMatch(/eyJ|wrong-secret/);
    setSecret(RIGHT);
    await expect.poll(() => sink.documents.length, patient).toBeGreaterThan(1);
    expect(troubleOf(opened)).toBeUndefined();
    expect(failure()).toBeUndefined();
  });

  test.each([
    ['Cylance', cylance],
    ['Apex Central', apexCentral],
  ])('of %s ends `run --once` at once', async (_, connect) => {
    const folder = scratch();
    cleanUps.push(folder.remove);
    const { config } = await connect(folder.path, WRONG);
    const { ended, failure } = run(config, true);
    const startedAtMs = performance.now();
    await ended;
    expect(failure()).toMatchObject({ isLockedOut: true, message: expect.stringMatching(/refused the (cred|sign)/) });
    expect(performance.now() - startedAtMs).toBeLessThan(5000);
  });
});

describe('a secret that is changed while Sluice runs', () => {
  test('at the vendor first: failing until the file has it, and then everything goes on', async () => {
    const folder = scratch();
    cleanUps.push(folder.remove);
    const { config, setSecret, changeAtVendor, asked } = await cylance(folder.path, RIGHT);
    const { sink, opened, failure } = run(config);
    await expect.poll(() => sink.documents.length, patient).toBe(2);
    changeAtVendor('another-secret-of-the-test');
    await expect
      .poll(() => troubleOf(opened), patient)
      .toMatchObject({
        isFailing: true,
        reason: expect.stringContaining('no such application: [removed]'),
      });
    const tokens = asked.filter((path) => path.endsWith('/token')).length;
    expect(tokens).toBeLessThan(6); // one for all who wait, with pauses
    setSecret('another-secret-of-the-test');
    await expect.poll(() => sink.documents.length, patient).toBe(3);
    expect(troubleOf(opened)).toBeUndefined();
    expect(failure()).toBeUndefined();
  });

  test('a key of Apex Central that is wrong for a while, or a file that is missing meanwhile', async () => {
    const folder = scratch();
    cleanUps.push(folder.remove);
    const { config, setSecret } = await apexCentral(folder.path, RIGHT);
    const { sink, opened, failure } = run(config);
    await expect.poll(() => sink.documents.length, patient).toBeGreaterThan(1);
    setSecret('');
    const asking = opened.pipeline.client.json({
      ...{ path: '/WebApp/OSCE_iES/OsceIes/ApiEntry', route: 'probe', scope: '', priority: 'live' },
      body: {
        Url: 'V1/Task/ShowScanSummaryList',
        TaskType: 4,
        Payload: { pagination: { offset: 0, limit: 1 }, scanType: [0] },
      },
      ...{ signal: new AbortController().signal, accept: () => 'answered' },
    });
    await expect.poll(() => troubleOf(opened)?.reason, patient).toMatch(/secret is empty/);
    setSecret(WRONG);
    await expect.poll(() => troubleOf(opened)?.reason, patient).toMatch(/refused the signature/);
    setSecret(RIGHT);
    expect(await asking).toBe('answered');
    expect(failure()).toBeUndefined();
  });
});

test.each([
  ['a line end behind it', `${RIGHT}\r\n`, 1],
  ['letters that no header takes', 'ключ', 2],
])('a token with %s is used, or asked for again at once', async (_what, token, requests) => {
  const folder = scratch();
  cleanUps.push(folder.remove);
  let asked = 0;
  const { config } = await cylance(folder.path, RIGHT, (path) => {
    if (!path.endsWith('/token')) return undefined;
    return { body: { access_token: asked++ === 0 ? token : RIGHT } };
  });
  const { sink, ended, failure } = run(config, true);
  await ended;
  expect(failure()).toBeUndefined();
  expect(sink.documents).toHaveLength(2);
  expect(asked).toBe(requests);
});

describe('a token endpoint that is no such thing', () => {
  test.each([
    [302, /redirects: set region or base_url .*login page/],
    [403, /what stands in between/],
    [404, /no token endpoint at this address/],
    [400, /application_secret/],
  ])('with %i says so in the vendor’s words, and keeps its Retry-After', async (status, advice) => {
    const folder = scratch();
    cleanUps.push(folder.remove);
    const style = `<style>${'a { color: red } '.repeat(200)}</style>`;
    const body = `<html><head>${style}</head><body><h1>Blocked by</h1> <b>the proxy</b></body></html>`;
    const headers = { 'content-type': 'text/html', 'retry-after': '77', location: 'https://login.example' };
    const answer = (path: string) => (path.endsWith('/token') ? { status, headers, body } : undefined);
    const { config } = await cylance(folder.path, RIGHT, answer);
    const { ended, failure } = run(config, true);
    await ended;
    expect(failure()).toMatchObject({
      isLockedOut: true,
      advice: expect.stringMatching(advice),
      message: expect.stringContaining('Blocked by the proxy'),
    });
    const { waitMs } = failure() as { waitMs: number };
    expect(waitMs).toBeGreaterThan(70_000);
    expect(waitMs).toBeLessThanOrEqual(77_000);
  });
});
