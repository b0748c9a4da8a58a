import { describe, expect, test } from 'vitest';
import type { SimulatorOptions } from '../../simulator/index.ts';
import { type Loose, withSimulator } from './client.ts';

const SOME: Partial<SimulatorOptions> = { detections: 0, instaQueries: 0, retrievedFiles: 0, items: { foci: 60 } };

describe('focus views', () => {
  test('are listed in pages, shown by their id, and hidden from a search', async () => {
    await withSimulator(SOME, async (_, reader) => {
      const { json } = await reader.get('/foci/v2?page_size=60');
      expect(json).toMatchObject({ page_number: 1, total_number_of_items: 60 });
      const [first] = json.page_items as Loose[];
      expect((await reader.get(`/foci/v2/${first.id}`)).json).toEqual(first);
      expect((await reader.get('/foci/v2/0000')).status).toBe(404);
      expect((await reader.get('/foci/v2?q=win')).json).toMatchObject({ total_number_of_items: 0, page_items: [] });
    });
  });

  test('show a result only when they are available, in every form that is known', async () => {
    await withSimulator(SOME, async (simulator, reader) => {
      const views = (await reader.get('/foci/v2?page_size=60')).json.page_items as Loose[];
      const forms = new Set<string>();
      for (const { id, status } of views) {
        const { json } = await reader.get(`/foci/v2/${id}/results`);
        expect(json.id).toBe(id);
        if (status.toUpperCase() !== 'AVAILABLE') {
          expect(json).toEqual({ id, status: status.toUpperCase() });
          forms.add('none');
          continue;
        }
        expect(['AVAILABLE', 'DONE']).toContain(json.status.toUpperCase());
        const result = typeof json.result === 'string' ? JSON.parse(json.result) : json.result;
        forms.add(`${typeof json.result}, ${Array.isArray(result) ? 'a list' : 'an object'}`);
        if (Array.isArray(result)) for (const entry of result) forms.add(`entry: ${typeof entry.Result}`);
      }
      expect([...forms].sort()).toEqual([
        ...['entry: object', 'entry: string', 'entry: undefined', 'none'],
        ...['object, a list', 'object, an object', 'string, a list', 'string, an object'],
      ]);
      const records = [...simulator.truthOf('cylance.focus_view_result')];
      expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
      expect(records.every(({ record }) => (record as Loose).FocusView.id !== undefined)).toBe(true);
    });
  });
});
