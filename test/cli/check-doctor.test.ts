/** `check` as a doctor: each planted problem is named, with what to do about it. Elasticsearch and vendors are of this test. */
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer, type RequestListener, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { zstdDecompressSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/index.ts';
import { mountSmallDisk } from '../e2e/small-disk.ts';
import { SECRET, TENANT, type Workplace, workplace } from './binary.ts';
import { elasticsearchThat } from './elasticsearch-kept.ts';

let place: Workplace;
const servers: Server[] = [];
const simulators: Simulator[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await Promise.all(simulators.splice(0).map((simulator) => simulator.close()));
  await place.close();
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function tenant(options: Partial<SimulatorOptions> = {}): Promise<string> {
  const simulator = await startSimulator({ ...TENANT, seed: 1, detections: 60, ...options });
  simulators.push(simulator);
  return simulator.url;
}

interface Line {
  part: string;
  what: string;
  ok: boolean;
  isWarning?: boolean;
  detail: string;
  advice?: string;
}

interface Problem {
  part: string;
  what: string;
  /** The mark of its row. */
  mark: '✗' | '!';
  says: RegExp;
  advice: RegExp;
}

const APEX = { applicationId: 'apex-application', apiKey: 'a-key-of-the-tests', footprints: 2 };

const cylance = (name: string, keys: object) => ({
  ...{ name, connector: 'cylance', streams: ['cylance.detection'], sinks: ['files'] },
  ...{ tenant_id: TENANT.tenantId, application_id: TENANT.applicationId, application_secret: SECRET },
  ...{ http: { proxy: 'none' }, retry: { first_delay: '5ms', max_delay: '20ms' }, ...keys },
});
const apex = (name: string, keys: object) => ({
  ...{ name, connector: 'apex_central', sinks: ['files'], application_id: APEX.applicationId, api_key: APEX.apiKey },
  ...{ http: { proxy: 'none' }, ...keys },
});

function configure(config: object): void {
  writeFileSync(join(place.folder, 'sluice.yaml'), JSON.stringify(config));
}

async function diagnosis(): Promise<{ lines: Line[]; code: number | null; stdout: string }> {
  const { code, stdout, stderr } = await place.sluice('check', '--json');
  expect(stdout, stderr).toMatch(/^\{/);
  expect(stdout + stderr).not.toMatch(/a-secret-of-the-tests|a-key-of-the-tests/);
  return { lines: (JSON.parse(stdout) as { checks: Line[] }).checks, code, stdout };
}

function requireNamed(lines: readonly Line[], problems: readonly Problem[]): void {
  for (const { part, what, mark, says, advice } of problems) {
    const found = lines.filter((line) => line.part === part && line.what === what);
    const name = `${part}, ${what}`;
    expect(
      found.map(({ ok, isWarning }) => (ok ? (isWarning ? '!' : '✓') : '✗')),
      name,
    ).toContain(mark);
    expect(found.map(({ detail }) => detail).join('\n'), name).toMatch(says);
    expect(found.map((line) => line.advice).join('\n'), name).toMatch(advice);
  }
}

/** A proxy in between that writes the JSON of requests anew, as some gateways do. */
const rewriting =
  (target: string): RequestListener =>
  async (incoming, outgoing) => {
    const body = JSON.stringify(JSON.parse(await text(incoming)), null, 1);
    const { host: _, 'content-length': __, ...headers } = incoming.headers;
    const onward = request(`${target}${incoming.url}`, { method: incoming.method, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 500, reply.headers);
      reply.pipe(outgoing);
    });
    onward.end(body);
  };

/** A vendor that refuses pages of more than so many records. */
const strict =
  (most: number): RequestListener =>
  ({ url = '' }, response) => {
    const size = Number(new URL(url, 'http://here').searchParams.get('page_size') ?? 0);
    const page = { page_number: 1, page_size: size, total_pages: 1, total_number_of_items: 1 };
    const item = { Id: 'an-id', PhoneticId: 'one', ReceivedTime: new Date().toISOString() };
    const said = url.startsWith('/auth') ? { access_token: 'a-token' } : { ...page, page_items: [item] };
    const status = size > most ? 400 : 200;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(status === 400 ? { message: 'page_size is out of range' } : url.endsWith('details') ? item : said),
    );
  };

test('problems of vendors and sinks, in one go', { timeout: 180_000 }, async () => {
  place = await workplace({ detections: 60 });
  const now = new Date().toUTCString();
  const sources = [
    cylance('well', { base_url: await tenant(), sinks: undefined }),
    cylance('wrong_secret', { base_url: await tenant(), application_secret: 'another-secret-of-nobody' }),
    cylance('clock', { base_url: await tenant({ faults: [{ fault: 'clock-skew', seconds: 1200 }] }) }),
    cylance('clock_a_little', { base_url: await tenant({ faults: [{ fault: 'clock-skew', seconds: -30 }] }) }),
    cylance('scopes', { base_url: await tenant({ scopes: ['opticsdetect:list'] }) }),
    cylance('small_pages', { base_url: await tenant({ maxPageSize: 50 }) }),
    cylance('strict_pages', { base_url: await listen(strict(100)) }),
    // Nothing leaves this machine: the proxy is a closed port.
    cylance('region', { console_url: 'https://protect-euc1.cylance.com', http: { proxy: 'http://127.0.0.1:9' } }),
    cylance('down', { base_url: 'http://127.0.0.1:9' }),
    cylance('elsewhere', { base_url: await listen((_, response) => void response.writeHead(404).end('no page')) }),
    cylance('login_page', {
      base_url: await listen(
        (_, response) => void response.writeHead(302, { location: 'https://login.example/' }).end(),
      ),
    }),
    cylance('blocked', { base_url: await listen((_, response) => void response.writeHead(403, { date: now }).end()) }),
    cylance('limited', {
      base_url: await tenant({ faults: [{ fault: 'rate-limit', endpoint: 'list', retryAfter: 'none' }] }),
    }),
    cylance('no_details', { base_url: await tenant({ faults: [{ fault: 'detail-fails', fraction: 1 }] }) }),
    apex('apex_key', { base_url: await tenant({ apex: { ...APEX, apiKey: 'another-key' } }) }),
    apex('apex_changed', { base_url: await listen(rewriting(await tenant({ apex: APEX }))) }),
    apex('apex_clock', { base_url: await tenant({ apex: APEX, faults: [{ fault: 'clock-skew', seconds: -900 }] }) }),
  ];
  const es = async (name: string, kept: Parameters<typeof elasticsearchThat>[0]) => ({
    ...{ name: `es_${name}`, type: 'elasticsearch', api_key: 'a-key-of-the-tests' },
    nodes: [await elasticsearchThat(kept, servers)],
  });
  const older = (_name: string, template: Record<string, unknown>) => ({
    ...template,
    _meta: { ...(template._meta as object), version: 1, digest: 'of-an-earlier-version' },
  });
  const file = join(place.folder, 'file');
  writeFileSync(file, '');
  const set = [
    await es('well', {}),
    await es('lacks', { lacks: ['create_doc', 'maintenance'] }),
    await es('foreign', { foreign: 'logs' }),
    await es('older', { alter: older }),
    await es('full', { block: 'read_only_allow_delete' }),
    await es('blocked', { block: 'write' }),
    await es('index', { taken: 'index' }),
    await es('alias', { taken: 'alias' }),
  ];
  const others = [
    { name: 'files', type: 'ndjson' },
    await es('unset', {}),
    { ...(await es('no_ilm', {})), ilm_policy: 'thirty-days' },
    await es('old', { version: '7.17.9' }),
    await es('key', { status: 401 }),
    { ...(await es('down', {})), nodes: ['http://127.0.0.1:9'] },
    { ...(await es('no_es', {})), nodes: [await listen((_, response) => void response.end('<html>hello</html>'))] },
    { name: 'kafka_down', type: 'kafka', brokers: ['127.0.0.1:9'] },
    { name: 'no_folder', type: 'ndjson', path: file },
  ];
  configure({ sources, sinks: set });
  const [well] = sources;
  configure({ sources: [{ ...well, sinks: undefined }], sinks: set });
  const made = await place.sluice('setup', 'elasticsearch');
  expect(made).toMatchObject({ code: 0 });
  // In two parts, so that a busy machine answers each of them in time.
  configure({ sources: [{ ...well, sinks: ['files'] }, ...sources.slice(1)], sinks: others.slice(0, 1) });
  const ofSources = await diagnosis();
  configure({ sources: [well], sinks: [...others, ...set] });
  const { lines: ofSinks, code } = await diagnosis();
  const lines = [...ofSources.lines, ...ofSinks];
  const credentials = { what: 'credentials', mark: '✗' as const };
  requireNamed(lines, [
    {
      part: 'source wrong_secret',
      ...credentials,
      says: /refused the credentials/,
      advice: /application_secret.*base_url is 127/,
    },
    {
      part: 'source clock',
      what: 'clock',
      mark: '✗',
      says: /is 20 min behind the vendor's/,
      advice: /Set the clock \(NTP\)/,
    },
    {
      part: 'source clock_a_little',
      what: 'clock',
      mark: '!',
      says: /is 3\d s ahead of the vendor's/,
      advice: /\(NTP\)/,
    },
    {
      ...{ part: 'source scopes', what: 'scopes', mark: '✗', says: /opticsdetect:read \(cylance\.detection\)/ },
      advice: /grant the application these scopes .*: opticsdetect:read\. It has, and keeps: opticsdetect:list\./,
    },
    {
      part: 'source small_pages',
      what: 'page size',
      mark: '!',
      says: /gives 50 records a page/,
      advice: /page_size of the source to 50/,
    },
    {
      part: 'source strict_pages',
      what: 'page size',
      mark: '✗',
      says: /answered 400: .*page_size/,
      advice: /lower reading\.page_size .*it is 200/,
    },
    {
      part: 'source region',
      what: 'region',
      mark: '✗',
      says: /region euc1, the API at .* of na/,
      advice: /Set region: euc1/,
    },
    { part: 'source down', ...credentials, says: /ECONNREFUSED/, advice: /Check the network, the proxy/ },
    { part: 'source elsewhere', ...credentials, says: /answered 404/, advice: /Check region and base_url/ },
    {
      part: 'source login_page',
      ...credentials,
      says: /302 \(to https:\/\/login\.example/,
      advice: /The address redirects/,
    },
    {
      part: 'source blocked',
      ...credentials,
      says: /answered 403/,
      advice: /the application is enabled in the console/,
    },
    {
      part: 'source limited',
      what: 'cylance.detection list',
      mark: '✗',
      says: /answered 429/,
      advice: /requests_per_second/,
    },
    {
      part: 'source no_details',
      what: 'cylance.detection detail',
      mark: '✗',
      says: /answered 500/,
      advice: /vendor fails.*hand this line/,
    },
    {
      part: 'source apex_key',
      ...credentials,
      says: /refused the signature/,
      advice: /Check application_id and api_key/,
    },
    {
      part: 'source apex_changed',
      ...credentials,
      says: /the checksum does not fit/,
      advice: /something between .* changes requests/,
    },
    {
      part: 'source apex_clock',
      ...credentials,
      says: /too old, or of the future/,
      advice: /clock is 15 min ahead of/,
    },
    { part: 'source apex_clock', what: 'clock', mark: '✗', says: /15 min ahead of/, advice: /Set the clock/ },
    {
      part: 'sink es_unset',
      what: 'Index templates',
      mark: '✗',
      says: /./,
      advice: /Run `sluice setup elasticsearch` once/,
    },
    {
      part: 'sink es_no_ilm',
      what: 'Lifecycle',
      mark: '✗',
      says: /no index lifecycle management/,
      advice: /Remove `ilm_policy`/,
    },
    {
      part: 'sink es_old',
      what: 'Elasticsearch reachable',
      mark: '✗',
      says: /7\.17\.9/,
      advice: /8\.19 and 9: upgrade/,
    },
    { part: 'sink es_key', what: 'Elasticsearch reachable', mark: '✗', says: /401/, advice: /Check the API key/ },
    { part: 'sink es_down', what: 'Elasticsearch reachable', mark: '✗', says: /ECONNREFUSED/, advice: /./ },
    { part: 'sink es_no_es', what: 'Elasticsearch reachable', mark: '✗', says: /./, advice: /address/ },
    {
      part: 'sink es_lacks',
      what: 'May write',
      mark: '✗',
      says: /create_doc on .*maintenance on/,
      advice: /Add these index privileges/,
    },
    {
      part: 'sink es_foreign',
      what: 'Index templates',
      mark: '✗',
      says: /logs/,
      advice: /Lower the priority of logs below/,
    },
    {
      part: 'sink es_older',
      what: 'Index templates',
      mark: '✗',
      says: /missing, or older than this version/,
      advice: /setup elasticsearch/,
    },
    {
      part: 'sink es_full',
      what: 'Not blocked',
      mark: '✗',
      says: /read_only_allow_delete/,
      advice: /disk of a node is nearly full/,
    },
    { part: 'sink es_blocked', what: 'Not blocked', mark: '✗', says: /blocks\.write/, advice: /Lift it: PUT/ },
    { part: 'sink es_index', what: 'Data streams', mark: '✗', says: /is a plain index/, advice: /_reindex/ },
    {
      part: 'sink es_alias',
      what: 'Data streams',
      mark: '✗',
      says: /is an alias of older-1/,
      advice: /Remove the alias/,
    },
    { part: 'sink kafka_down', what: 'Kafka reachable', mark: '✗', says: /./, advice: /brokers/ },
    { part: 'sink no_folder', what: `write to ${file}`, mark: '✗', says: /./, advice: /choose another path/ },
  ]);
  const well_ = lines.filter(({ part }) => ['source well', 'sink es_well', 'config', 'state'].includes(part));
  expect(well_.filter(({ ok }) => !ok)).toEqual([]);
  expect(well_.find(({ part, what }) => part === 'source well' && what === 'page size')?.detail).toBe(
    '200 records a page',
  );
  expect(code).toBe(1);
});

/** One problem of this machine at a time: what plants it, and the row that names it. */
const ROOMS: [name: string, plant: (state: string) => void, problem: Problem][] = [
  [
    'a state of a newer version',
    (state) => setVersion(join(state, 'state.db'), 99),
    {
      part: 'state',
      what: 'usable',
      mark: '✗',
      says: /schema 99/,
      advice: /Run the version that wrote it, or a newer one/,
    },
  ],
  [
    'a state of an earlier version',
    (state) => {
      const fixture = join(import.meta.dirname, '..', 'fixtures', 'state', 'schema-5.db.zst');
      rmSync(join(state, 'state.seal'), { force: true });
      writeFileSync(join(state, 'state.db'), zstdDecompressSync(readFileSync(fixture)), { mode: 0o600 });
    },
    { part: 'state', what: 'schema', mark: '!', says: /5, of an earlier version/, advice: /sluice state backup/ },
  ],
  [
    'a flipped bit, which only the seal tells',
    (state) => flip(join(state, 'state.db')),
    { part: 'state', what: 'usable', mark: '✗', says: /not as Sluice left it/, advice: /Restore it from a backup/ },
  ],
  [
    'a state that is no database',
    (state) => writeFileSync(join(state, 'state.db'), 'hello'.repeat(1000)),
    { part: 'state', what: 'usable', mark: '✗', says: /is damaged/, advice: /Restore it from a backup/ },
  ],
  [
    'a state that is empty',
    (state) => writeFileSync(join(state, 'state.db'), ''),
    { part: 'state', what: 'usable', mark: '✗', says: /it is empty/, advice: /Restore it from a backup/ },
  ],
];

/** The version of the schema stands in the header of the file. */
function setVersion(file: string, version: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(version);
  patch(file, 60, bytes);
}

function patch(file: string, at: number, bytes: Buffer): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

/** A bit of the id that the state was given, which SQLite takes as it comes. */
function flip(file: string): void {
  const whole = readFileSync(file);
  const at = whole.indexOf('cylance.detection');
  patch(file, at, Buffer.from([(whole[at] as number) ^ 1]));
}

test('problems of the state', { timeout: 180_000 }, async () => {
  place = await workplace({ detections: 20 });
  place.configure();
  const state = join(place.folder, 'sluice-state');
  for (const [name, plant, problem] of ROOMS) {
    rmSync(state, { recursive: true, force: true });
    rmSync(join(place.folder, 'sluice-out'), { recursive: true, force: true });
    expect(await place.sluice('run', '--once'), name).toMatchObject({ code: 0 });
    const before = await diagnosis();
    expect(
      before.lines.filter((line) => line.part === 'state' && (!line.ok || line.isWarning)),
      name,
    ).toEqual([]);
    expect(before.lines.find(({ what }) => what === 'whole')?.detail).toMatch(/^byte by byte as it was left/);
    plant(state);
    requireNamed((await diagnosis()).lines, [problem]);
  }
});

test('a port that is taken, and a disk that is nearly full', { timeout: 120_000 }, async () => {
  place = await workplace({ detections: 20 });
  const port = new URL(await listen((_, response) => void response.end())).port;
  const small = join(place.folder, 'small');
  mkdirSync(small);
  const disk = mountSmallDisk(small, 8 * 1024);
  try {
    place.configure({
      sink: `{ name: files, type: ndjson, path: ${small}/out }`,
      extra: `health: { port: ${port} }\nstate: { path: ${small}/state }`,
    });
    const { lines } = await diagnosis();
    requireNamed(lines, [
      { part: 'health', what: `port ${port}`, mark: '✗', says: /EADDRINUSE/, advice: /Another program has it/ },
    ]);
    if (disk === undefined) return; // only root may mount one
    requireNamed(lines, [
      { part: 'state', what: 'disk', mark: '✗', says: /[78] MiB free: as good as full/, advice: /Free some space/ },
      {
        part: 'sink files',
        what: `write to ${small}/out`,
        mark: '✗',
        says: /as good as full/,
        advice: /Free some space/,
      },
    ]);
    disk.grow();
    requireNamed((await diagnosis()).lines, [
      { part: 'state', what: 'disk', mark: '!', says: /only 6\d MiB free/, advice: /Free some space/ },
    ]);
  } finally {
    disk?.remove();
  }
});
