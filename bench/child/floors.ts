/** The least that any program has to do to carry list records on: no retries, no state, no checks. */
import { createWriteStream } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import fetch from 'node-fetch';
import { streams } from '../../connectors/index.ts';
import type { Mapping } from '../../src/api/document.ts';
import { PAGE_SIZE, type Task, TENANT } from '../task.ts';
import { getToken } from './token.ts';

const FACTS = { name: 'bench', connector: 'cylance', tenantId: TENANT.tenantId, keepOriginal: false };
const BULK_DOCUMENTS = 1000;

/** Where texts go, one for a document. */
export interface Outlet {
  write(texts: string[]): Promise<void>;
  end(): Promise<void>;
}

/** What is written of a record: itself, or the document that Sluice's own mapping makes of it. */
export function textOf({ maps }: Task): (record: unknown) => string {
  const mapping = streams.find(({ stream }) => stream.name === 'cylance.detection')?.mapping as Mapping;
  return maps ? (record) => JSON.stringify(mapping(record, FACTS)) : (record) => JSON.stringify(record);
}

/** Downloads the pages, parses them, stringifies each record or its document, and writes it. */
export async function runFloor(task: Task, begin: () => void): Promise<number> {
  const authorization = `Bearer ${await getToken(task.url)}`;
  const agent = new Agent({ keepAlive: true });
  const text = textOf(task);
  const out = outletOf(task);
  let records = 0;
  begin();
  for (let number = 0, pages = 1; number < task.pages; number++) {
    const reply = await fetch(pageUrl(task, (number % pages) + 1), { agent, headers: { authorization } });
    const body = JSON.parse(await reply.text()) as { total_pages: number; page_items: unknown[] };
    pages = body.total_pages;
    const isNew = number < pages;
    if (isNew) records += body.page_items.length;
    if (isNew || task.writesEveryPage) await out.write(body.page_items.map(text));
  }
  await out.end();
  return records;
}

export function pageUrl({ url, fromMs, toMs }: Task, page: number): string {
  const bounds = `start=${new Date(fromMs).toISOString()}&end=${new Date(toMs).toISOString()}`;
  return `${url}/detections/v2?${bounds}&sort=OccurrenceTime&page=${page}&page_size=${PAGE_SIZE}`;
}

export function outletOf(task: Task): Outlet {
  return task.elasticsearch === undefined ? file(join(task.folder, 'floor.ndjson')) : bulk(task.elasticsearch);
}

function file(path: string): Outlet {
  const out = createWriteStream(path);
  return {
    async write(texts) {
      if (!out.write(`${texts.join('\n')}\n`))
        await new Promise((resolve) => out.once('drain', () => resolve(undefined)));
    },
    async end() {
      out.end();
      await finished(out);
    },
  };
}

/** A request under way at a time, and the next one is made meanwhile. */
function bulk(node: string): Outlet {
  const agent = new Agent({ keepAlive: true });
  const headers = { 'content-type': 'application/x-ndjson' };
  let waiting: string[] = [];
  let underWay: Promise<void> = Promise.resolve();
  async function post(body: string): Promise<void> {
    const url = `${node}/logs-bench/_bulk?filter_path=errors`;
    const reply = await fetch(url, { method: 'POST', agent, headers, body });
    const { errors } = JSON.parse(await reply.text()) as { errors: boolean };
    if (errors) throw new Error('the bulk request was not taken whole');
  }
  async function flush(): Promise<void> {
    const body = waiting.map((text) => `{"create":{}}\n${text}\n`).join('');
    waiting = [];
    await underWay;
    underWay = post(body);
  }
  return {
    async write(texts) {
      waiting.push(...texts);
      if (waiting.length >= BULK_DOCUMENTS) await flush();
    },
    async end() {
      if (waiting.length > 0) await flush();
      await underWay;
    },
  };
}
