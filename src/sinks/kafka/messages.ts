/** Documents as Kafka records: key, headers, sizes, and the sends that they are divided into. */
import type { Message } from 'kafkajs';
import type { OutDocument, Rejection } from '../../api/sink.ts';
import { stampInPlace } from '../serialize.ts';
import { measureKey } from './partition.ts';
import { topicOf, type WholeSettings } from './settings.ts';

/** A document, encoded once for however many attempts. */
export interface Outgoing {
  id: string;
  topic: string;
  hash: number;
  bytes: number;
  message: Message;
}

/** One send: records of one partition. */
export interface KafkaChunk {
  topic: string;
  partition: number;
  bytes: number;
  records: Outgoing[];
}

/** Length, attributes, time and offset deltas and counts of a record, generously; and the head of its record batch. */
const RECORD_OVERHEAD = 64;
export const BATCH_OVERHEAD = 80;

export function toOutgoing(documents: readonly OutDocument[], settings: WholeSettings, ingested: string): Outgoing[] {
  const topics = new Map<string, string>();
  return documents.map((document) => {
    const { id, stream, revision } = document;
    const value = stampInPlace(document, ingested);
    const key = settings.key === 'host.id' ? (document.hostId ?? document.key) : document.key;
    const topic = getOrAdd(topics, `${stream} ${document.namespace}`, () => topicOf(settings.topic, document));
    const measured = measureKey(key);
    const headers = id.length + stream.length + revision.length + HEADER_NAMES;
    const message = { key, value, headers: { id, dataset: stream, revision }, partition: undefined };
    return {
      id,
      topic,
      hash: measured.hash,
      bytes: value.length + measured.bytes + headers + RECORD_OVERHEAD,
      message,
    };
  });
}

const HEADER_NAMES = 'iddatasetrevision'.length + 2 * 3;

/** The documents that fit, and rejections of those that never will. */
export function divide(
  documents: readonly Outgoing[],
  limitOf: (topic: string) => number,
): { fitting: Outgoing[]; rejections: Rejection[] } {
  const rejections: Rejection[] = [];
  const fitting = documents.filter(({ id, topic, bytes }) => {
    const limit = limitOf(topic);
    if (bytes + BATCH_OVERHEAD <= limit) return true;
    rejections.push(tooLarge(id, `${bytes + BATCH_OVERHEAD} bytes with key and headers, but ${topic} takes ${limit}`));
    return false;
  });
  return { fitting, rejections };
}

export function tooLarge(id: string, sizes: string): Rejection {
  const advice = 'raise max.message.bytes of the topic, and max_message of the sink with it';
  return { id, type: 'message_too_large', reason: `the record has ${sizes}: ${advice}` };
}

/** kafkajs copies a send's list once per record. */
const MAX_RECORDS = 2000;
/** A broker takes requests of 100 MB, and all partitions of a round may be on one. */
const MAX_ROUND_BYTES = 16 * 1024 * 1024;
/** Sends in rounds: those of a round go out together, no two of them to the same partition. */
export function roundsOf(
  documents: readonly Outgoing[],
  partitionsOf: (topic: string) => number,
  sendLimitOf: (topic: string) => number,
): KafkaChunk[][] {
  const queues = new Map<string, KafkaChunk[]>();
  for (const document of documents) {
    const { topic, hash, bytes } = document;
    const partition = hash % partitionsOf(topic);
    document.message.partition = partition;
    const queue = getOrAdd(queues, `${topic}/${partition}`, () => []);
    const last = queue.at(-1);
    const fits = last && last.bytes + bytes <= sendLimitOf(topic) && last.records.length < MAX_RECORDS;
    if (fits) {
      last.records.push(document);
      last.bytes += bytes;
    } else queue.push({ topic, partition, bytes: bytes + BATCH_OVERHEAD, records: [document] });
  }
  return inRounds([...queues.values()]);
}

function inRounds(queues: KafkaChunk[][]): KafkaChunk[][] {
  const rounds: KafkaChunk[][] = [];
  const longest = Math.max(0, ...queues.map((queue) => queue.length));
  for (let turn = 0; turn < longest; turn++) {
    let round: KafkaChunk[] = [];
    let bytes = 0;
    for (const queue of queues) {
      const chunk = queue[turn];
      if (chunk === undefined) continue;
      if (bytes + chunk.bytes > MAX_ROUND_BYTES && round.length > 0) {
        rounds.push(round);
        round = [];
        bytes = 0;
      }
      round.push(chunk);
      bytes += chunk.bytes;
    }
    rounds.push(round);
  }
  return rounds;
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
