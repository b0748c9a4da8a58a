/** Posts documents that another run wrote to a file; the bodies are made before the clock starts. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client } from '@elastic/elasticsearch';
import pLimit from 'p-limit';
import type { Task } from '../task.ts';

const BULK_DOCUMENTS = 1000;

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
