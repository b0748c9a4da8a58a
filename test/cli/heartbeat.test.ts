import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { declaredStreams, placesOf } from '../../src/commands/shared/select.ts';
import { HEARTBEAT } from '../../src/engine/heartbeat.ts';
import { templatesFor } from '../../src/sinks/elasticsearch/templates.ts';
import { testConfig } from '../engine/harness.ts';
import { until, type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place?.close());

interface Beat {
  event: Record<string, unknown>;
  sluice: { heartbeat: Record<string, unknown> };
}

function beats(): Beat[] {
  const folder = join(place.folder, 'sluice-out', 'acme', 'sluice.heartbeat');
  const names = readdirSync(join(place.folder, 'sluice-out', 'acme')).includes('sluice.heartbeat')
    ? readdirSync(folder).filter((name) => name.includes('.ndjson'))
    : [];
  return names
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Beat);
}

test('`run` tells the sink how far it is, once for each interval, and `run --once` at its end', async () => {
  place = await workplace({ detections: 5 });
  place.configure({ extra: 'heartbeat: { every: 1s }\n' });
  expect((await place.sluice('run', '--once')).code).toBe(0);
  const [first] = beats();
  expect(beats()).toHaveLength(1);
  expect(first).toMatchObject({
    agent: { type: 'sluice' },
    event: { kind: 'metric', dataset: 'sluice.heartbeat' },
    sluice: {
      heartbeat: {
        ...{ pipeline: 'acme/cylance.detection/files', source: 'acme', stream: 'cylance.detection', sink: 'files' },
        ...{ status: 'healthy', interval: 1, delivered: place.delivered().length - 1, rejected: 0, gaps: 0, owed: 0 },
        settled_until: expect.stringMatching(/^20\d\d-/),
      },
    },
  });
  const running = place.start('run');
  await until(() => beats().length >= 4);
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(0);
  const ids = beats().map(({ event }) => event.id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(beats().at(-1)?.sluice.heartbeat).toMatchObject({ delivered: 0, status: 'healthy' });
  expect((await place.sluice('check')).code).toBe(0);
});

test('its data streams and topics are among those that setup makes and check looks at, with all of its fields', () => {
  const config = testConfig('http://127.0.0.1:9', '/nowhere');
  const own = { stream: HEARTBEAT.name, namespace: 'acme' };
  expect(placesOf(config, 'files')).not.toContainEqual(own);
  expect(declaredStreams(config, [], 'files')).toEqual([]);
  config.heartbeat = { everyMs: 1000 };
  expect(placesOf(config, 'files')).toContainEqual(own);
  const [declared] = declaredStreams(config, [], 'files');
  const { componentTemplates } = templatesFor({ ...(declared as NonNullable<typeof declared>), capability: 'full' });
  const text = JSON.stringify(componentTemplates);
  for (const name of Object.keys(HEARTBEAT.fields.custom))
    expect(text).toContain(`"${name.split('.').at(-1)}":{"type"`);
});

test('without being asked for there are none', async () => {
  place = await workplace({ detections: 2 });
  place.configure();
  expect((await place.sluice('run', '--once')).code).toBe(0);
  expect(beats()).toEqual([]);
});
