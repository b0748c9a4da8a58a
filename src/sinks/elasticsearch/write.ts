/** One chunk until every document in it is there or rejected: the loop around `sendBulk` and the look-up. */
import type { LimitFunction } from 'p-limit';
import type { Rejection } from '../../api/sink.ts';
import type { Patience } from '../backoff.ts';
import { type EsProblem, fieldOf } from './answers.ts';
import { type Chunk, type Line, type Outcome, type Sent, sendBulk } from './bulk.ts';
import type { EsClient } from './client.ts';
import { lookUpPatiently } from './lookup.ts';

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
  let left = chunk.lines;
  let inDoubt = doubt;
  for (let cuts = 0; left.length > 0; ) {
    if (inDoubt) {
      left = await notArrived({ ...chunk, lines: left }, delivery);
      inDoubt = false;
      // The cluster answers small requests while ours are cut off: some proxies say "too large" like that.
      if (cuts > 1 && left.length > 1) return halves({ ...chunk, lines: left }, delivery);
      continue;
    }
    const outcome = await send({ ...chunk, lines: left }, delivery);
    if (outcome.kind === 'too-large') return tooLarge({ ...chunk, lines: left }, outcome.said, delivery);
    if (outcome.kind === 'sent') left = keep(outcome, left, delivery);
    const trouble = outcome.kind === 'sent' ? outcome.trouble : outcome;
    if (trouble === undefined) return;
    inDoubt = trouble.doubt;
    if (inDoubt && outcome.kind === 'trouble') cuts += 1;
    await delivery.patience.wait(trouble, delivery.signal);
  }
}

function send(chunk: Chunk, { client, limit, signal }: Delivery): Promise<Outcome> {
  return limit(() => sendBulk(client, chunk, signal));
}

async function notArrived({ dataStream, lines }: Chunk, { client, patience, signal }: Delivery): Promise<Line[]> {
  const ids = lines.map((line) => line.id);
  const arrived = await lookUpPatiently({ client, dataStream, ids, signal }, patience);
  if (arrived.size > 0) patience.progress();
  return lines.filter((line) => !arrived.has(line.id));
}

/** Takes down what was rejected; returns what is still to be delivered. */
function keep({ rejected, again }: Sent, sent: Line[], { rejections, patience }: Delivery): Line[] {
  for (const { id, problem } of rejected) rejections.push(rejection(id, problem));
  if (again.length < sent.length) patience.progress();
  return again;
}

async function tooLarge(chunk: Chunk, said: string, delivery: Delivery): Promise<void> {
  const [line, ...others] = chunk.lines as [Line, ...Line[]];
  if (others.length > 0) return halves(chunk, delivery);
  const reason = `the document's ${line.document.json.length} bytes are more than one request may hold (${said}; http.max_content_length, or a proxy's limit)`;
  delivery.rejections.push({ id: line.id, type: 'too_large', reason });
}

async function halves(chunk: Chunk, delivery: Delivery): Promise<void> {
  const { lines } = chunk;
  const middle = Math.ceil(lines.length / 2);
  await deliver({ ...chunk, lines: lines.slice(0, middle) }, delivery, false);
  await deliver({ ...chunk, lines: lines.slice(middle) }, delivery, false);
}

/** Reasons quote the value; a bound keeps a single document from filling the state. */
const maxReason = 2000;

function rejection(id: string, { type, reason }: EsProblem): Rejection {
  const field = fieldOf(reason);
  const kept = reason.slice(0, maxReason);
  return field === undefined ? { id, type, reason: kept } : { id, type, reason: kept, field };
}
