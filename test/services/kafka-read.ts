/** What a `read_committed` reader finds in Kafka, from the beginning to the end, and whether it is what should be there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { EcsDocument } from '../../src/api/document.ts';
import { differencesFrom, idOf } from '../e2e/delivered.ts';

export const TOPIC = 'sluice.cylance.detection';

export interface Message {
  topic: string;
  partition: number;
  offset: number;
  key: string | undefined;
  headers: Record<string, string>;
  value: Buffer;
}

const script = join(import.meta.dirname, 'kafka', 'read.sh');

/**
 * Every committed message, in the order of each partition. It is read by Kafka's own client: kafkajs 2.2.4 takes the
 * aborted transactions of a fetch to be in the order in which they began, while the broker tells them in the order in
 * which they ended. Where those of two writers overlap in a partition, it hands out records that were aborted.
 */
export async function eachCommitted(
  brokers: string[],
  topics: string[],
  each: (message: Message) => void,
): Promise<void> {
  const child = spawn(script, [brokers.join(','), ...topics], { stdio: ['ignore', 'pipe', 'pipe'] });
  const orphanGuard = () => child.kill('SIGKILL');
  process.once('exit', orphanGuard);
  let printed = '';
  child.stderr.on('data', (text: Buffer) => (printed += text));
  const closed = once(child, 'close');
  try {
    let rest: Buffer = Buffer.alloc(0);
    for await (const part of child.stdout as AsyncIterable<Buffer>) {
      const read = readerOf(Buffer.concat([rest, part]));
      for (let message = read.message(); message !== undefined; message = read.message()) each(message);
      rest = read.rest();
    }
    const [code] = await closed;
    if (code !== 0 || rest.length > 0) throw new Error(`read.sh ended with ${code}: ${printed}`);
  } finally {
    child.kill('SIGKILL');
    process.removeListener('exit', orphanGuard);
  }
}

export async function readCommitted(brokers: string[], topics: string[]): Promise<Message[]> {
  const messages: Message[] = [];
  // Copied, since they are parts of larger buffers.
  await eachCommitted(brokers, topics, (each) => void messages.push({ ...each, value: Buffer.from(each.value) }));
  return messages;
}

/** Takes messages off a buffer, in the form that ReadCommitted.java describes; undefined when the next is not whole. */
function readerOf(bytes: Buffer): { message(): Message | undefined; rest(): Buffer } {
  let at = 0;
  let start = 0;
  const number = (): number => {
    at += 8;
    return at > bytes.length ? 0 : Number(bytes.readBigInt64BE(at - 8));
  };
  const value = (): Buffer | undefined => {
    const length = number();
    if (length < 0) return undefined;
    at += length;
    return bytes.subarray(at - length, at);
  };
  const text = () => value()?.toString();
  return {
    message() {
      at = start;
      const topic = text() ?? '';
      const [partition, offset] = [number(), number()];
      const key = text();
      const headers: Record<string, string> = {};
      for (let left = number(); left > 0; left--) headers[text() ?? ''] = text() ?? '';
      const document = value() ?? Buffer.alloc(0);
      if (at > bytes.length) return undefined;
      start = at;
      return { topic, partition, offset, key, headers, value: document };
    },
    rest: () => bytes.subarray(start),
  };
}

export interface Compared {
  documents: number;
  /** Partitions that hold documents. */
  partitions: number;
  /** Missing, doubled and surplus documents, revisions out of order, and keys and headers that do not fit; nothing is right. */
  wrong: string[];
}

export interface CompareOptions {
  topic?: string;
  /** What each document is, by its id. */
  expected: ReadonlyMap<string, string>;
  /** May look at every document. */
  each?: (document: EcsDocument, message: Message) => void;
}

/** All committed documents against what a perfect connector has delivered. */
export async function compareCommitted(
  brokers: string[],
  { topic = TOPIC, expected, each = () => {} }: CompareOptions,
): Promise<Compared> {
  const ids: string[] = [];
  const places = new Map<string, string>();
  const odd: string[] = [];
  const partitions = new Set<number>();
  const sequences = new Map<string, number>();
  await eachCommitted(brokers, [topic], (message) => {
    const document = JSON.parse(message.value.toString()) as EcsDocument;
    const { id = 'none' } = message.headers;
    const at = `${message.partition}@${message.offset} (${(document.event as { ingested: string }).ingested})`;
    const before = places.get(id);
    if (before !== undefined) odd.push(`${id} at ${at} was at ${before} already`);
    places.set(id, at);
    ids.push(id);
    partitions.add(message.partition);
    for (const problem of [...misfits(document, message), ...outOfOrder(document, sequences)])
      odd.push(`${at}: ${problem}`);
    each(document, message);
  });
  return {
    documents: ids.length,
    partitions: partitions.size,
    wrong: [...differencesFrom(expected, ids), ...odd].slice(0, 50),
  };
}

/** The contract of the headers, for topics with the default key. */
function misfits(document: EcsDocument, { key, headers }: Message): string[] {
  const { id, hash, dataset } = document.event as Record<'id' | 'hash' | 'dataset', string>;
  const wanted = { key: id, id: idOf(document), dataset, revision: hash };
  const found: Record<string, string | undefined> = { ...headers, key };
  return Object.entries(wanted)
    .filter(([name, value]) => found[name] !== value)
    .map(([name, value]) => `${name} is ${found[name]}, not ${value}`);
}

/** The revisions of a key: 1, 2, 3, in the order of its partition. */
function outOfOrder(document: EcsDocument, sequences: Map<string, number>): string[] {
  const { id, sequence } = document.event as { id: string; sequence: number };
  const before = sequences.get(id) ?? 0;
  sequences.set(id, sequence);
  return sequence === before + 1 ? [] : [`${id} #${sequence} comes after #${before}`];
}
