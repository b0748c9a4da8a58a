import { describe, expect, test } from 'vitest';
import { END, type Loose, SEED, withSimulator } from './client.ts';

const ids = (items: Loose[]): string[] => items.map((item) => item.Id);
const instant = (item: Loose): number => {
  const text: string = item.OccurrenceTime;
  return Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`);
};

describe('list of detections', () => {
  test('is the same for the same seed and differs for another', async () => {
    const read = async (seed: number) => {
      let items: Loose[] = [];
      await withSimulator({ seed, detections: 600 }, async (_, reader) => {
        items = await reader.all();
      });
      return items;
    };
    const [first, again, other] = [await read(SEED), await read(SEED), await read(SEED + 1)];
    expect(again).toEqual(first);
    expect(ids(other).filter((id) => ids(first).includes(id))).toEqual([]);
  });

  test('holds each detection once, newest first, whatever the page size', async () => {
    await withSimulator({ detections: 700 }, async (simulator, reader) => {
      const items = await reader.all();
      expect(new Set(ids(items)).size).toBe(700);
      expect(ids(await reader.all('', 77))).toEqual(ids(items));
      const times = items.map(instant);
      expect(times.every((time, index) => index === 0 || time <= (times[index - 1] as number))).toBe(true);
      expect(times[0]).toBe(Date.parse(END));
      expect(Math.min(...times)).toBeGreaterThanOrEqual(Date.parse(simulator.range.start));
      expect(ids(items).sort()).toEqual([...simulator.truth()].map((row) => row.id).sort());
    });
  });

  test('has bursts of equal times and every form of time', async () => {
    await withSimulator({ detections: 2500 }, async (_, reader) => {
      const items = await reader.all('', 1000);
      const perTime = new Map<number, number>();
      for (const item of items) perTime.set(instant(item), (perTime.get(instant(item)) ?? 0) + 1);
      expect(Math.max(...perTime.values())).toBeGreaterThan(15);
      const forms = new Set(items.map((item) => String(item.OccurrenceTime).slice(19).replaceAll(/\d/g, '0')));
      for (const form of ['Z', '.000Z', '.0000000Z', '.000', '.000+00:00', '.000-00:00']) expect(forms).toContain(form);
      const zoned = items.filter((item) => item.ReceivedTime !== undefined);
      expect(zoned.every((item) => /(Z|[+-]\d\d:\d\d)$/.test(item.ReceivedTime))).toBe(true);
    });
  });

  test('answers pages in any order, and 20 at a time, as it does in sequence', async () => {
    await withSimulator({ detections: 900, latencyMs: 10 }, async (simulator, reader) => {
      const sequence = await reader.all('', 15);
      const pages = Array.from({ length: 60 }, (_, index) => ((index * 37) % 60) + 1);
      const answers = await Promise.all(pages.map((page) => reader.get(`/detections/v2?page=${page}&page_size=15`)));
      answers.forEach(({ json }, index) => {
        const page = pages[index] as number;
        expect(json.page_number).toBe(page);
        expect(json.page_items).toEqual(sequence.slice((page - 1) * 15, page * 15));
      });
      expect(simulator.stats().maxInFlight).toBeGreaterThan(9);
    });
  });

  test('has the documented defaults, bounds and errors', async () => {
    await withSimulator({ detections: 45, maxPageSize: 40 }, async (_, reader) => {
      const first = (await reader.get('/detections/v2')).json;
      expect(first).toMatchObject({ page_number: 1, page_size: 20, total_pages: 3, total_number_of_items: 45 });
      expect(first.page_items).toHaveLength(20);
      expect((await reader.get('/detections/v2/?page=3')).json.page_items).toHaveLength(5);
      expect((await reader.get('/detections/v2?page=4')).status).toBe(404);
      expect((await reader.get('/detections/v2?page_size=1000')).json).toMatchObject({ page_size: 40, total_pages: 2 });
      for (const bad of ['page=0', 'page_size=-1', 'page=x', 'start=yesterday', 'sort=Colour']) {
        expect((await reader.get(`/detections/v2?${bad}`)).status, bad).toBe(400);
      }
      const empty = await reader.get('/detections/v2?device=nobody');
      expect(empty.status).toBe(200);
      expect(empty.json).toMatchObject({ total_pages: 0, total_number_of_items: 0, page_items: [] });
      expect((await reader.get('/detections/v2?device=nobody&page=2')).status).toBe(404);
    });
  });

  test('serves an empty tenant', async () => {
    await withSimulator({ detections: 0 }, async (simulator, reader) => {
      expect((await reader.get('/detections/v2')).json).toMatchObject({ total_pages: 0, page_items: [] });
      expect([...simulator.truth()]).toEqual([]);
    });
  });
});

describe('time range', () => {
  for (const startInclusive of [true, false]) {
    for (const endInclusive of [true, false]) {
      test(`start ${startInclusive ? 'in' : 'ex'}clusive, end ${endInclusive ? 'in' : 'ex'}clusive`, async () => {
        await withSimulator({ detections: 1500, startInclusive, endInclusive }, async (_, reader) => {
          const items = await reader.all();
          const from = instant(items[900]);
          const to = instant(items[300]);
          const range = `&start=${new Date(from).toISOString()}&end=${new Date(to).toISOString()}`;
          const expected = items.filter((item) => {
            const time = instant(item);
            return (startInclusive ? time >= from : time > from) && (endInclusive ? time <= to : time < to);
          });
          expect(ids(await reader.all(range))).toEqual(ids(expected));
        });
      });
    }
  }
});

describe('filters', () => {
  const cases: [name: string, parameter: string, value: (item: Loose) => string][] = [
    ['severity', 'severity', (item) => item.Severity],
    ['status', 'status', (item) => item.Status],
    ['detection type', 'detection_type', (item) => item.DetectionDescription],
    ['device', 'device', (item) => item.Device.name],
    ['event number', 'event_number', (item) => item.PhoneticId],
    ['detected on', 'detected_on', (item) => new Date(instant(item)).toISOString().slice(0, 10)],
  ];
  for (const [name, parameter, value] of cases) {
    test(`${name}: one value, two values, with a range`, async () => {
      await withSimulator({ detections: 1200 }, async (_, reader) => {
        const items = await reader.all();
        const [one, two] = [...new Set(items.map(value))].slice(3) as [string, string | undefined];
        const wanted = new Set([one ?? value(items[0]), two ?? value(items[1])]);
        const query = [...wanted].map((text) => `&${parameter}=${encodeURIComponent(text)}`).join('');
        const expected = items.filter((item) => wanted.has(value(item)));
        expect(expected.length).toBeGreaterThan(0);
        expect(ids(await reader.all(query, 50))).toEqual(ids(expected));
        const from = instant(items[700]);
        const inRange = expected.filter((item) => instant(item) >= from);
        expect(ids(await reader.all(`${query}&start=${new Date(from).toISOString()}`))).toEqual(ids(inRange));
      });
    });
  }
});

describe('sorts', () => {
  const severities = ['Informational', 'Low', 'Medium', 'High'];
  const statuses = ['New', 'In Progress', 'Follow Up', 'Reviewed', 'Done', 'False Positive'];
  const fields: [field: string, value: (item: Loose) => number | string][] = [
    ['Severity', (item) => severities.indexOf(item.Severity)],
    ['OccurrenceTime', instant],
    ['Status', (item) => statuses.indexOf(item.Status)],
    ['Device', (item) => item.Device.name],
    ['PhoneticId', (item) => item.PhoneticId],
    ['Description', (item) => item.DetectionDescription],
  ];
  test('every field, both ways, without loss', async () => {
    await withSimulator({ detections: 700 }, async (_, reader) => {
      for (const [field, value] of fields) {
        const up = await reader.all(`&sort=${field}`, 90);
        expect(new Set(ids(up)).size, field).toBe(700);
        const values: Loose[] = up.map(value);
        expect(
          values.every((item, index) => index === 0 || item >= values[index - 1]),
          field,
        ).toBe(true);
        expect(ids(await reader.all(`&sort=-${field}`, 90)), field).toEqual(ids(up).reverse());
      }
    });
  });
});
