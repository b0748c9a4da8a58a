/** What the newest revision of each record lies under: an alias for each stream and source, and an id for each record. */
import { createHash } from 'node:crypto';
import type { StoredQuery } from '../../../api/sink.ts';

export type Of = Pick<StoredQuery, 'stream' | 'namespace'>;

/** An alias, so that its index can be made anew under it, and that a write without `setup` is refused. */
export function latestOf({ stream, namespace }: Of): string {
  return `latest-${stream}-${namespace}`;
}

/** Elasticsearch takes no longer ones. */
const MOST_ID_BYTES = 512;

/** `event.id`, so that anybody can get a record by it, or its hash where it is too long. */
export function latestId(key: string): string {
  if (key !== '' && Buffer.byteLength(key) <= MOST_ID_BYTES) return key;
  return `sha256-${createHash('sha256').update(key).digest('hex')}`;
}
