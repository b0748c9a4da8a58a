import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { type Answer, APPLICATION, call, type Loose, SEED } from './client.ts';

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
  path?: string;
  claims?: Record<string, unknown>;
  key?: string;
  alg?: string;
  sent?: string;
  method?: string;
}

/** A signed request, as the guide describes it, with one thing wrong where asked. */
function ask(
  body: unknown,
  { claims, key = 'key', alg = 'HS256', sent, method = 'PUT', path = PATH }: Spoiled = {},
): Promise<Answer> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const checksum = createHash('sha256').update(`${method}|${path.toLowerCase()}||${text}`).digest('base64');
  const iat = Math.floor(Date.now() / 1000);
  const content = `${encode({ alg, typ: 'JWT' })}.${encode({ appid: 'app', iat, version: 'V1', checksum, ...claims })}`;
  const token = `${content}.${createHmac(alg.replace('HS', 'sha'), key).update(content).digest('base64url')}`;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json;charset=utf-8' };
  return call(simulator.url + path, { method, headers, body: method === 'GET' ? undefined : (sent ?? text) });
}

const data = (answer: Answer) => answer.json.Data.Data;
const AGENTS = '/WebApp/API/AgentResource/ProductAgents';
const SERVERS = '/WebApp/API/ServerResource/ProductServers';
const get = (path: string) => ask(undefined, { method: 'GET', path });

/** Page by page, as clients do that go by `hasMore`. */
async function allSensors(filter: object[] = []): Promise<Loose[]> {
  const all: Loose[] = [];
  for (;;) {
    const Payload = { pagination: { offset: all.length, limit: 50 }, filter };
    const { content, hasMore } = data(await ask({ Url: 'V1/Task/ShowAgentList', TaskType: 4, Payload }));
    all.push(...content[0].content.agentEntity);
    if (hasMore) continue;
    expect(content[0].content.pagination.total).toBe(all.length);
    return all;
  }
}

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

  it('lists the agents of the tenant, as products and as sensors, and the endpoints of every investigation are among them', async () => {
    const { json, status } = await get(AGENTS);
    expect([status, json.result_code, json.result_description]).toEqual([200, 1, 'Operation successful']);
    const agents = new Map<string, Loose>(json.result_content.map((one: Loose) => [one.entity_id.toUpperCase(), one]));
    expect(agents.size).toBe(json.result_content.length);
    const sensors = await allSensors();
    expect(sensors.map(({ agentGuid }) => agentGuid).sort()).toEqual([...agents.keys()].sort());
    for (const { agentGuid, serverGuid, machineName, ip } of sensors) {
      expect(agents.get(agentGuid)).toMatchObject({
        ...{ managing_server_id: serverGuid, host_name: machineName, ip_address_list: ip },
        ...{ product: 'SLF_PRODUCT_OFFICESCAN_CE', mac_address_list: expect.stringMatching(/^([0-9A-F]{2}-){5}/) },
      });
    }
    const summaries = data(await ask({ ...LIST, Payload: { ...pageAt(0), pagination: { offset: 0, limit: 50 } } }));
    for (const { scanSummaryGuid } of summaries.content[0].content.scanSummaryEntity) {
      const Payload = { ...pageAt(0), scanSummaryGuid: [scanSummaryGuid] };
      const reply = data(await ask({ Url: 'V1/Task/ShowScanListByScanSummaryGuid', TaskType: 4, Payload }));
      for (const { agentGuid, serverGuid, machineName, machineOS, userName } of reply.content[0].content.scanEntity) {
        const sensor = sensors.find((one) => one.agentGuid === agentGuid);
        expect(sensor).toMatchObject({ serverGuid, machineName, machineOS, userName });
      }
    }
  });

  it('names its devices as Cylance does', async () => {
    const tenant = await startSimulator({ ...APPLICATION, seed: SEED, detections: 0, items: { devices: 300 } });
    const sensors = new Map((await allSensors()).map((one) => [one.agentGuid.toLowerCase(), one.machineName]));
    for (const { id, record } of tenant.truthOf('cylance.device')) expect(sensors.get(id)).toBe((record as Loose).name);
    await tenant.close();
  });

  it('filters both lists', async () => {
    const [first, second] = (await allSensors()) as [Loose, Loose];
    const filtered = async (...filter: object[]) => (await allSensors(filter)).map(({ agentGuid }) => agentGuid);
    expect(await filtered({ type: 4, value: [first.ip, second.ip] })).toEqual([first.agentGuid, second.agentGuid]);
    expect(await filtered({ type: 1, value: first.machineName.toLowerCase() })).toContain(first.agentGuid);
    const servers = await filtered({ type: 2, value: 2 });
    expect(servers).toEqual(
      (await allSensors()).filter((one) => one.machineType === 'Server').map((one) => one.agentGuid),
    );
    expect(await filtered({ type: 2, value: 2 }, { type: 5, value: 'WIN_10' })).toEqual([]);
    expect((await filtered({ type: 5, value: 'WIN_10' })).length).toBeGreaterThan(20);
    const query = `?host_name=${encodeURIComponent(second.machineName)}&ip_address=${second.ip}`;
    const { json } = await get(AGENTS + query);
    expect(json.result_content.map((one: Loose) => one.entity_id.toUpperCase())).toEqual([second.agentGuid]);
    expect((await get(`${AGENTS}?host_name=nobody`)).json.result_content).toEqual([]);
  });

  it('lists the servers that manage them, under the path in any casing', async () => {
    const { json } = await get(SERVERS.replace('/API/', '/api/'));
    const managing = new Set((await allSensors()).map(({ serverGuid }) => serverGuid));
    expect(json.result_content.map((one: Loose) => one.entity_id).sort()).toEqual([...managing].sort());
    const [{ entity_id }] = json.result_content;
    expect((await get(`${SERVERS}?entity_id=${entity_id}`)).json.result_content).toHaveLength(1);
  });

  it('refuses a list whose query was not signed, and another method', async () => {
    const spoiled = { method: 'GET', path: `${AGENTS}?host_name=a`, claims: { checksum: 'x' } };
    expect((await ask(undefined, spoiled)).status).toBe(401);
    expect((await ask({}, { method: 'POST', path: AGENTS })).status).toBe(405);
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
