/** Tells which records of a page are new or changed. */
import { exactHashOf, hasKey, isSameHash, keyOf, keyOfTwin, revisionOf } from '../../api/records/identity.ts';
import { REMOVED, withoutSecrets } from '../../api/records/secrets.ts';
import type { Stream } from '../../api/stream.ts';
import type { Known, Owed } from '../../state/store.ts';
import type { Pipeline } from '../pipeline.ts';

export type CompareNeeds = Pick<Pipeline, 'registered' | 'state' | 'claims' | 'owed' | 'ignored'>;

export interface Observed {
  key: string;
  /** The list record; undefined when only its key is known. */
  record: unknown;
  fingerprint: string | null;
  /** Its key in the list, where that is another one: without a secret in it, or one of several that the list calls the same. */
  listed?: string;
  /** It was passed without its detail, which is asked for now. */
  owed?: Owed;
}

/** A record of which only the key is known, or what was remembered when its detail could not be had. */
export function observeKey(pipeline: CompareNeeds, key: string): Observed {
  const owed = pipeline.owed.has(key) ? pipeline.state.owedOf(key) : undefined;
  if (owed === undefined) return { key, record: undefined, fingerprint: null };
  return { key, record: owed.record, fingerprint: pipeline.owed.get(key) ?? null, owed };
}

/** A record of the list as the engine sees it from here on: without secrets. Never throws. */
export function observe(pipeline: CompareNeeds, raw: unknown): Observed {
  const { stream } = pipeline.registered;
  const record = clean(stream, raw);
  const listed = record === raw ? undefined : keyOf(stream, raw);
  return {
    key: listed === undefined ? keyOf(stream, record) : keyOfCleaned(stream, record, listed),
    listed,
    record,
    fingerprint: attempt(() => revisionOf(record, pipeline.ignored)) ?? null,
  };
}

/** Where a secret stood in the key itself, or nothing else is left, the key is the one by which the list knows the record. */
function keyOfCleaned(stream: Stream, record: unknown, listed: string): string {
  const key = keyOf(stream, record);
  return hasKey(key) && hasKey(listed) ? key : listed;
}

/**
 * One reply may show one key several times, each time with another content. The one that was delivered before keeps the
 * key, or else the first by its fingerprint. Where the detail decides, that is all; else the others count as records
 * without a key, so that each is shipped once, and not in turns for ever.
 */
export function withoutTwins(pipeline: CompareNeeds, observed: Observed[], hasDetails: boolean): Observed[] {
  if (new Set(observed.map(({ key }) => key)).size === observed.length) return observed;
  const owners = new Map<string, Observed>();
  for (const [key, same] of Map.groupBy(observed, (seen) => seen.key)) {
    const known = same.length === 1 ? undefined : pipeline.state.known(key);
    const sorted = same.toSorted((one, other) => (printOf(one) < printOf(other) ? -1 : 1));
    owners.set(key, sorted.find((seen) => isAsListed(pipeline, seen, known)) ?? (sorted[0] as Observed));
  }
  if (hasDetails) return [...owners.values()];
  return observed.map((seen) => {
    const isOwner = printOf(seen) === printOf(owners.get(seen.key) as Observed);
    return isOwner ? seen : { ...seen, listed: seen.listed ?? seen.key, key: keyOfTwin(seen.key, printOf(seen)) };
  });
}

function printOf({ fingerprint }: Observed): string {
  return fingerprint ?? '';
}

/** A record that cannot be searched for secrets goes no further. */
export function clean(stream: Stream, raw: unknown): unknown {
  try {
    return withoutSecrets(raw, stream.secrets);
  } catch {
    return REMOVED;
  }
}

/** Whether nothing needs to be done: it is known as it is, or on its way as it is. */
export function isUnchanged(pipeline: CompareNeeds, seen: Observed, known: Known | undefined): boolean {
  if (seen.fingerprint === null) return false;
  const claim = pipeline.claims.of(seen.key);
  if (claim !== undefined) return claim.fingerprint === seen.fingerprint;
  const { owed } = pipeline;
  if (owed.size > 0 && seen.owed === undefined && owed.get(seen.key) === seen.fingerprint) return true;
  return isAsListed(pipeline, seen, known);
}

/** Whether the list record is the one that was seen last. */
export function isAsListed(pipeline: CompareNeeds, seen: Observed, known: Known | undefined): boolean {
  return isSameHash(known?.fingerprint, seen.fingerprint, () => exactHashOf(seen.record, pipeline.ignored));
}

/** A record of any shape must not stop its walk. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
