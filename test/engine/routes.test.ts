/** Each request names the route that it is held with: one of the stream's endpoints, never an address with an id in it. */
import { afterEach, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { itemsOfEach } from '../../simulator/index.ts';
import type { VendorRequest } from '../../src/api/client.ts';
import { parseConfigObject } from '../../src/config/load.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { memorySink, openPipeline, scratch, simulate, TENANT, wholeRange } from './harness.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const never = new AbortController().signal;
const NAMES = streams.map(({ stream }) => stream.name);
const knownStreams = streams.map(({ stream, connector }) => ({ name: stream.name, connector }));
const LISTED_BESIDE: { [route: string]: string } = { '/detections/v2': '/detections/v2/recent' };

test.each(NAMES)('of %s', async (name) => {
  const folder = scratch();
  cleanUps.push(folder.remove);
  const apex = { applicationId: TENANT.applicationId, apiKey: TENANT.applicationSecret, footprints: 4 };
  const few = { detections: 20, instaQueries: 4, resultsPerQuery: 5, retrievedFiles: 20, items: itemsOfEach(8) };
  const simulator = await simulate({ ...TENANT, seed: 11, ...few, apex });
  cleanUps.push(() => simulator.close());
  const isApex = name.startsWith('apex');
  const credentials = isApex
    ? { connector: 'apex_central', api_key: TENANT.applicationSecret }
    : { connector: 'cylance', application_secret: TENANT.applicationSecret, tenant_id: TENANT.tenantId };
  const source = {
    ...{ name: 'acme', base_url: simulator.url, application_id: TENANT.applicationId, ...credentials },
    ...{ streams: [name], rate: { requests_per_second: 10_000, concurrency: 8 } },
    reading: isApex ? { task_poll: '10ms' } : {},
  };
  const sinks = [{ name: 'files', type: 'ndjson', path: `${folder.path}/out` }];
  const object = { state: { path: `${folder.path}/state` }, sources: [source], sinks };
  const { pipeline, close } = openPipeline(parseConfigObject(object, { knownStreams }).config, { sink: memorySink() });
  cleanUps.push(close);
  const asked: Pick<VendorRequest, 'path' | 'route' | 'body'>[] = [];
  const { client } = pipeline;
  pipeline.client = {
    ...client,
    json: (request) => {
      asked.push(request);
      return client.json(request);
    },
    parts: (request) => {
      asked.push(request);
      return client.parts(request);
    },
  };
  await runWalk(pipeline, wholeRange(simulator), never);
  const endpoints = pipeline.registered.stream.about.endpoints.map((endpoint) => endpoint.split(' ')[1]);
  expect(new Set(asked.map(({ route }) => route))).toEqual(new Set(endpoints));
  for (const { path, route, body } of asked) {
    const template = new RegExp(`^${route.replace(/\{\w+\}/g, '[^/{}]+')}$`);
    if (body === undefined) expect([route, LISTED_BESIDE[route]].includes(path) || template.test(path)).toBe(true);
    else expect(body.Url).toBe(route);
  }
});
