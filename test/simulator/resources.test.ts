/** The registry: what each resource says of itself is what is served, and no two claim the same. */
import { expect, test } from 'vitest';
import { FAULT_NAMES, itemsOfEach, readFaultPlan, type SimulatorOptions } from '../../simulator/index.ts';
import { RESOURCES, STREAMS } from '../../simulator/resources.ts';
import { withSimulator } from './client.ts';

const SOME: Partial<SimulatorOptions> = {
  ...{ detections: 20, instaQueries: 12, resultsPerQuery: 5, retrievedFiles: 10, items: itemsOfEach(5) },
  apex: { footprints: 3 },
};

function repeated(names: readonly string[]): string[] {
  return names.filter((name, at) => names.indexOf(name) !== at);
}

test('no two resources share a name, an endpoint or a stream', () => {
  expect(repeated(RESOURCES.map(({ name }) => name))).toEqual([]);
  expect(repeated(STREAMS)).toEqual([]);
  const endpoints = RESOURCES.flatMap(({ routes }) => [...new Set(routes.map(({ endpoint }) => endpoint))]);
  expect(repeated(endpoints)).toEqual([]);
});

test('every stream has its truth, and its totals are those of the rows', async () => {
  await withSimulator(SOME, async (simulator) => {
    for (const stream of STREAMS) {
      const rows = [...simulator.truthOf(stream)];
      expect(rows.length, stream).toBeGreaterThan(0);
      const records = new Set(rows.map(({ id }) => id)).size;
      expect(simulator.summaryOf(stream), stream).toEqual({ records, revisions: rows.length });
    }
  });
});

test('every route reaches its endpoint, whatever other routes fit its path, and a plan may name it', async () => {
  await withSimulator(SOME, async (simulator, reader) => {
    for (const { endpoint, path, method } of RESOURCES.flatMap(({ routes }) => routes)) {
      const before = simulator.stats().byEndpoint[endpoint] ?? 0;
      await reader.get(path.replace('{id}', 'AF59'), { method, body: method === undefined ? undefined : '[]' });
      expect(simulator.stats().byEndpoint, `${method ?? 'GET'} ${path}`).toMatchObject({ [endpoint]: before + 1 });
      expect(readFaultPlan([{ fault: FAULT_NAMES[0], endpoint }])).toHaveLength(1);
    }
    expect(simulator.stats()).toMatchObject({ forbiddenCalls: 0 });
    expect(simulator.stats().byStatus).not.toHaveProperty('500');
  });
});
