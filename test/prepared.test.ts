/** What a running Sluice says of the templates of its sinks. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { afterEach, expect, test } from 'vitest';
import { type PreparedWatch, watchPrepared } from '../src/observe/prepared.ts';
import { stamped } from '../src/sinks/elasticsearch/setup.ts';
import { TEMPLATE_VERSION, templatesFor } from '../src/sinks/elasticsearch/templates.ts';
import type { SinkConfig } from '../src/sinks/registry.ts';
import type { Named } from '../src/sinks/sink-type.ts';
import { until } from './cli/binary.ts';

const stream = { stream: 'made.up' as const, fields: { prefix: 'made', ecs: ['message'], custom: {} } };
const { componentTemplates, indexTemplates } = templatesFor({ ...stream, capability: 'core' });

let server: Server | undefined;
let watch: PreparedWatch | undefined;
afterEach(async () => {
  await watch?.stop();
  server?.closeAllConnections();
  server?.close();
});

/** A cluster with these templates, or one that answers everything with a status. */
async function cluster(found: { version?: number; status?: number }): Promise<SinkConfig> {
  server = createServer((request, response) => {
    const body = (of: (typeof indexTemplates)[0]) => {
      const { _meta, ...rest } = stamped(of.body) as { _meta: Record<string, unknown> };
      return { ...rest, _meta: { ..._meta, ...(found.version === undefined ? {} : { version: found.version }) } };
    };
    const answers: [string, unknown][] = [
      ['/_index_template/_simulate_index/', {}],
      [
        '/_component_template',
        { component_templates: componentTemplates.map((one) => ({ name: one.name, component_template: body(one) })) },
      ],
      [
        '/_index_template',
        { index_templates: indexTemplates.map((one) => ({ name: one.name, index_template: body(one) })) },
      ],
    ];
    const [, answer] = answers.find(([path]) => request.url?.startsWith(path)) ?? [];
    response.writeHead(found.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}));
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sink: Named & Record<string, unknown> = {
    ...{ name: 'elastic', type: 'elasticsearch', nodes: [url], auth: { kind: 'none' } },
    ...{ dataStreams: ['logs-made.up-acme'], streams: [stream] },
  };
  return sink as unknown as SinkConfig;
}

function watched(sink: SinkConfig, everyMs?: number): string[] {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  watch = watchPrepared([sink], { log }, everyMs);
  return lines;
}

test('templates of this version are current, and nothing is said', async () => {
  const lines = watched(await cluster({}));
  await until(() => watch?.isCurrent('elastic') !== undefined);
  expect(watch?.isCurrent('elastic')).toBe(true);
  expect(lines).toEqual([]);
});

test('older ones are said once, with what to do, until setup ran', async () => {
  const found: { version?: number } = { version: TEMPLATE_VERSION - 1 };
  const lines = watched(await cluster(found), 20);
  await until(() => watch?.isCurrent('elastic') === false);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    'sluice.sink': 'elastic',
    advice: expect.stringContaining('sluice setup elasticsearch'),
    msg: 'Index templates of elastic: missing, or older than this version: logs-made.up',
  });
  found.version = undefined;
  await until(() => watch?.isCurrent('elastic') === true);
  await until(() => lines.length === 2);
  expect(lines[1]).toContain('win for all 1 data streams');
});

test('a newer Sluice that shares the cluster is no trouble', async () => {
  watched(await cluster({ version: TEMPLATE_VERSION + 1 }));
  await until(() => watch?.isCurrent('elastic') === true);
});

test.each([403, 503])('an answer %i says nothing of them', async (status) => {
  const lines = watched(await cluster({ status }), 20);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(watch?.isCurrent('elastic')).toBeUndefined();
  expect(lines).toEqual([]);
});

test('a sink of another type has nothing that grows old', async () => {
  watched({ name: 'files', type: 'ndjson' } as SinkConfig, 20);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(watch?.isCurrent('files')).toBeUndefined();
});
