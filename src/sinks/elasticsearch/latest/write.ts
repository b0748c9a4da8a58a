/**
 * Keeps the newest revision of each record: `index` with the external version `event.sequence`. The cluster refuses what is
 * older than what it has, so any order, and any number of repetitions, ends in the same.
 */
import type { LimitFunction } from 'p-limit';
import type { Logger } from 'pino';
import type { OutDocument, Rejection } from '../../../api/sink.ts';
import { type Backoff, orRefusal } from '../../backoff.ts';
import { encodeLines } from '../../serialize.ts';
import { type ClusterTrouble, type EsProblem, judgeItem } from '../answers.ts';
import { type ChunkLimits, requestBulk } from '../bulk.ts';
import type { EsClient } from '../client.ts';
import { latestId, latestOf } from './names.ts';

/** What writes of one sink share. */
export interface LatestWriting {
  client: EsClient;
  limits: ChunkLimits;
  limit: LimitFunction;
  newBackoff: () => Backoff;
  log: Logger;
}

/** A revision on its way. */
export interface Newest {
  key: string;
  ordinal: number;
  bytes: number;
  /** The document and a line feed; made for each attempt. */
  body(): Buffer;
}

/** Of documents that the data stream took: those of streams whose records change, the newest of each record. */
export function newestAmong(
  documents: readonly OutDocument[],
  changing: ReadonlySet<string>,
  rejections: readonly Rejection[],
  ingested: string,
): Map<string, Newest[]> {
  const refused = new Set(rejections.map(({ id }) => id));
  const newest = new Map<string, OutDocument>();
  for (const document of documents) {
    if (!changing.has(document.stream) || refused.has(document.id)) continue;
    const name = JSON.stringify([document.stream, document.namespace, document.key]);
    const before = newest.get(name);
    if (before === undefined || before.ordinal <= document.ordinal) newest.set(name, document);
  }
  const found = new Map<string, Newest[]>();
  for (const document of newest.values()) {
    const { key, ordinal, json } = document;
    const of = found.get(latestOf(document)) ?? [];
    of.push({ key, ordinal, bytes: json.length, body: () => encodeLines([document], ingested) });
    found.set(latestOf(document), of);
  }
  return found;
}

/**
 * Writes until the cluster has each of them, or a newer one. One that it refuses for its content is told and left out: its
 * document has arrived in the data stream, which has the same mapping.
 */
export async function keepNewest(
  writing: LatestWriting,
  alias: string,
  newest: readonly Newest[],
  signal: AbortSignal,
): Promise<void> {
  const refused: EsProblem[] = [];
  for (const chunk of inChunks(newest, writing.limits))
    await keepChunk(writing, { alias, refused, signal, backoff: writing.newBackoff() }, chunk);
  const [first] = refused;
  if (first === undefined) return;
  writing.log.warn(
    {
      count: refused.length,
      type: first.type,
      advice: `Its older revisions stay in ${alias}, until \`sluice setup elasticsearch\` makes that anew.`,
    },
    `${alias} does not take documents, which have arrived in their data stream: ${first.reason.slice(0, 300)}`,
  );
}

function* inChunks(newest: readonly Newest[], { maxBulkBytes, maxBulkDocuments }: ChunkLimits): Generator<Newest[]> {
  let chunk: Newest[] = [];
  let bytes = 0;
  for (const one of newest) {
    if (chunk.length > 0 && (bytes + one.bytes > maxBulkBytes || chunk.length >= maxBulkDocuments)) {
      yield chunk;
      [chunk, bytes] = [[], 0];
    }
    chunk.push(one);
    bytes += one.bytes;
  }
  if (chunk.length > 0) yield chunk;
}

interface Keeping {
  alias: string;
  refused: EsProblem[];
  signal: AbortSignal;
  backoff: Backoff;
}

async function keepChunk(writing: LatestWriting, keeping: Keeping, chunk: readonly Newest[]): Promise<void> {
  const { refused, signal, backoff } = keeping;
  for (let left = chunk; left.length > 0; ) {
    const sent = left;
    const outcome = await orRefusal(() => writing.limit(() => send(writing.client, keeping.alias, sent, signal)));
    if ('refusal' in outcome) {
      await backoff.wait(outcome, signal);
      continue;
    }
    if (outcome.kind === 'too-large') return tooLarge(writing, keeping, sent, outcome.said);
    if (outcome.kind === 'sent') {
      refused.push(...outcome.refused);
      if (outcome.again.length < sent.length) backoff.progress();
      left = outcome.again;
    }
    const trouble = outcome.kind === 'sent' ? outcome.trouble : outcome;
    if (trouble !== undefined) await backoff.wait(trouble, signal);
  }
}

/** The data stream took it, so that one alone is only refused where limits changed in between. */
async function tooLarge(writing: LatestWriting, keeping: Keeping, sent: readonly Newest[], said: string) {
  const [one, ...others] = sent as [Newest, ...Newest[]];
  if (others.length === 0) {
    const reason = `its ${one.bytes} bytes are more than one request may hold (${said})`;
    keeping.refused.push({ type: 'too_large', reason });
    return;
  }
  const middle = Math.ceil(sent.length / 2);
  await keepChunk(writing, keeping, sent.slice(0, middle));
  await keepChunk(writing, keeping, sent.slice(middle));
}

interface LatestSent {
  kind: 'sent';
  refused: EsProblem[];
  again: Newest[];
  trouble: ClusterTrouble | undefined;
}

/** One attempt. A conflict means that it is there already, or a newer one. */
async function send(
  client: EsClient,
  alias: string,
  newest: readonly Newest[],
  signal: AbortSignal,
): Promise<LatestSent | ClusterTrouble | { kind: 'too-large'; said: string }> {
  const outcome = await requestBulk(client, {
    ...{ target: alias, require: 'require_alias', count: newest.length, signal },
    lines: Buffer.concat(newest.flatMap((one) => [Buffer.from(headOf(one)), one.body()])),
  });
  if (outcome.kind !== 'items') return outcome;
  const place = { where: client.where, dataStream: alias };
  const sent: LatestSent = { kind: 'sent', refused: [], again: [], trouble: undefined };
  for (const [index, one] of newest.entries()) {
    const verdict = judgeItem(outcome.items[index] ?? { status: 500 }, place);
    if (verdict === 'delivered') continue;
    if (verdict.kind === 'rejected') sent.refused.push(verdict.problem);
    else {
      sent.again.push(one);
      sent.trouble = verdict;
    }
  }
  return sent;
}

function headOf({ key, ordinal }: Newest): string {
  const index = { _id: latestId(key), version: ordinal, version_type: 'external_gte' };
  return `${JSON.stringify({ index })}\n`;
}
