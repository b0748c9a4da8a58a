/** The least that any program has to do to carry details on: the list once, then a request for each, so many at a time. */
import { Agent, get } from 'node:http';
import fetch from 'node-fetch';
import type { Task } from '../task.ts';
import { outletOf, pageUrl, textOf } from './floors.ts';
import { getToken } from './token.ts';

type Download = (url: string) => Promise<string>;

export async function runDetailFloor(task: Task, begin: () => void): Promise<number> {
  const authorization = `Bearer ${await getToken(task.url)}`;
  const agent = new Agent({ keepAlive: true, maxSockets: task.concurrency });
  const headers = { authorization };
  const clients: Record<Task['client'], Download> = {
    'node-fetch': async (url) => (await fetch(url, { agent, headers })).text(),
    'node:http': (url) => plainly(url, agent, headers),
  };
  const download = clients[task.client];
  const text = textOf(task);
  const out = outletOf(task);
  const ids: string[] = [];
  begin();
  for (let page = 1, pages = 1; page <= pages; page++) {
    const body = JSON.parse(await download(pageUrl(task, page))) as { total_pages: number; page_items: Listed[] };
    pages = body.total_pages;
    for (const { Id, id } of body.page_items) ids.push(Id ?? id ?? '');
  }
  const left = ids.values();
  const work = async () => {
    for (const id of left)
      await out.write([text(JSON.parse(await download(`${task.url}/detections/v2/${id}/details`)))]);
  };
  await Promise.all(Array.from({ length: task.concurrency }, work));
  await out.end();
  return ids.length;
}

interface Listed {
  Id?: string;
  id?: string;
}

function plainly(url: string, agent: Agent, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers }, (reply) => {
      const parts: Buffer[] = [];
      reply.on('data', (part: Buffer) => parts.push(part));
      reply.on('end', () => resolve(Buffer.concat(parts).toString()));
      reply.on('error', reject);
    }).on('error', reject);
  });
}
