/** Delivers one chunk until every document in it has arrived or is rejected: the loop around `sendBulk` and the look-up. */
import type { LimitFunction } from 'p-limit';
import type { OutDocument, Rejection } from '../../api/sink.ts';
import { type Backoff, orRefusal } from '../backoff.ts';
import { type EsProblem, fieldOf } from './answers.ts';
import {
  type BulkChunk,
  type BulkLine,
  type BulkOutcome,
  type ChunkLimits,
  chunksOf,
  type Sent,
  sendBulk,
} from './bulk.ts';
import type { EsClient } from './client.ts';
import { lookUpUntilAnswered } from './lookup.ts';

interface BulkDelivery {
  client: EsClient;
  /** Requests to the cluster at a time, over all walks. Never held while waiting. */
  limit: LimitFunction;
  backoff: Backoff;
  rejections: Rejection[];
  signal: AbortSignal;
}

/** What writes of one sink share. */
export interface Writing {
  client: EsClient;
  limits: ChunkLimits;
  concurrency: number;
  limit: LimitFunction;
  newBackoff: () => Backoff;
  now: () => number;
}

/**
 * Delivers documents; returns those that were refused. The first failure calls the other requests off, and is thrown once
 * they have ended.
 */
export async function deliverAll(
  { client, limits, concurrency, limit, newBackoff }: Writing,
  documents: readonly OutDocument[],
  { ingested, attempted, signal }: { ingested: string; attempted: boolean; signal: AbortSignal },
): Promise<Rejection[]> {
  const rejections: Rejection[] = [];
  const failures: unknown[] = [];
  const own = new AbortController();
  const abort = () => own.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const chunks = chunksOf(documents, limits, ingested);
  const work = async () => {
    // Several workers take from one generator: a chunk is serialised when a worker is free to send it.
    for (let next = chunks.next(); !next.done && !own.signal.aborted; next = chunks.next()) {
      const delivery = { client, limit, backoff: newBackoff(), rejections, signal: own.signal };
      await deliver(next.value, delivery, attempted);
    }
  };
  const guarded = () =>
    work().catch((error: unknown) => {
      failures.push(error);
      own.abort();
    });
  await Promise.all(Array.from({ length: concurrency }, guarded));
  signal.removeEventListener('abort', abort);
  signal.throwIfAborted();
  if (failures.length > 0) throw failures[0];
  return rejections;
}

/** `attempted`: an earlier attempt may have arrived. */
async function deliver(chunk: BulkChunk, delivery: BulkDelivery, attempted: boolean): Promise<void> {
  let left = chunk.lines;
  let outcomeUnknown = attempted;
  for (let cuts = 0; left.length > 0; ) {
    if (outcomeUnknown) {
      left = await notArrived({ ...chunk, lines: left }, delivery);
      outcomeUnknown = false;
      // The cluster answers small requests while ours are cut off: some proxies say "too large" like that.
      if (cuts > 1 && left.length > 1) return halves({ ...chunk, lines: left }, delivery);
      continue;
    }
    const lines = left;
    const outcome = await orRefusal(() => send({ ...chunk, lines }, delivery));
    if ('refusal' in outcome) {
      outcomeUnknown = true;
      await delivery.backoff.wait(outcome, delivery.signal);
      continue;
    }
    if (outcome.kind === 'too-large') return tooLarge({ ...chunk, lines: left }, outcome.said, delivery);
    if (outcome.kind === 'sent') left = keep(outcome, left, delivery);
    const trouble = outcome.kind === 'sent' ? outcome.trouble : outcome;
    if (trouble === undefined) return;
    outcomeUnknown = trouble.outcomeUnknown;
    if (outcomeUnknown && outcome.kind === 'trouble') cuts += 1;
    await delivery.backoff.wait(trouble, delivery.signal);
  }
}

function send(chunk: BulkChunk, { client, limit, signal }: BulkDelivery): Promise<BulkOutcome> {
  return limit(() => sendBulk(client, chunk, signal));
}

async function notArrived(
  { dataStream, lines }: BulkChunk,
  { client, backoff, signal }: BulkDelivery,
): Promise<BulkLine[]> {
  const ids = lines.map((line) => line.id);
  const arrived = await lookUpUntilAnswered({ client, dataStream, ids, signal }, backoff);
  if (arrived.size > 0) backoff.progress();
  return lines.filter((line) => !arrived.has(line.id));
}

/** Notes the rejected documents; returns those that are still to be delivered. */
function keep({ rejected, again }: Sent, sent: BulkLine[], { rejections, backoff }: BulkDelivery): BulkLine[] {
  for (const { id, problem } of rejected) rejections.push(rejection(id, problem));
  if (again.length < sent.length) backoff.progress();
  return again;
}

async function tooLarge(chunk: BulkChunk, said: string, delivery: BulkDelivery): Promise<void> {
  const [line, ...others] = chunk.lines as [BulkLine, ...BulkLine[]];
  if (others.length > 0) return halves(chunk, delivery);
  const reason = `the document's ${line.document.json.length} bytes are more than one request may hold (${said}; http.max_content_length, or a proxy's limit)`;
  delivery.rejections.push({ id: line.id, type: 'too_large', reason });
}

async function halves(chunk: BulkChunk, delivery: BulkDelivery): Promise<void> {
  const { lines } = chunk;
  const middle = Math.ceil(lines.length / 2);
  await deliver({ ...chunk, lines: lines.slice(0, middle) }, delivery, false);
  await deliver({ ...chunk, lines: lines.slice(middle) }, delivery, false);
}

/** Reasons quote the value; a bound keeps a single document from filling the state. */
const MOST_REASON = 2000;

function rejection(id: string, { type, reason }: EsProblem): Rejection {
  const field = fieldOf(reason);
  const kept = reason.slice(0, MOST_REASON);
  return field === undefined ? { id, type, reason: kept } : { id, type, reason: kept, field };
}
