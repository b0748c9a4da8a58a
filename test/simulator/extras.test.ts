/** What public clients ask for and no stream reads. */
import { describe, expect, test } from 'vitest';
import { EXTRAS } from '../../simulator/extras/index.ts';
import { itemsOfEach } from '../../simulator/index.ts';
import { type Answer, type Loose, type Reader, withSimulator } from './client.ts';

const SOME = { oddForms: false, detections: 0, items: itemsOfEach(45) };
const instant = (text: string): number => Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`);

/** CSV as RFC 4180 has it: each cell up to its comma or the end of its line. */
function cellsOf(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end !== ',') rows.push([]);
  }
  return rows.slice(0, -1);
}

function post(reader: Reader, body: unknown, path = '/foci/v2/search'): Promise<Answer> {
  return reader.get(path, { method: 'POST', body: JSON.stringify(body) });
}

describe('detections since a time', () => {
  test('come in pages, and are as many as the guide’s own count says', async () => {
    await withSimulator({ oddForms: false, detections: 300 }, async (_, reader) => {
      const all = await reader.all();
      const since = new Date(instant(all[100].OccurrenceTime) - 1).toISOString();
      const ids = (await reader.all(`&since=${since}`, 30)).map(({ Id }) => Id);
      expect(ids.length).toBeGreaterThan(100);
      expect(ids).toEqual(all.slice(0, ids.length).map(({ Id }) => Id));
      expect((await reader.get(`/detections/v2/recent?since=${since}`)).json.num_after).toBe(ids.length);
      expect((await reader.get('/detections/v2?since=yesterday')).status).toBe(400);
    });
  });

  test('can be sorted by when they were received', async () => {
    await withSimulator({ oddForms: false, detections: 400 }, async (_, reader) => {
      const times = (await reader.all('&sort=-ReceivedTime', 90)).map(({ ReceivedTime }) => instant(ReceivedTime));
      expect(times).toHaveLength(400);
      expect(times).toEqual([...times].sort((one, other) => other - one));
    });
  });
});

describe('lists as CSV', () => {
  test.each([
    [
      '/rules/v2',
      'Id',
      'Name,Id,Version,Description,Severity,Category,Last Modified,Modified By,Device Count,Ruleset Count',
    ],
    ['/exceptions/v2', 'Id', 'Name,Id,Version,Description,Last Modified,Modified By,Device Count,Ruleset Count'],
    ['/rulesets/v2', 'id', 'Id,Last Modified,Modified By,Name,Description,Notification,Category,Device Count'],
  ])('%s has the guide’s columns and every item of the list', async (path, id, columns) => {
    await withSimulator(SOME, async (_, reader) => {
      const reply = await reader.get(`${path}/csv`);
      expect(reply.headers['content-type']).toMatch(/^text\/csv/);
      const [head = [], ...rows] = cellsOf(reply.text);
      expect(head.join()).toBe(columns);
      const items: Loose[] = (await reader.get(`${path}?page_size=200`)).json.page_items;
      expect(rows.map((row) => row[head.indexOf('Id')])).toEqual(items.map((item) => item[id]));
      for (const [at, row] of rows.entries()) {
        const { Name, name, ModifiedBy, modified_by, DeviceCount, device_count } = items[at];
        expect(row[head.indexOf('Name')]).toBe(Name ?? name);
        expect(row[head.indexOf('Modified By')]).toBe((ModifiedBy ?? modified_by)?.login ?? '');
        expect(row[head.indexOf('Device Count')]).toBe(String(DeviceCount ?? device_count));
      }
    });
  });

  test('asked for by the page, the envelope answers', async () => {
    await withSimulator(SOME, async (_, reader) => {
      const { json } = await reader.get('/rulesets/v2/csv?page=2&page_size=40');
      expect(json).toMatchObject({ page_number: 2, total_number_of_items: 45 });
      expect(json.page_items).toHaveLength(5);
    });
  });
});

describe('single pages', () => {
  test('a threat, by its hash in any casing', async () => {
    await withSimulator(SOME, async (simulator, reader) => {
      for (const { id, record } of simulator.truthOf('cylance.threat')) {
        const { status, json } = await reader.get(`/threats/v2/${id.toUpperCase()}`);
        const { last_found: _last, ...listed } = record as Loose;
        expect(status).toBe(200);
        expect(json).toMatchObject({ ...listed, signed: expect.any(Boolean), detected_by: expect.any(String) });
      }
      expect((await reader.get(`/threats/v2/${'0'.repeat(64)}`)).status).toBe(404);
    });
  });

  test('the default rule set has every rule that a set has, once', async () => {
    await withSimulator(SOME, async (simulator, reader) => {
      const sets = [...simulator.truthOf('cylance.rule_set')].map(({ record }) => record as Loose);
      const wanted = new Set(sets.flatMap(({ rules }) => rules.map((rule: Loose) => rule.detection_rule_id)));
      const { json } = await reader.get('/rulesets/v2/default');
      expect(json).toMatchObject({ name: '', description: '', notification_message: '', category: 'Custom' });
      expect(json.rules.map((rule: Loose) => rule.detection_rule_id).sort()).toEqual([...wanted].sort());
    });
  });
});

describe('what Protect has besides', () => {
  const pageOf = async (reader: Reader, path: string): Promise<Loose[]> => {
    const { status, json } = await reader.get(`${path}${path.includes('?') ? '&' : '?'}page_size=1000`);
    expect([path, status]).toEqual([path, 200]);
    return json.page_items;
  };

  test('zones, policies, addresses and threats are those of the devices', async () => {
    await withSimulator(SOME, async (simulator, reader) => {
      const devices = [...simulator.truthOf('cylance.device')].map(({ record }) => record as Loose);
      const zones = await pageOf(reader, '/zones/v2');
      const ids = async (path: string) => (await pageOf(reader, path)).map(({ id }) => id).sort();
      const inside = new Map<string, string[]>();
      for (const { id } of zones) inside.set(id, await ids(`/devices/v2/${id}/devices`));
      expect([...inside.values()].every((found) => found.length > 0)).toBe(true);
      for (const { id, mac_addresses, name } of devices) {
        const own = [...inside].filter(([, found]) => found.includes(id)).map(([zone]) => zone);
        expect(await ids(`/zones/v2/${id}/zones`)).toEqual(own.sort());
        const { json } = await reader.get(`/devices/v2/macaddress/${mac_addresses[0].replaceAll(':', '-')}`);
        expect(json.map((one: Loose) => one.name)).toContain(name);
      }
      const extended = await pageOf(reader, '/devices/v2/extended');
      expect(extended.map(({ id }) => id).sort()).toEqual(devices.map(({ id }) => id).sort());
      const products: Loose[] = (await reader.get('/devices/v2/products')).json;
      expect(products.reduce((sum, { device_count }) => sum + device_count, 0)).toBe(devices.length);
      const named = new Set(devices.flatMap(({ policy }) => policy?.id ?? []));
      expect(await ids('/policies/v2')).toEqual([...named].sort());
      const [policy] = await pageOf(reader, '/policies/v2');
      expect((await reader.get(`/policies/v2/${policy.id}`)).json.policy_id).toBe(policy.id);
      let found = 0;
      for (const { id } of devices) found += (await pageOf(reader, `/devices/v2/${id}/threats`)).length;
      const rows = [...simulator.truthOf('cylance.threat_device')].map(({ record }) => (record as Loose).id);
      const known = new Set(devices.map(({ id }) => id));
      expect(found).toBe(rows.filter((id) => known.has(id)).length);
      expect(found).toBeGreaterThan(5);
    });
  });

  test('lists with pages of one: what is listed is found', async () => {
    await withSimulator(SOME, async (_, reader) => {
      for (const [name, key] of [
        ['zones', 'id'],
        ['users', 'id'],
        ['users', 'email'],
        ['memoryprotection', 'device_image_file_event_id'],
      ] as const) {
        const items = await pageOf(reader, `/${name}/v2`);
        expect(new Set(items.map((item) => item[key])).size).toBe(items.length);
        for (const item of items.slice(0, 5))
          expect((await reader.get(`/${name}/v2/${encodeURIComponent(item[key])}`)).json).toEqual(item);
        expect((await reader.get(`/${name}/v2/nobody`)).status).toBe(404);
      }
      const lists = await Promise.all([0, 1].map((type) => pageOf(reader, `/globallists/v2?listTypeId=${type}`)));
      expect(lists.map((items) => new Set(items.map(({ list_type }) => list_type)))).toEqual([
        new Set(['GlobalQuarantine']),
        new Set(['GlobalSafe']),
      ]);
    });
  });

  test('policies with their rule sets, and detections by severity', async () => {
    await withSimulator({ ...SOME, detections: 300 }, async (_, reader) => {
      const path = '/opticsPolicies/v2/configurations';
      const [first] = await pageOf(reader, path);
      expect((await reader.get(`${path}/${first.policy_id}`)).json).toEqual(first);
      const items = await reader.all();
      const counts = Map.groupBy(items, ({ Severity }) => Severity);
      const { json } = await reader.get('/detections/v2/severity');
      for (const [severity, found] of counts) expect([severity, json[severity]]).toEqual([severity, found.length]);
    });
  });
});

describe('the search for focus views', () => {
  test('finds the view of an artifact on a device, whatever way the ids are written', async () => {
    await withSimulator(SOME, async (_, reader) => {
      const views: Loose[] = (await reader.get('/foci/v2?page_size=200')).json.page_items;
      const pairs = views.map(({ value, device_id }) => ({
        uid: value.toUpperCase(),
        device_id: device_id.toLowerCase(),
      }));
      const { status, json } = await post(reader, pairs);
      expect(status).toBe(200);
      expect(json.map((one: Loose) => one.focus_id)).toEqual(views.map(({ id }) => id));
      expect(json.map((one: Loose) => one.status)).toEqual(views.map((one) => one.status.toUpperCase()));
      const [{ device_id }] = views as [Loose];
      const other = await post(reader, [
        { uid: 'AF59', device_id },
        { uid: 'AF59', device_id: 'AF59' },
      ]);
      expect(other.json.map((one: Loose) => [one.status, one.focus_id])).toEqual([
        ['REQUEST', null],
        ['UNKNOWN_DEVICE', null],
      ]);
    });
  });

  test('takes a list of up to 200 pairs, and is none of the calls that change something', async () => {
    await withSimulator(SOME, async (simulator, reader) => {
      const many = (count: number) => Array.from({ length: count }, () => ({ uid: 'AF59', device_id: 'AF59' }));
      expect((await post(reader, many(200))).json).toHaveLength(200);
      for (const bad of [many(201), {}, [{ uid: 'AF59' }], [null], 'text'])
        expect((await post(reader, bad)).status).toBe(400);
      expect(simulator.stats().forbiddenCalls).toBe(0);
      expect((await post(reader, many(1), '/foci/v2')).status).toBe(405);
      expect(simulator.stats().forbiddenCalls).toBe(1);
    });
  });
});

describe('all of them', () => {
  test('ask for their scopes, can be spoiled by a plan, and move nothing on', async () => {
    for (const { endpoint: name, path, scope = '', method = 'GET' } of EXTRAS) {
      const ask = (reader: Reader) =>
        reader.get(path.replace('{id}', 'AF59'), { method, body: method === 'POST' ? '[]' : undefined });
      await withSimulator({ ...SOME, scopes: ['nobody:asks'] }, async (_, reader) => {
        expect([name, (await ask(reader)).status]).toEqual([name, 403]);
      });
      const faults = [{ fault: 'server-error' as const, endpoint: name, status: 503, requests: [1] }];
      await withSimulator({ ...SOME, scopes: [scope], faults }, async (simulator, reader) => {
        const before = simulator.stats().unserved;
        expect([name, (await ask(reader)).status]).toEqual([name, 503]);
        expect([name, [200, 404].includes((await ask(reader)).status)]).toEqual([name, true]);
        expect(simulator.stats()).toMatchObject({ unserved: before, unusedFaults: [], forbiddenCalls: 0 });
      });
    }
  });
});
