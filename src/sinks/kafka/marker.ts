/**
 * The marker: the number of a walk's last batch, committed in the transaction of its documents as the offset of a
 * consumer group on the marker topic. It is read when a producer is opened, to learn what arrived.
 */
import { createHash } from 'node:crypto';
import { type SluiceError, stopError } from '../../api/errors.ts';

export interface Marker {
  number: number;
  /** Tells two batches of one number apart; undefined when something else wrote the offset. */
  digest: string | undefined;
  /** Documents that were left out of the batch as too large: the first characters of a hash of each id. */
  leftOut: ReadonlySet<string>;
}

/** A batch whose outcome is unknown. */
interface InQuestion {
  number: number;
  ids: readonly string[];
  /** When it was prepared, epoch milliseconds. */
  atMs: number;
}

/** Kafka takes 4096 bytes with an offset. */
export const MOST_LEFT_OUT = 400;

/** The metadata that is stored with the offset. */
export function metadataOf(sent: readonly string[], leftOut: readonly string[]): string {
  return JSON.stringify({ d: digestOf(sent), ...(leftOut.length > 0 && { r: leftOut.map(shortened).join(' ') }) });
}

export function toMarker(offset: string, metadata: string | null): Marker | undefined {
  const number = Number(offset);
  if (!(number >= 0)) return undefined; // -1: there is none
  try {
    const { d, r } = JSON.parse(metadata ?? '') as { d?: string; r?: string };
    return { number, digest: d, leftOut: new Set(r?.split(' ')) };
  } catch {
    return { number, digest: undefined, leftOut: new Set() };
  }
}

export function isLeftOut(id: string, marker: Marker): boolean {
  return marker.leftOut.size > 0 && marker.leftOut.has(shortened(id));
}

function digestOf(ids: readonly string[]): string {
  return createHash('sha256').update(ids.toSorted().join('\n')).digest('base64url').slice(0, 22);
}

function shortened(id: string): string {
  return createHash('sha256').update(id).digest('base64url').slice(0, 8);
}

/**
 * Brokers forget the offsets of a group that nobody uses after `offsets.retention.minutes`, 7 days unless it was changed.
 * Where this setting may not be read, a day is taken to be safe.
 */
export const KEPT_AT_LEAST_MS = 86_400_000;

interface KnownNumber {
  marker: Marker | undefined;
  /** The number of the last batch that is known to have arrived; undefined when none is. */
  last: number | undefined;
  /** When that was, epoch milliseconds. */
  lastAtMs: number | undefined;
  nowMs: number;
  /** How long numbers are kept. */
  keptMs: number;
  /** For messages. */
  group: string;
}

/** Whether the batch arrived. Throws `stop` where the marker leaves it open: nothing is guessed. */
export function hasArrived(batch: InQuestion, { marker, last, lastAtMs, nowMs, keptMs, group }: KnownNumber): boolean {
  if (marker === undefined) {
    if (lastAtMs !== undefined && nowMs - lastAtMs <= keptMs) throw removed(last ?? 0, group);
    if (nowMs - batch.atMs <= keptMs) return false;
    throw forgotten(batch, group);
  }
  if (marker.number < (last ?? 0)) throw wentBack(marker, last ?? 0, group);
  if (marker.number < batch.number) return false;
  if (marker.number > batch.number) throw ahead(batch, marker, group);
  const sent = batch.ids.filter((id) => !isLeftOut(id, marker));
  if (marker.digest !== digestOf(sent)) throw another(batch, group);
  return true;
}

/** For the first write of a walk that has no batch whose outcome is unknown: Kafka must not have its number yet. */
export function mustBeAhead(
  number: number,
  { marker, last, group }: Pick<KnownNumber, 'marker' | 'last' | 'group'>,
): void {
  if (marker === undefined) return;
  if (marker.number < (last ?? 0)) throw wentBack(marker, last ?? 0, group);
  if (marker.number >= number) throw ahead({ number }, marker, group);
}

const RESET = 'and then `sluice state reset`: everything in range is shipped again, under the same ids';

function ahead({ number }: { number: number }, marker: Marker, group: string): SluiceError {
  return stopError(
    `batch ${number} is to be written, but Kafka has batch ${marker.number} of ${group} already`,
    `The state is older than the topic: was it restored from a backup, or does another Sluice write under this name? Put the newer state back, or stop the other one. If neither can be, choose another \`transactional_id_prefix\` ${RESET}.`,
  );
}

function another({ number }: { number: number }, group: string): SluiceError {
  return stopError(
    `Kafka has a batch ${number} of ${group}, but with other documents`,
    `Does another Sluice write under this name? Give each its own \`transactional_id_prefix\`. If the state was changed by hand, choose another prefix ${RESET}.`,
  );
}

function wentBack(marker: Marker, last: number, group: string): SluiceError {
  return stopError(
    `batch ${last} of ${group} was delivered, but Kafka knows of ${marker.number} only`,
    `The cluster has lost what it had acknowledged, or is another one than before. To ship what is missing: \`sluice state reset\`, and then \`sluice backfill\`; everything in range is shipped again, under the same ids.`,
  );
}

function removed(last: number, group: string): SluiceError {
  return stopError(
    `batch ${last} of ${group} was delivered not long ago, but Kafka knows of none: whether the next one arrived is not known`,
    `Was the consumer group or the marker topic deleted, or is this another cluster? Do not delete them. Sluice can only begin anew: \`sluice state reset\` ships everything in range again, under the same ids.`,
  );
}

function forgotten({ number, atMs, ids }: InQuestion, group: string): SluiceError {
  return stopError(
    `whether batch ${number} of ${group} arrived is not known: it was written at ${new Date(atMs).toISOString()}, and Kafka may have forgotten its number since (offsets.retention.minutes)`,
    `A record with the header id=${ids[0]} in the topic tells whether it did. Sluice can only begin anew: \`sluice state reset\` ships everything in range again, under the same ids, so that readers which go by the id (docs/kafka.md) see nothing twice.`,
  );
}
