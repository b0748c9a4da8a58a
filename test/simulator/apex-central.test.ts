import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { type Answer, APPLICATION, call, SEED } from './client.ts';

const PATH = '/WebApp/OSCE_iES/OsceIes/ApiEntry';
const pageAt = (offset: number) => ({ pagination: { offset, limit: 3 }, scanType: [0, 1, 2, 3, 6] });
const LIST = { Url: 'V1/Task/ShowScanSummaryList', TaskType: 4, Payload: pageAt(0) };
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

let simulator: Simulator;
beforeAll(async () => {
  const apex = { applicationId: 'app', apiKey: 'key', footprints: 8, endless: 1 };
  simulator = await startSimulator({ ...APPLICATION, seed: SEED, detections: 0, apex });
});
afterAll(() => simulator.close());

interface Spoiled {
  claims?: Record<string, unknown>;
  key?: string;
  alg?: string;
  sent?: string;
  method?: string;
}

/** A signed request, as the guide describes it, with one thing wrong where asked. */
function ask(
  body: unknown,
  { claims, key = 'key', alg = 'HS256', sent, method = 'PUT' }: Spoiled = {},
): Promise<Answer> {
  const text = JSON.stringify(body);
  const checksum = createHash('sha256').update(`${method}|${PATH.toLowerCase()}||${text}`).digest('base64');
  const iat = Math.floor(Date.now() / 1000);
  const content = `${encode({ alg, typ: 'JWT' })}.${encode({ appid: 'app', iat, version: 'V1', checksum, ...claims })}`;
  const token = `${content}.${createHmac(alg.replace('HS', 'sha'), key).update(content).digest('base64url')}`;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json;charset=utf-8' };
  return call(simulator.url + PATH, { method, headers, body: sent ?? text });
}

const data = (answer: Answer) => answer.json.Data.Data;

describe('Apex Central', () => {
  it.each(['HS256', 'HS384', 'HS512'])('accepts a request that is signed with %s', async (alg) => {
    const answer = await ask(LIST, { alg });
    expect(answer.status).toBe(200);
    expect(answer.json.Meta).toEqual({ result: 1, errorCode: 0, errorMessgae: 'Success' });
  });

  const old = Math.floor(Date.now() / 1000) - 400;
  it.each([
    ['another key', { key: 'other' }],
    ['another application', { claims: { appid: 'b' } }],
    ['another version', { claims: { version: 'V2' } }],
    ['an old token', { claims: { iat: old } }],
    ['a body that differs by one byte', { sent: `${JSON.stringify(LIST)} ` }],
    ['another checksum', { claims: { checksum: 'x' } }],
  ])('refuses %s', async (_what, spoiled: Spoiled) => {
    const answer = await ask(LIST, spoiled);
    expect(answer.status).toBe(401);
    expect(answer.json.Message).toMatch(/^the /);
  });

  it('takes only PUT, and counts everything else as forbidden', async () => {
    const before = simulator.stats().forbiddenCalls;
    expect((await ask(LIST, { method: 'POST' })).status).toBe(405);
    expect(simulator.stats().forbiddenCalls).toBe(before + 1);
  });

  it('lists scan summaries by offset and limit', async () => {
    const names: string[] = [];
    for (const offset of [0, 3, 6, 9]) {
      const { content } = data(await ask({ ...LIST, Payload: pageAt(offset) }));
      expect(content[0].content.pagination.total).toBe(8);
      const { scanSummaryEntity } = content[0].content;
      names.push(...scanSummaryEntity.map((one: { scanSummaryGuid: string }) => one.scanSummaryGuid));
      for (const summary of scanSummaryEntity) {
        const Payload = { ...pageAt(0), scanType: summary.scanType, scanSummaryGuid: [summary.scanSummaryGuid] };
        const reply = data(await ask({ Url: 'V1/Task/ShowScanListByScanSummaryGuid', TaskType: 4, Payload }));
        expect(reply.content[0].content.scanEntity).toHaveLength(summary.agentCount);
      }
    }
    expect(new Set(names).size).toBe(8);
  });

  it('keeps a task running for a while, then hands out parts for the place that it gave, byte for byte', async () => {
    const { content } = data(await ask({ ...LIST, Payload: { ...pageAt(1), pagination: { offset: 1, limit: 1 } } }));
    const [{ scanSummaryGuid }] = content[0].content.scanSummaryEntity;
    const endpoints = { ...pageAt(0), scanSummaryGuid: [scanSummaryGuid] };
    const listed = data(await ask({ Url: 'V1/Task/ShowScanListByScanSummaryGuid', TaskType: 4, Payload: endpoints }));
    const [{ serverGuid, agentGuid }] = listed.content[0].content.scanEntity;
    const Payload = { serverGuid: [serverGuid], agentGuid, scanSummaryGuid };
    const first = data(await ask({ Url: 'V1/Task/ShowFootPrintTable', TaskType: 4, Payload }));
    const go = async (ContentId: string) =>
      ask({ Url: 'V1/Content/ShowContent', TaskType: 4, TaskId: first.taskId, ContentId, TopN: 1000 });
    expect(first.hasMore).toBe(false);
    expect(JSON.stringify(first.content)).not.toContain('objectId');
    expect(() => JSON.parse(first.lastContentId)).toThrow();
    for (let empty = 0; empty < 2; empty++) expect(data(await go('')).hasMore).toBe(false);
    let place = '';
    let nodes = 0;
    for (let part = 1; part <= 3; part++) {
      const reply = data(await go(place));
      expect(reply.hasMore).toBe(part < 3);
      nodes += JSON.stringify(reply.content).split('objectId').length - 1;
      place = reply.lastContentId;
    }
    expect(nodes).toBeGreaterThan(3);
    const wrong = await go(place.replace('\r\n', '\n'));
    expect([wrong.status, wrong.json.Meta.result]).toEqual([200, 0]);
  });

  it('serves ids of 64 bits as numbers and as texts, and the same records as its truth names', () => {
    const rows = [...simulator.truthOf('apex_central.footprint')];
    expect(simulator.summaryOf('apex_central.footprint')).toEqual({ records: rows.length, revisions: rows.length });
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  });
});
