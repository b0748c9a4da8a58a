/** Without `oddForms`: one form of everything, the one that public clients of these APIs read without a guard. */
import { describe, expect, test } from 'vitest';
import { itemsOfEach } from '../../simulator/index.ts';
import { STREAMS } from '../../simulator/resources.ts';
import { type Loose, withSimulator } from './client.ts';
import { allQueries, allResults } from './queries-client.ts';

const USUAL = { oddForms: false, detections: 0 };
const membersOf = (items: Loose[]): string[] => [...new Set(items.flatMap((item) => Object.keys(item)))].sort();

describe('the forms that public clients read', () => {
  test('detections: the list has every member in one spelling, details have a rule that is an object', async () => {
    await withSimulator({ ...USUAL, detections: 400 }, async (simulator, reader) => {
      const items = await reader.all();
      expect(membersOf(items)).toEqual([
        ...['DetectionDescription', 'Device', 'Id', 'OccurrenceTime', 'PhoneticId', 'ReceivedTime', 'Severity'],
        ...['Status', 'TenantId'],
      ]);
      for (const item of items) {
        expect(Object.keys(item)).toHaveLength(9);
        expect(Object.keys(item.Device)).toEqual(['name', 'Name', 'CylanceId']);
      }
      for (const { record } of simulator.truth()) {
        const { DetectionRule, Device } = record as Loose;
        expect(DetectionRule).toMatchObject({ Id: expect.any(String), Name: expect.any(String) });
        expect(DetectionRule.Version).toBeTypeOf('number');
        expect(Device).toMatchObject({ CylanceId: expect.any(String), Name: expect.any(String) });
      }
    });
  });

  test('InstaQueries: an id in lower case, results as JSON in a string', async () => {
    const usual = { ...USUAL, instaQueries: 24, resultsPerQuery: 30 };
    await withSimulator(usual, async (simulator, reader) => {
      for (const query of await allQueries(reader)) expect(query.id).toMatch(/^[0-9A-F]{32}$/);
      const replies = (await allResults(reader)).map(({ reply }) => reply);
      expect(membersOf(replies)).toEqual(['id', 'result', 'status']);
      const entries = replies.flatMap(({ result }) => result);
      expect(entries.length).toBeGreaterThan(100);
      expect(membersOf(entries)).toEqual(['@timestamp', '@version', 'CorrelationId', 'DeviceId', 'HostName', 'Result']);
      for (const entry of entries) {
        expect(entry.Result).toBeTypeOf('string');
        expect(entry['@version']).toBe(1);
        expect(JSON.parse(entry.Result)).toMatchObject({ FirstObservedTime: expect.any(String), Uid: entryUid(entry) });
      }
      const uids = new Set(
        entries.map((entry: Loose) => `${entry.CorrelationId}|${entry.DeviceId}|${entryUid(entry)}`),
      );
      expect([...simulator.truthOf('cylance.instaquery_result')].map(({ id }) => id).sort()).toEqual([...uids].sort());
    });
  });

  test('every member of every stream has one spelling, and one type beside null', async () => {
    const counts = { detections: 500, instaQueries: 24, retrievedFiles: 60, items: itemsOfEach(80) };
    await withSimulator({ ...USUAL, ...counts, apex: { footprints: 8 } }, async (simulator) => {
      const odd: string[] = [];
      for (const stream of STREAMS) {
        const types = new Map<string, Set<string>>();
        for (const { record } of simulator.truthOf(stream)) noteTypes(record, stream, types);
        for (const [path, found] of types) if (found.size > 1) odd.push(path);
        const spellings = Map.groupBy(types.keys(), (path) => path.toLowerCase());
        for (const paths of spellings.values()) if (paths.length > 1) odd.push(paths.join(' '));
      }
      // What a rule compares with is of any type; public clients read both names of a device.
      expect(odd.filter((path) => !path.endsWith('.Operands[].Data'))).toEqual([
        'cylance.detection.Device.Name cylance.detection.Device.name',
      ]);
    });
  });

  test('the giant reply has its results in strings', async () => {
    await withSimulator({ ...USUAL, giantResults: 20 }, async (_, reader) => {
      const results = (await allResults(reader)).flatMap(({ reply }) => reply.result);
      expect(results.map(({ Result }: Loose) => typeof Result)).toEqual(Array(20).fill('string'));
    });
  });

  test('file retrievals come in the envelope', async () => {
    await withSimulator({ ...USUAL, retrievedFiles: 30 }, async (_, reader) => {
      const { json } = await reader.get('/devicecommands/v2/retrieved_files?page=2');
      expect(json).toMatchObject({ page_number: 2, page_size: 20, total_pages: 2, total_number_of_items: 30 });
      expect(json.page_items).toHaveLength(10);
    });
  });

  test('every rule has its language and counts, and exceptions have one spelling', async () => {
    await withSimulator({ ...USUAL, items: itemsOfEach(45) }, async (simulator, reader) => {
      for (const { id } of simulator.truthOf('cylance.detection_rule')) {
        const language = await reader.get(`/rules/v2/${id}/natlang`);
        expect(language.json).toMatchObject({ Paths: expect.any(Array) });
        expect((await reader.get(`/rules/v2/${id}/counts`)).json).toMatchObject({ DeviceCount: expect.any(Number) });
      }
      const { json } = await reader.get('/exceptions/v2?page_size=200');
      expect(membersOf(json.page_items)).toContain('Description');
      expect(membersOf(json.page_items)).not.toContain('description');
    });
  });
});

/** Which types each member has, by its path; JSON in a string is looked into. */
function noteTypes(value: Loose, path: string, types: Map<string, Set<string>>): void {
  if (value === null || value === undefined) return;
  const type = Array.isArray(value) ? 'list' : typeof value;
  types.set(path, (types.get(path) ?? new Set()).add(type));
  if (type === 'list') for (const item of value) noteTypes(item, `${path}[]`, types);
  if (type === 'object') for (const [name, one] of Object.entries(value)) noteTypes(one, `${path}.${name}`, types);
  if (type === 'string' && /\.(Result|FileSignature|FileSignatureJson)$/.test(path) && value.startsWith('{'))
    noteTypes(JSON.parse(value), `${path}*`, types);
}

function entryUid({ Result }: Loose): string {
  return JSON.parse(Result).Uid;
}
