/** One attempt at a batch: asks whether it has arrived already, leaves out what is too large, and sends the rest. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type SluiceError, stopError } from '../../api/errors.ts';
import type { Prepared, Rejection } from '../../api/sink.ts';
import type { AttemptTools } from './attempts.ts';
import {
  hasArrived,
  isLeftOut,
  KEPT_AT_LEAST_MS,
  type Marker,
  MOST_LEFT_OUT,
  metadataOf,
  mustBeAhead,
} from './marker.ts';
import { divide, type Outgoing, roundsOf, tooLarge } from './messages.ts';
import type { Session } from './session.ts';

/** What is known of one walk. */
export interface WalkState {
  /** The consumer group that has its marker. */
  group: string;
  /** Its last batch that arrived, as far as is known. */
  last: number | undefined;
  /** When that was, epoch milliseconds. */
  lastAtMs: number | undefined;
  /** A batch that was attempted and whose outcome is unknown, and since when. */
  open: { number: number; atMs: number } | undefined;
  /** Whether its marker was read in this process. */
  seen: boolean;
}

/** A batch on its way. */
export interface KafkaDelivery {
  number: number;
  walk: WalkState;
  documents: Outgoing[];
  /** Documents that a broker found too large, by id. */
  refused: Map<string, Rejection>;
  /** Everything that was left out of the batch. */
  rejections: Rejection[];
}

type Tools = Pick<AttemptTools, 'settings' | 'limits' | 'now'>;

/** After an error the session is unusable. */
export async function deliver(tools: Tools, session: Session, delivery: KafkaDelivery): Promise<void> {
  const { number, walk, documents, refused } = delivery;
  if (tools.settings.transactions && (await isThere(tools, session, delivery))) return;
  const { maxMessageBytes } = tools.settings;
  const { fitting, rejections } = divide(
    documents.filter(({ id }) => !refused.has(id)),
    (topic) => Math.min(maxMessageBytes, tools.limits.get(topic)?.record ?? maxMessageBytes),
  );
  delivery.rejections = [...rejections, ...refused.values()];
  if (fitting.length === 0) return;
  if (delivery.rejections.length > MOST_LEFT_OUT) throw tooMany(delivery);
  await session.look([...new Set(fitting.map(({ topic }) => topic))]);
  const rounds = roundsOf(
    fitting,
    session.partitionsOf,
    (topic) => tools.limits.get(topic)?.send ?? maxMessageBytes * SEND_SHARE,
  );
  const leftOut = delivery.rejections.map(({ id }) => id);
  const metadata = metadataOf(
    fitting.map(({ id }) => id),
    leftOut,
  );
  // Without a timestamp, kafkajs asks the machine's own clock, and brokers refuse records that are an hour ahead.
  const timestamp = String(tools.now());
  for (const { message } of fitting) message.timestamp = timestamp;
  walk.open = { number, atMs: walk.open?.number === number ? walk.open.atMs : tools.now() };
  await session.write(rounds, { group: walk.group, number, metadata });
  arrived(walk, number, tools);
}

/** Without transactions there is no marker, and no number to be held against one later. */
function arrived(walk: WalkState, number: number, { settings, now }: Pick<Tools, 'settings' | 'now'>): void {
  if (settings.transactions) {
    walk.last = number;
    walk.lastAtMs = now();
  }
  walk.open = undefined;
}

/** The limit is for the bytes of a whole send: several records stay well below it. */
const SEND_SHARE = 0.9;

/** Whether the batch has arrived: asked where it was attempted before, and before a walk's first batch in this process. */
async function isThere(tools: Tools, session: Session, delivery: KafkaDelivery): Promise<boolean> {
  const { number, walk, documents } = delivery;
  const attempted = walk.open?.number === number ? walk.open : undefined;
  if (walk.seen && attempted === undefined) return false;
  if (attempted === undefined) {
    const { last, group } = walk;
    mustBeAhead(number, { marker: await session.marker(group), last, group });
    walk.seen = true;
    return false;
  }
  const { marker, keptMs } = await latestMarker(session, walk.group, number);
  const question = { number, ids: documents.map(({ id }) => id), atMs: attempted.atMs };
  if (!hasArrived(question, { ...walk, marker, nowMs: tools.now(), keptMs })) return false;
  arrived(walk, number, tools);
  delivery.rejections = leftOutOf(delivery, marker as Marker);
  return true;
}

/** Brokers before 4.0 may show a number that was just committed a moment late (KAFKA-17507): an older one is read twice. */
const LATE_MARKER_MS = 1000;

async function latestMarker(
  session: Session,
  group: string,
  number: number,
): Promise<{ marker: Marker | undefined; keptMs: number }> {
  let marker = await session.marker(group);
  if ((marker?.number ?? 0) < number) {
    await sleep(LATE_MARKER_MS);
    marker = await session.marker(group);
  }
  const keptMs = marker === undefined ? await session.keptMs() : undefined;
  return { marker, keptMs: keptMs ?? KEPT_AT_LEAST_MS };
}

function leftOutOf({ documents, rejections }: KafkaDelivery, marker: Marker): Rejection[] {
  const told = new Map(rejections.map((rejection) => [rejection.id, rejection]));
  return documents.flatMap(({ id, bytes, topic }) =>
    isLeftOut(id, marker) ? [told.get(id) ?? tooLarge(id, `${bytes} bytes, which ${topic} did not take`)] : [],
  );
}

function tooMany({ rejections, documents }: KafkaDelivery): SluiceError {
  return stopError(
    `${rejections.length} of ${documents.length} documents of a batch are too large for Kafka: ${rejections[0]?.reason}`,
    'So many are no exception: raise max.message.bytes of the topic and `max_message` of the sink, or lower `batch.documents`.',
  );
}

/** After a crash: the ids of a prepared batch, if it arrived, without those that were left out of it. */
export async function idsThatArrived(
  tools: Tools,
  session: Session,
  walk: WalkState,
  { number, ids: entries, atMs }: Prepared,
): Promise<string[]> {
  const ids = entries.map(({ id }) => id);
  const { marker, keptMs } = await latestMarker(session, walk.group, number);
  walk.seen = true;
  if (!hasArrived({ number, ids, atMs }, { ...walk, marker, nowMs: tools.now(), keptMs })) return [];
  arrived(walk, number, tools);
  return ids.filter((id) => !isLeftOut(id, marker as Marker));
}
