/** The least that any program has to do for the same result: no retries, no state, no checks. */
import { randomUUID } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { Client } from '@elastic/elasticsearch';
import { SignJWT } from 'jose';
import fetch from 'node-fetch';
import pLimit from 'p-limit';
import { streams } from '../connectors/index.ts';
import type { Mapping } from '../src/api/document.ts';
import { PAGE_SIZE, type Task, TENANT } from './task.ts';

const FACTS = { name: 'bench', connector: 'cylance', tenantId: TENANT.tenantId, keepOriginal: false };

export async function getToken(url: string): Promise<string> {
  const seconds = Math.floor(Date.now() / 1000);
  const jwt = await new SignJWT({ tid: TENANT.tenantId, jti: randomUUID() })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('http://cylance.com')
    .setSubject(TENANT.applicationId)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 1800)
    .sign(new TextEncoder().encode(TENANT.applicationSecret));
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(`${url}/auth/v2/token`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ auth_token: jwt }),
  });
  return ((await reply.json()) as { access_token: string }).access_token;
}

/** Downloads the pages, parses them, stringifies each record (`mapped`: its document) and writes it to a file. */
export async function runFloor(task: Task, begin: () => void): Promise<number> {
  const authorization = `Bearer ${await getToken(task.url)}`;
  const agent = new Agent({ keepAlive: true });
  const mapping = streams[0]?.mapping as Mapping;
  const out = createWriteStream(join(task.folder, 'floor.ndjson'));
  const bounds = `start=${new Date(task.fromMs).toISOString()}&end=${new Date(task.toMs).toISOString()}`;
  let records = 0;
  begin();
  for (let pass = 1; pass <= task.passes; pass++) {
    for (let page = 1, pages = 1; page <= pages; page++) {
      const url = `${task.url}/detections/v2?${bounds}&sort=OccurrenceTime&page=${page}&page_size=${PAGE_SIZE}`;
      const reply = await fetch(url, { agent, headers: { authorization } });
      const body = JSON.parse(await reply.text()) as { total_pages: number; page_items: unknown[] };
      pages = body.total_pages;
      if (pass === 1) records += body.page_items.length;
      if (pass > 1 && !task.writesEveryPass) continue;
      let text = '';
      for (const record of body.page_items)
        text += `${JSON.stringify(task.mode === 'raw' ? record : mapping(record, FACTS))}\n`;
      if (!out.write(text)) await new Promise((resolve) => out.once('drain', () => resolve(undefined)));
    }
  }
  out.end();
  await finished(out);
  return records;
}

const BULK_DOCUMENTS = 1000;

/** Posts documents that another run wrote to a file; the bodies are made before the clock starts. */
export async function postBodies(task: Task, begin: () => void): Promise<number> {
  const client = new Client({ node: task.elasticsearch as string, requestTimeout: 120_000 });
  const lines = readFileSync(task.documents as string, 'utf8')
    .split('\n')
    .filter(Boolean);
  const bodies: string[] = [];
  for (let at = 0; at < lines.length; at += BULK_DOCUMENTS) {
    bodies.push(
      lines
        .slice(at, at + BULK_DOCUMENTS)
        .map((line) => `{"create":{"_id":"${randomUUID()}"}}\n${line}\n`)
        .join(''),
    );
  }
  const limit = pLimit(2);
  begin();
  await Promise.all(
    bodies.map((body) =>
      limit(async () => {
        const path = `/logs-cylance.detection-${task.folder.split('/').at(-1)}/_bulk`;
        const reply = (await client.transport.request({ method: 'POST', path, bulkBody: body })) as { errors: boolean };
        if (reply.errors) throw new Error('the bulk request was not taken whole');
      }),
    ),
  );
  return lines.length;
}
