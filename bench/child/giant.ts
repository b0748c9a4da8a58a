/** One long reply read to its end, and nothing done with what it holds: part by part as Sluice does, or parsed whole. */
import fetch from 'node-fetch';
import { partsOf } from '../../src/net/long-reply.ts';
import type { Task } from '../task.ts';
import { getToken } from './token.ts';

export async function readGiant({ url, mode }: Task, begin: () => void): Promise<number> {
  const headers = { authorization: `Bearer ${await getToken(url)}` };
  const list = await fetch(`${url}/instaqueries/v2`, { headers });
  const { page_items: queries } = (await list.json()) as { page_items: { id: string }[] };
  begin();
  const reply = await fetch(`${url}/instaqueries/v2/${queries[0]?.id}/results`, { headers });
  if (mode === 'whole') return (JSON.parse(await reply.text()) as { result: unknown[] }).result.length;
  let records = 0;
  for await (const part of partsOf(reply.body as AsyncIterable<Buffer>, { member: 'result', place: url }))
    records += part.length;
  return records;
}
