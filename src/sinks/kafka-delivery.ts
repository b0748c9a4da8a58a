/** One attempt at a batch: has it arrived already, what fits, and off it goes. */
import { SluiceError } from '../errors.ts';
import type { Prepared, Rejection } from '../types.ts';
import type { AttemptTools } from './kafka-attempts.ts';
import {
  hasArrived,
  isLeftOut,
  KEPT_AT_LEAST_MS,
  type Marker,
  MOST_LEFT_OUT,
  metadataOf,
  mustBeAhead,
} from './kafka-marker.ts';
import { divide, type Outgoing, roundsOf, tooLarge } from './kafka-messages.ts';
import type { Session } from './kafka-session.ts';

/** What is known of one walk. */
export interface WalkState {
  /** The consumer group that has its marker. */
  group: string;
  /** Its last batch that arrived, as far as is known. */
  last: number | undefined;
  /** A batch of which an attempt was made, and nothing is known. */
  open: number | undefined;
  /** Whether its marker was read in this process. */
  seen: boolean;
}

/** A batch on its way. */
export interface Delivery {
  number: number;
  walk: WalkState;
  documents: Outgoing[];
  /** Documents that a broker found too large, by id. */
  refused: Map<string, Rejection>;
  /** Everything that was left out of the batch. */
  rejections: Rejection[];
}

type Tools = Pick<AttemptTools, 'settings' | 'limits' | 'now'>;

/** Whatever it throws leaves the session unusable. */
export async function deliver(tools: Tools, session: Session, delivery: Delivery): Promise<void> {
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
  walk.open = number;
  await session.write(rounds, { group: walk.group, number, metadata });
  walk.last = number;
  walk.open = undefined;
}

/** The limit is for the bytes of a whole send: several records stay well below it. */
const SEND_SHARE = 0.9;

/** Looks where an attempt was made before, and before the first batch of a walk in this process. */
async function isThere(tools: Tools, session: Session, delivery: Delivery): Promise<boolean> {
  const { number, walk, documents } = delivery;
  const inDoubt = walk.open === number;
  if (walk.seen && !inDoubt) return false;
  const marker = await session.marker(walk.group);
  const { last, group } = walk;
  if (!inDoubt) {
    mustBeAhead(number, { marker, last, group });
    walk.seen = true;
    return false;
  }
  const nowMs = tools.now();
  const question = { number, ids: documents.map(({ id }) => id), atMs: nowMs };
  if (!hasArrived(question, { marker, last, nowMs, keptMs: KEPT_AT_LEAST_MS, group })) return false;
  walk.last = number;
  walk.open = undefined;
  delivery.rejections = leftOutOf(delivery, marker as Marker);
  return true;
}

function leftOutOf({ documents, rejections }: Delivery, marker: Marker): Rejection[] {
  const told = new Map(rejections.map((rejection) => [rejection.id, rejection]));
  return documents.flatMap(({ id, bytes, topic }) =>
    isLeftOut(id, marker) ? [told.get(id) ?? tooLarge(id, `${bytes} bytes, which ${topic} did not take`)] : [],
  );
}

function tooMany({ rejections, documents }: Delivery): SluiceError {
  return new SluiceError(
    `${rejections.length} of ${documents.length} documents of a batch are too large for Kafka: ${rejections[0]?.reason}`,
    {
      action: 'stop',
      advice:
        'So many are no exception: raise max.message.bytes of the topic and `max_message` of the sink, or lower `batch.documents`.',
    },
  );
}

/** After a crash: the ids of a prepared batch, if it arrived, without those that were left out of it. */
export async function idsThatArrived(
  { now }: Tools,
  session: Session,
  walk: WalkState,
  { number, ids: entries, atMs }: Prepared,
): Promise<string[]> {
  const ids = entries.map(({ id }) => id);
  const marker = await session.marker(walk.group);
  walk.seen = true;
  const { last, group } = walk;
  const nowMs = now();
  const isOld = marker === undefined && nowMs - atMs > KEPT_AT_LEAST_MS;
  const keptMs = (isOld ? await session.keptMs() : undefined) ?? KEPT_AT_LEAST_MS;
  if (!hasArrived({ number, ids, atMs }, { marker, last, nowMs, keptMs, group })) return [];
  walk.last = number;
  walk.open = undefined;
  return ids.filter((id) => !isLeftOut(id, marker as Marker));
}
