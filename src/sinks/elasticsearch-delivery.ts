/** One chunk until every document in it is there or rejected: the loop around `sendBulk` and `lookUp`. */
import type { LimitFunction } from 'p-limit';
import type { Rejection } from '../types.ts';
import { type EsProblem, fieldOf, type Trouble } from './elasticsearch-answers.ts';
import { type Chunk, type Line, type Outcome, sendBulk } from './elasticsearch-bulk.ts';
import type { EsClient } from './elasticsearch-client.ts';
import { type Found, lookUp } from './elasticsearch-lookup.ts';
import type { Patience } from './elasticsearch-patience.ts';

export interface Delivery {
  client: EsClient;
  /** Requests to the cluster at a time, over all walks. Never held while waiting. */
  limit: LimitFunction;
  patience: Patience;
  rejections: Rejection[];
  signal: AbortSignal;
}

/** `doubt`: an earlier attempt may have arrived. */
export async function deliver(chunk: Chunk, delivery: Delivery, doubt: boolean): Promise<void> {
  const { patience, signal } = delivery;
  let left = chunk.lines;
  let inDoubt = doubt;
  for (let cuts = 0; left.length > 0; ) {
    if (inDoubt) {
      const answer = await arrived({ ...chunk, lines: left }, delivery);
      if (answer.kind === 'trouble') {
        await patience.wait(answer, signal);
        continue;
      }
      if (answer.ids.size > 0) patience.progress();
      left = left.filter((line) => !answer.ids.has(line.id));
      inDoubt = false;
      // The cluster answers small requests while ours are cut off: some proxies say "too large" like that.
      if (cuts > 1 && left.length > 1) return halves({ ...chunk, lines: left }, delivery);
      if (left.length === 0) return;
    }
    const outcome = await send({ ...chunk, lines: left }, delivery);
    if (outcome.kind === 'too-large') return tooLarge({ ...chunk, lines: left }, outcome.said, delivery);
    if (outcome.kind === 'sent') {
      for (const { id, problem } of outcome.rejected) delivery.rejections.push(rejection(id, problem));
      if (outcome.again.length < left.length) patience.progress();
      left = outcome.again;
    }
    const trouble = outcome.kind === 'sent' ? outcome.trouble : outcome;
    if (trouble === undefined) return;
    inDoubt = trouble.doubt;
    if (outcome.kind === 'trouble' && inDoubt) cuts += 1;
    await patience.wait(trouble, signal);
  }
}

function send(chunk: Chunk, { client, limit, signal }: Delivery): Promise<Outcome> {
  return limit(() => sendBulk(client, chunk, signal));
}

function arrived({ dataStream, lines }: Chunk, { client, signal }: Delivery): Promise<Found | Trouble> {
  return lookUp({ client, dataStream, ids: lines.map((line) => line.id), signal });
}

async function tooLarge(chunk: Chunk, said: string, delivery: Delivery): Promise<void> {
  const [line, ...others] = chunk.lines as [Line, ...Line[]];
  if (others.length > 0) return halves(chunk, delivery);
  const reason = `the document's ${line.bytes} bytes are more than one request may hold (${said}; http.max_content_length, or a proxy's limit)`;
  delivery.rejections.push({ id: line.id, type: 'too_large', reason });
}

async function halves(chunk: Chunk, delivery: Delivery): Promise<void> {
  const middle = Math.ceil(chunk.lines.length / 2);
  await deliver({ ...chunk, lines: chunk.lines.slice(0, middle) }, delivery, false);
  await deliver({ ...chunk, lines: chunk.lines.slice(middle) }, delivery, false);
}

function rejection(id: string, { type, reason }: EsProblem): Rejection {
  const field = fieldOf(reason);
  return field === undefined ? { id, type, reason } : { id, type, reason, field };
}
