/** Bulk requests: divides documents into requests of bounded size, sends one, and tells what became of each document. */
import { z } from 'zod';
import type { OutDocument } from '../../api/sink.ts';
import { putLine } from '../serialize.ts';
import { type ClusterPlace, type ClusterTrouble, type EsProblem, judgeItem, troubleWith } from './answers.ts';
import type { EsClient } from './client.ts';

/** A document: two lines of a request. */
export interface BulkLine {
  id: string;
  head: string;
  document: OutDocument;
}

export interface BulkChunk {
  dataStream: string;
  lines: BulkLine[];
  /** `event.ingested` of its documents. */
  ingested: string;
}

export interface ChunkLimits {
  dataStreamType: string;
  maxBulkBytes: number;
  maxBulkDocuments: number;
}

/** Makes each chunk when it is asked for. Documents of one data stream stay in order. */
export function* chunksOf(
  documents: readonly OutDocument[],
  limits: ChunkLimits,
  ingested: string,
): Generator<BulkChunk> {
  const open = new Map<string, { lines: BulkLine[]; bytes: number }>();
  for (const document of documents) {
    const { id } = document;
    const dataStream = dataStreamOf(limits.dataStreamType, document);
    const line = { id, head: `{"create":{"_id":${JSON.stringify(id)}}}\n`, document };
    const bytes = sizeOf(line);
    const chunk = open.get(dataStream);
    if (chunk && chunk.bytes + bytes <= limits.maxBulkBytes && chunk.lines.length < limits.maxBulkDocuments) {
      chunk.lines.push(line);
      chunk.bytes += bytes;
      continue;
    }
    open.set(dataStream, { lines: [line], bytes });
    if (chunk) yield { dataStream, lines: chunk.lines, ingested };
  }
  for (const [dataStream, { lines }] of open) yield { dataStream, lines, ingested };
}

function sizeOf({ head, document }: BulkLine): number {
  return Buffer.byteLength(head) + document.json.length + 1;
}

/** The body of a request, made for each attempt, so that only requests under way take memory. */
function bodyOf({ lines, ingested }: BulkChunk): Buffer {
  const body = Buffer.allocUnsafe(lines.reduce((sum, line) => sum + sizeOf(line), 0));
  let end = 0;
  for (const { head, document } of lines) {
    end += body.write(head, end);
    end += putLine(body, end, document, ingested);
  }
  return body;
}

export function dataStreamOf(type: string, to: { stream: string; namespace: string }): string {
  return `${type}-${to.stream}-${to.namespace}`;
}

/** So many names of data streams fit into the first line of a request. */
const NAMES_AT_ONCE = 20;

/** A list in parts of so many, for requests that may not be longer. */
export function inPortions<Item>(list: readonly Item[], size = NAMES_AT_ONCE): Item[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size));
}

/** Names our requests on the server while they run, so that a look-up can wait for them, even for those of a dead process. */
export function opaqueIdOf(dataStream: string): string {
  return `sluice/${dataStream}`;
}

export interface Sent {
  kind: 'sent';
  rejected: { id: string; problem: EsProblem }[];
  /** Documents to be sent again; `trouble` says why. */
  again: BulkLine[];
  trouble: ClusterTrouble | undefined;
}

type TooLarge = { kind: 'too-large'; said: string };
export type BulkOutcome = Sent | ClusterTrouble | TooLarge;

const ITEM = z.object({ status: z.number(), error: z.unknown().optional(), failure_store: z.string().optional() });
const BULK = z.object({ items: z.array(z.object({ create: ITEM.optional(), index: ITEM.optional() })) });
type Items = z.infer<typeof ITEM>[];

interface BulkRequest {
  /** A data stream or an alias. */
  target: string;
  require: 'require_data_stream' | 'require_alias';
  lines: Buffer;
  /** How many operations they are. */
  count: number;
  opaqueId?: string;
  signal: AbortSignal;
}

/** One request: what became of each of its operations. Throws only refusals that a person has to lift. */
export async function requestBulk(
  client: EsClient,
  { target, require, count, ...request }: BulkRequest,
): Promise<{ kind: 'items'; items: Items } | ClusterTrouble | TooLarge> {
  const reply = await client.call({
    method: 'POST',
    path: `/${target}/_bulk`,
    query: {
      // Without a template, and without `setup`, a bare core would make an ordinary index of this name.
      [require]: true,
      // The server gives up before we do, so that its answer says what happened.
      timeout: `${Math.ceil(client.requestTimeoutMs * 0.8)}ms`,
      filter_path:
        'error,status,items.*.status,items.*.failure_store,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason',
    },
    shape: BULK,
    ...request,
  });
  if (reply.kind === 'answer' && reply.status === 413) return { kind: 'too-large', said: `413 from ${client.where}` };
  if (reply.kind === 'silence' || reply.status !== 200)
    return troubleWith(reply, { where: client.where, dataStream: target });
  const items = reply.body.items.map(({ create, index }) => create ?? index ?? { status: 500 });
  if (items.length === count) return { kind: 'items', items };
  return {
    kind: 'trouble',
    why: 'answered a bulk request without a result for each document',
    advice: 'Check that the address is the one of Elasticsearch itself.',
    outcomeUnknown: true,
  };
}

/** One attempt, without a retry. */
export async function sendBulk(client: EsClient, chunk: BulkChunk, signal: AbortSignal): Promise<BulkOutcome> {
  const { dataStream, lines } = chunk;
  const outcome = await requestBulk(client, {
    ...{ target: dataStream, require: 'require_data_stream', opaqueId: opaqueIdOf(dataStream), signal },
    ...{ lines: bodyOf(chunk), count: lines.length },
  });
  return outcome.kind === 'items' ? sort(lines, outcome.items, { where: client.where, dataStream }) : outcome;
}

function sort(lines: BulkLine[], items: Items, place: ClusterPlace): Sent {
  const sent: Sent = { kind: 'sent', rejected: [], again: [], trouble: undefined };
  for (const [index, line] of lines.entries()) {
    const verdict = judgeItem(items[index] ?? { status: 500 }, place);
    if (verdict === 'delivered') continue;
    if (verdict.kind === 'rejected') {
      sent.rejected.push({ id: line.id, problem: verdict.problem });
      continue;
    }
    sent.again.push(line);
    // If the outcome of one document is unknown, all that are sent again are looked up: that costs little.
    const outcomeUnknown = verdict.outcomeUnknown || (sent.trouble?.outcomeUnknown ?? false);
    sent.trouble = { ...verdict, outcomeUnknown };
  }
  return sent;
}
