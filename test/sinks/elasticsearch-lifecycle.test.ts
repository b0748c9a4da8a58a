/** When documents expire, as a full cluster is asked for it: the real one of the tests is a core without these modules. */
import type { estypes } from '@elastic/elasticsearch';
import { describe, expect, test } from 'vitest';
import type { EsClient, EsRequest, Reply } from '../../src/sinks/elasticsearch/client.ts';
import { differing, setupDataStreams } from '../../src/sinks/elasticsearch/data-streams.ts';
import { checkLifecycle, demandPolicy, type Expiry, timeValue } from '../../src/sinks/elasticsearch/lifecycle.ts';
import { templatesFor } from '../../src/sinks/elasticsearch/templates.ts';

const signal = new AbortController().signal;
const DAY = 86_400_000;
const days = (count: number): Expiry => ({ kind: 'retention', retentionMs: count * DAY });
const ilm: Expiry = { kind: 'ilm', policy: 'ninety' };
const NAMES = ['logs-a.one-acme', 'logs-a.two-acme'];

type Stored = Pick<estypes.IndicesDataStream, 'name' | 'lifecycle' | 'ilm_policy' | 'prefer_ilm'> & {
  indices: Pick<estypes.IndicesDataStreamIndex, 'index_name' | 'ilm_policy' | 'prefer_ilm' | 'managed_by'>[];
};

/** Keeps data streams as the default distribution does, and refuses requests whose status is given. */
function cluster(refusals: Record<string, number | string> = {}, policies = ['ninety']) {
  const mappings = { properties: { a: { type: 'keyword' } } };
  const streams = new Map<string, Stored>(
    ['logs-a.one-acme', 'logs-a.one-other'].map((name) => [
      name,
      { name, prefer_ilm: true, indices: [{ index_name: `.ds-${name}-000001`, managed_by: 'Unmanaged' }] },
    ]),
  );
  const changes: string[] = [];
  const manage = (one: Stored) => {
    for (const index of one.indices) {
      const isIlm = index.ilm_policy !== undefined && (index.prefer_ilm ?? true);
      index.managed_by = isIlm ? 'Index Lifecycle Management' : one.lifecycle ? 'Data stream lifecycle' : 'Unmanaged';
    }
  };
  const answers: [RegExp, (name: string, body: Record<string, unknown>) => unknown][] = [
    [/^GET \/_data_stream\/([^/]+)$/, () => ({ data_streams: [...streams.values()] })],
    [
      /^GET \/_resolve\/index\/(.+)$/,
      () => ({
        data_streams: [...streams.values()].map(({ name, indices }) => ({
          name,
          backing_indices: indices.map(({ index_name }) => index_name),
        })),
      }),
    ],
    [/^GET \/(.+)\/_mapping$/, (index) => ({ [index]: { mappings } })],
    [/^POST \/_index_template\/_simulate_index\/(.+)$/, () => ({ template: { mappings } })],
    [
      /^GET \/_ilm\/policy\/(.+)$/,
      (name) =>
        policies.includes(name) ? { [name]: { version: 1 } } : { status: 404, error: { type: 'x', reason: 'y' } },
    ],
    [
      /^PUT \/_data_stream\/(.+)\/_lifecycle$/,
      (name, body: Omit<estypes.IndicesPutDataLifecycleRequest, 'name'>) => {
        const one = streams.get(name) as Stored;
        one.lifecycle = { enabled: true, data_retention: body.data_retention } as Stored['lifecycle'];
        manage(one);
      },
    ],
    [
      /^DELETE \/_data_stream\/(.+)\/_lifecycle$/,
      (name) => {
        const one = streams.get(name) as Stored;
        delete one.lifecycle;
        manage(one);
      },
    ],
    [
      /^PUT \/(.+)\/_settings$/,
      (name, body) => {
        const one = streams.get(name) as Stored;
        for (const index of one.indices) {
          if ('index.lifecycle.name' in body) index.ilm_policy = body['index.lifecycle.name'] as string;
          index.prefer_ilm = body['index.lifecycle.prefer_ilm'] as boolean;
        }
        manage(one);
      },
    ],
  ];
  const client: EsClient = {
    where: 'http://es',
    requestTimeoutMs: 1000,
    async call<Body>({ method, path, body = {}, shape }: EsRequest<Body>): Promise<Reply<Body>> {
      const line = `${method} ${path}`;
      if (method !== 'GET' && !path.includes('_simulate')) changes.push(line);
      const [, refusal] = Object.entries(refusals).find(([start]) => line.startsWith(start)) ?? [];
      const reply = (status: number, said: unknown) =>
        ({ kind: 'answer', status, body: said, retryAfterMs: undefined }) as Reply<Body>;
      if (typeof refusal === 'string') return reply(400, { error: refusal });
      if (refusal !== undefined) return reply(refusal, { error: { type: 'security_exception', reason: 'no' } });
      for (const [pattern, answer] of answers) {
        const [, name] = pattern.exec(line) ?? [];
        if (name === undefined) continue;
        const said = answer(decodeURIComponent(name), body) ?? { acknowledged: true };
        const { status = 200 } = said as { status?: number };
        return reply(status, status === 200 && shape ? shape.parse(said) : said);
      }
      throw new Error(`nobody expects ${line}`);
    },
    close: async () => {},
  };
  return { client, changes, streams };
}

const setUp = (client: EsClient, lifecycle: Expiry | undefined, dryRun = false) =>
  setupDataStreams(client, { dataStreams: NAMES, lifecycle, dryRun, signal });

describe('setup', () => {
  test('gives the data streams of the config their retention, once, and leaves those of others alone', async () => {
    const { client, changes, streams } = cluster();
    const done = { name: 'logs-a.one-acme', changed: [], action: 'unchanged', lifecycle: 'retention 90d' };
    expect(await setUp(client, days(90), true)).toEqual({ results: [done], notes: [] });
    expect(changes).toEqual([]);
    expect(await setUp(client, days(90))).toEqual({ results: [done], notes: [] });
    expect(changes).toEqual(['PUT /_data_stream/logs-a.one-acme/_lifecycle']);
    expect((await setUp(client, days(90))).results[0]?.lifecycle).toBeUndefined();
    expect(changes).toHaveLength(1);
    expect(streams.get('logs-a.one-other')?.lifecycle).toBeUndefined();
    expect((await setUp(client, days(30))).results[0]?.lifecycle).toBe('retention 30d');
    expect(streams.get('logs-a.one-acme')?.lifecycle).toMatchObject({ data_retention: '30d' });
  });

  test('goes from a retention to a policy and back, so that only one of them holds', async () => {
    const { client, streams } = cluster();
    const one = streams.get('logs-a.one-acme') as Stored;
    for (const lifecycle of [days(7), ilm, days(7), ilm]) {
      expect((await setUp(client, lifecycle)).results[0]?.lifecycle).toBeDefined();
      const holds = lifecycle.kind === 'ilm' ? 'Index Lifecycle Management' : 'Data stream lifecycle';
      expect(one.indices.map(({ managed_by }) => managed_by)).toEqual([holds]);
      expect((await setUp(client, lifecycle)).results[0]?.lifecycle, 'a second time').toBeUndefined();
      expect(await checkLifecycle(client, NAMES, lifecycle, signal)).toMatchObject({ ok: true, what: 'Lifecycle' });
    }
  });

  test('touches no lifecycle where the config has none', async () => {
    const { client, changes } = cluster();
    expect(await setUp(client, undefined)).toMatchObject({ results: [{ action: 'unchanged' }], notes: [] });
    expect(changes).toEqual([]);
  });

  test('says which privilege is missing', async () => {
    const { client } = cluster({ 'PUT /_data_stream': 403 });
    await expect(setUp(client, days(90))).rejects.toMatchObject({
      action: 'stop',
      message: 'Elasticsearch at http://es does not let data streams be managed (no)',
      advice: expect.stringContaining('`manage` on logs-*'),
    });
  });

  test('refuses a policy that is not there, or that nothing would follow', async () => {
    await expect(demandPolicy(cluster().client, ilm, signal)).resolves.toBeUndefined();
    await expect(demandPolicy(cluster({}, []).client, ilm, signal)).rejects.toMatchObject({
      message: 'there is no ILM policy "ninety" at http://es',
      advice: expect.stringContaining('Create it'),
    });
    const core = cluster({ 'GET /_ilm': 'no handler found for uri [/_ilm/policy/ninety] and method [GET]' });
    await expect(demandPolicy(core.client, ilm, signal)).rejects.toThrow('no index lifecycle management');
    await expect(demandPolicy(cluster({ 'GET /_ilm': 403 }).client, ilm, signal)).resolves.toBeUndefined();
  });
});

describe('check', () => {
  const check = (client: EsClient, lifecycle?: Expiry) => checkLifecycle(client, NAMES, lifecycle, signal);

  test('says that nothing expires, unless the cluster was told to by others', async () => {
    const { client, streams } = cluster();
    expect(await check(client)).toMatchObject({
      ok: true,
      isWarning: true,
      detail: expect.stringContaining('nothing expires'),
    });
    (streams.get('logs-a.one-acme') as Stored).ilm_policy = 'theirs';
    expect(await check(client)).toMatchObject({ ok: true, detail: expect.stringContaining('set on the cluster') });
    expect((await check(client)).isWarning).toBeUndefined();
  });

  test.each([
    ['a retention that was not set', days(90), {}, 'retention 90d does not hold for logs-a.one-acme'],
    ['a policy that was not set', ilm, {}, 'ILM policy ninety does not hold for logs-a.one-acme'],
    ['a policy that is not there', { kind: 'ilm', policy: 'gone' } as const, {}, 'there is no ILM policy "gone"'],
  ])('names %s', async (_what, lifecycle, refusals, detail) => {
    expect(await check(cluster(refusals).client, lifecycle)).toMatchObject({
      ok: false,
      detail,
      advice: expect.any(String),
    });
  });

  test('says what a smaller account or a core does not show', async () => {
    const hidden = await check(cluster({ 'GET /_data_stream': 403 }).client, days(90));
    expect(hidden).toMatchObject({ ok: true, detail: expect.stringMatching(/^retention 90d; cannot be seen \(403/) });
    const core = cluster({ 'GET /_data_stream': 'no handler found for uri [/_data_stream/x] and method [GET]' }).client;
    expect(await check(core, days(90))).toMatchObject({
      ok: true,
      isWarning: true,
      detail: expect.stringContaining('a core'),
    });
  });
});

test('a template says when documents expire, and nothing where the config does not', () => {
  const settingsOf = (lifecycle?: Expiry) => {
    const fields = { prefix: 'a', ecs: ['message'], custom: {} };
    const { componentTemplates } = templatesFor({ stream: 'a.one', fields, capability: 'full', lifecycle });
    return componentTemplates[0]?.body.template as {
      settings: { index: Record<string, unknown> };
      lifecycle?: unknown;
    };
  };
  expect(settingsOf()).toEqual({ settings: { index: { codec: expect.anything(), mapping: expect.anything() } } });
  expect(settingsOf(days(90))).toMatchObject({
    lifecycle: { data_retention: '90d' },
    settings: { index: { lifecycle: { prefer_ilm: false } } },
  });
  expect(settingsOf(ilm)).toMatchObject({ settings: { index: { lifecycle: { name: 'ninety' } } } });
  expect(settingsOf(ilm).lifecycle).toBeUndefined();
  expect([DAY, DAY + 3_600_000, 90_000, 1500].map(timeValue)).toEqual(['1d', '25h', '90s', '1500ms']);
});

describe('mappings', () => {
  const there = {
    date_detection: false,
    properties: {
      a: { type: 'keyword' },
      o: { properties: { b: { type: 'long' }, came: { type: 'text' } } },
      e: { properties: { c: { type: 'ip' } } },
    },
  };
  const wanted = (more: Record<string, unknown>) => ({ ...there, ...more });
  test.each([
    [
      'are the same where documents only added fields',
      { ...there, properties: { a: { type: 'keyword' }, e: { type: 'object' } } },
      [],
    ],
    ['differ by a field', wanted({ properties: { o: { properties: { n: { type: 'ip' } } } } }), ['o.n']],
    ['differ by a type', wanted({ properties: { o: { properties: { b: { type: 'ip' } } } } }), ['o.b']],
    ['differ by a parameter', wanted({ properties: { a: { type: 'keyword', ignore_above: 5 } } }), ['a']],
    [
      'differ by a field below a field',
      wanted({ properties: { a: { type: 'keyword', fields: { t: { type: 'text' } } } } }),
      ['a'],
    ],
    ['differ where an object became a field', wanted({ properties: { o: { type: 'flattened' } } }), ['o']],
    [
      'differ where a field became an object',
      wanted({ properties: { a: { properties: { b: { type: 'ip' } } } } }),
      ['a'],
    ],
    ['differ by what is said of all fields', wanted({ date_detection: true }), ['date_detection']],
    ['do not differ by what is noted beside them', wanted({ _meta: { version: 3 } }), []],
  ])('%s', (_what, next, changed) => {
    expect(differing(next, there)).toEqual(changed);
  });
});
