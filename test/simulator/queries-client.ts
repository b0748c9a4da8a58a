import type { Loose, Reader } from './client.ts';

/** How the tests read queries and results, whatever way they are written. */

export const QUERIES = '/instaqueries/v2';
export const DOZEN = { detections: 5, instaQueries: 12 };

export const idOf = (query: Loose): string => query.id ?? query.Id;
export const found = (entry: Loose): Loose =>
  typeof entry.Result === 'string' ? JSON.parse(entry.Result) : entry.Result;
export const entriesOf = (reply: Loose): Loose[] => reply.result ?? reply.Result;
export const deviceOf = (entry: Loose): string => entry.DeviceId ?? entry.DeviceID;
export const keyOf = (entry: Loose): string => `${deviceOf(entry)}|${found(entry).Uid}`;

export async function allQueries(reader: Reader, pageSize = 200): Promise<Loose[]> {
  const items: Loose[] = [];
  for (let page = 1; ; page++) {
    const { status, json } = await reader.get(`${QUERIES}?archived=true&page=${page}&page_size=${pageSize}`);
    if (status !== 200) throw new Error(`page ${page} answered ${status}`);
    items.push(...json.page_items);
    if (page >= json.total_pages) return items;
  }
}

export async function resultsOf(reader: Reader, id: string): Promise<Loose> {
  return (await reader.get(`${QUERIES}/${id}/results`)).json;
}

/** Every results reply, with the query it belongs to. */
export async function allResults(reader: Reader): Promise<{ query: Loose; reply: Loose }[]> {
  const queries = await allQueries(reader);
  return Promise.all(queries.map(async (query) => ({ query, reply: await resultsOf(reader, idOf(query)) })));
}
