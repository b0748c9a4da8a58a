/**
 * One partition on its way into the sink, in order: a portion is looked up where an earlier owner may have tried it,
 * written, and committed once every record of it is in the sink or kept aside.
 */
import type { OutDocument, Sink } from '../api/sink.ts';
import { documentIn, type TopicRecord } from './read.ts';
import type { TopicCounts } from './statistics.ts';

/** Records as they were fetched, and the offset that follows them; without records it is one that nothing was left of. */
export interface Fetched {
  records: readonly TopicRecord[];
  next: bigint;
}

/** A record that is kept aside, and why. */
export interface Letter {
  record: TopicRecord;
  type: string;
  reason: string;
  field?: string;
}

/** Up to where another owner may have tried before. */
export interface Begin {
  /** What the group has committed; where the partition begins, when it has nothing. */
  committed: bigint;
  /** Records before it may be in the sink, whoever brought them there. */
  lookTo: bigint;
}

export interface LaneTools {
  topic: string;
  partition: number;
  sink: Pick<Sink, 'write' | 'recover'>;
  counts: TopicCounts;
  /** Every id is looked up: the topic may hold documents twice. */
  looksAlways: boolean;
  nowMs(): number;
  /** Throws when the partition may be another instance's by now. */
  demandOwned(): void;
  /** Resolves once the group has it. */
  commit(next: bigint, metadata: string): Promise<void>;
  /** Keeps records aside, and commits with them. */
  keep(letters: readonly Letter[], next: bigint, metadata: string): Promise<void>;
  /** So many bytes of records are dealt with. */
  freed(bytes: number): void;
  failed(error: unknown): void;
  /** Aborted when the partition is somebody else's, or all has to end at once. */
  signal: AbortSignal;
}

export interface Lane {
  push(fetched: Fetched): void;
  /** Resolves when the portion under way is done; nothing is begun after it. */
  end(): Promise<void>;
}

/**
 * The most records of a portion. An owner that died has tried one portion beyond what it committed: so many are looked up by
 * the next one, which may be of another version. It may grow, but not shrink.
 */
export const PORTION_RECORDS = 2000;
const PORTION_BYTES = 4 * 1024 * 1024;
const RECORD_BYTES = 500;

/** What a record takes of the memory that there is for records. */
export function bytesOf({ value }: TopicRecord): number {
  return (value?.length ?? 0) + RECORD_BYTES;
}

export function openLane(tools: LaneTools, begin: Begin): Lane {
  const queue: Fetched[] = [];
  let looked = 0;
  let working: Promise<void> | undefined;
  let isEnding = false;

  const work = async (): Promise<void> => {
    try {
      while (queue.length > 0 && !isEnding && !tools.signal.aborted) {
        const { records, next } = portionOf(queue);
        const first = records[0]?.offset ?? next;
        const isNew = !tools.looksAlways && first >= begin.lookTo && looked >= PORTION_RECORDS;
        const metadata = next < begin.lookTo ? metadataOf(begin.lookTo) : '';
        await deliver(tools, { records, next, metadata, looksUp: !isNew });
        looked += records.filter(({ offset }) => offset >= begin.committed).length;
        tools.freed(records.reduce((sum, record) => sum + bytesOf(record), 0));
      }
    } catch (error) {
      if (!tools.signal.aborted) tools.failed(error);
    } finally {
      working = undefined;
    }
  };
  return {
    push(fetched) {
      queue.push(fetched);
      working ??= work();
    },
    async end() {
      isEnding = true;
      await working;
    },
  };
}

/** Takes as much from the front as may be written at once. */
function portionOf(queue: Fetched[]): Fetched {
  const records: TopicRecord[] = [];
  let bytes = 0;
  let next = 0n;
  for (let head = queue[0]; head !== undefined; head = queue[0]) {
    let taken = 0;
    for (const record of head.records) {
      const size = bytesOf(record);
      if (records.length >= PORTION_RECORDS || (records.length > 0 && bytes + size > PORTION_BYTES)) break;
      records.push(record);
      bytes += size;
      taken++;
    }
    const rest = head.records.slice(taken);
    if (rest.length > 0) {
      queue[0] = { ...head, records: rest };
      const last = records.at(-1);
      if (last !== undefined) next = last.offset + 1n;
      break;
    }
    next = head.next;
    queue.shift();
  }
  return { records, next };
}

interface Portion extends Fetched {
  metadata: string;
  looksUp: boolean;
}

async function deliver(tools: LaneTools, { records, next, metadata, looksUp }: Portion): Promise<void> {
  const { topic, partition, sink, counts, signal } = tools;
  const letters: Letter[] = [];
  const documents: OutDocument[] = [];
  const byId = new Map<string, TopicRecord[]>();
  for (const record of records) {
    const found = documentIn(record);
    if (typeof found === 'string') letters.push({ record, type: 'not_of_sluice', reason: found });
    else {
      documents.push(found);
      byId.set(found.id, [...(byId.get(found.id) ?? []), record]);
    }
  }
  const strangers = letters.length;
  const place = { pipeline: 'load', walk: `${topic}/${partition}`, number: Number(next) };
  let fresh = documents;
  tools.demandOwned();
  if (looksUp && documents.length > 0) {
    const ids = documents.map(({ id, stream, namespace }) => ({ id, stream, namespace }));
    const prepared = [{ walk: place.walk, number: place.number, atMs: tools.nowMs(), ids }];
    const { arrived } = await sink.recover(place.pipeline, prepared, new Map(), signal);
    fresh = documents.filter(({ id }) => !arrived.has(id));
    tools.demandOwned();
  }
  if (fresh.length > 0) {
    const { rejections } = await sink.write({ ...place, documents: fresh }, signal);
    for (const { id, ...why } of rejections)
      for (const record of byId.get(id)?.splice(0, 1) ?? []) letters.push({ record, ...why });
  }
  signal.throwIfAborted();
  letters.sort((one, other) => (one.record.offset < other.record.offset ? -1 : 1));
  if (letters.length > 0) await tools.keep(letters, next, metadata);
  else await tools.commit(next, metadata);
  const refused = letters.length - strangers;
  counts.records += records.length;
  counts.strangers += strangers;
  counts.refused += refused;
  counts.there += documents.length - fresh.length;
  counts.delivered += fresh.length - refused;
}

const LOOK_TO = /^look-to=(\d{1,19})$/;

/** Kept with an offset as long as what follows may be in the sink already, so that the next owner knows. */
export function metadataOf(lookTo: bigint): string {
  return `look-to=${lookTo}`;
}

export function lookToIn(metadata: string | null | undefined): bigint | undefined {
  const [, offset] = LOOK_TO.exec(metadata ?? '') ?? [];
  return offset === undefined ? undefined : BigInt(offset);
}
