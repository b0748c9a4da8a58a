/** Every listed resource, by a client that knows only what its description says. */
import { describe, expect, test } from 'vitest';
import type { SimulatorOptions } from '../../simulator/index.ts';
import { LISTED } from '../../simulator/listed/index.ts';
import { type Loose, type Reader, withSimulator } from './client.ts';

const COUNT = 45;
const SOME = (name: string, more: Partial<SimulatorOptions> = {}): Partial<SimulatorOptions> => ({
  ...{ detections: 0, items: { [name]: COUNT } },
  ...more,
});

async function listOf(reader: Reader, path: string, pageSize = 20): Promise<Loose[]> {
  const items: Loose[] = [];
  for (let page = 1; ; page++) {
    const { status, json } = await reader.get(`${path}?page=${page}&page_size=${pageSize}`);
    expect(status).toBe(200);
    expect(json.page_number).toBe(page);
    items.push(...json.page_items);
    if (page >= json.total_pages) return items;
  }
}

describe.each(LISTED.map((resource) => [resource.name, resource] as const))('%s', (name, resource) => {
  test('are listed in pages, the same at every call, 404 past the end', async () => {
    await withSimulator(SOME(name), async (simulator, reader) => {
      const items = await listOf(reader, resource.path);
      expect(items.length).toBeGreaterThanOrEqual(COUNT);
      expect(await listOf(reader, resource.path, 7)).toEqual(items);
      expect((await reader.get(`${resource.path}?page=99`)).status).toBe(404);
      expect((await reader.get(`${resource.path}?page_size=0`)).status).toBe(400);
      expect(simulator.summaryOf(resource.stream)).toEqual({ records: COUNT, revisions: COUNT });
    });
  });

  test('differ from each other, and with the seed', async () => {
    const texts: string[][] = [];
    for (const seed of [1, 2]) {
      await withSimulator(SOME(name, { seed }), async (simulator) => {
        texts.push([...simulator.truthOf(resource.stream)].map(({ record }) => JSON.stringify(record)));
      });
    }
    expect(new Set(texts[0]).size).toBe(COUNT);
    expect(texts[0]).not.toEqual(texts[1]);
  });

  test('ask for their scopes, and are only read', async () => {
    const { detailScope, parts = [] } = resource;
    const id = await someId(name);
    const places = [
      [resource.path, resource.scope],
      ...(detailScope === undefined ? [] : [[`${resource.path}/${id}`, detailScope]]),
      ...parts.map((part) => [part.path.replace('{id}', id), part.scope]),
    ] as [string, string][];
    for (const [path, scope] of places) {
      await withSimulator(SOME(name, { scopes: ['opticsdetect:list'] }), async (_, reader) => {
        expect([path, (await reader.get(path)).status]).toEqual([path, 403]);
      });
      await withSimulator(SOME(name, { scopes: [scope] }), async (simulator, reader) => {
        const { status } = await reader.get(path);
        expect([path, [200, 404].includes(status)]).toEqual([path, true]); // a device may have no part
        expect((await reader.get(path, { method: 'DELETE' })).status).toBe(405);
        expect((await reader.get(path, { method: 'POST', body: '{}' })).status).toBe(405);
        expect(simulator.stats().forbiddenCalls).toBe(2);
      });
    }
  });

  test('hold secrets only when they are planted', async () => {
    for (const plantSecrets of [false, true]) {
      await withSimulator(SOME(name, { plantSecrets }), async (simulator, reader) => {
        const page = JSON.stringify(await listOf(reader, resource.path));
        const rows = [resource.stream, ...(resource.parts ?? []).flatMap(({ stream }) => stream ?? [])].flatMap(
          (stream) => [...simulator.truthOf(stream)],
        );
        if (!plantSecrets) expect(page + JSON.stringify(rows)).not.toContain('PLANTED-SECRET');
      });
    }
  });
});

/** The truth's ids are the vendor's. */
async function someId(name: string): Promise<string> {
  let found = '';
  await withSimulator(SOME(name), async (simulator) => {
    const resource = LISTED.find((one) => one.name === name);
    for (const { id } of simulator.truthOf(resource?.stream ?? '')) found = id;
  });
  return found;
}

test('a kind that nobody knows is refused, and so is a fault on it', async () => {
  await expect(withSimulator({ items: { dragons: 1 } }, async () => {})).rejects.toThrow(/dragons.*known: devices/);
  const faults = [{ fault: 'reset' as const, endpoint: 'dragons' }];
  await expect(withSimulator({ faults }, async () => {})).rejects.toThrow(/endpoint.*devices/);
});
