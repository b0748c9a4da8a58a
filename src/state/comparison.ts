/**
 * What the vendor lists, what the state knows and what the sink holds of one pipeline, side by side in a database of its
 * own: sorted and merged on disk, so that a million records take no more memory than a thousand.
 */
import { DatabaseSync } from 'node:sqlite';
import { DELETED, documentId, isOwnId } from '../api/records/identity.ts';
import type { StoredDocument } from '../api/sink.ts';
import type { Range } from '../api/walk.ts';

export type DifferenceKind = 'missing' | 'stale' | 'doubled' | 'extra';

export interface DocumentDifference {
  kind: DifferenceKind;
  key: string;
  /** Of the document that is concerned; 0 for a record that was never delivered. */
  ordinal: number;
  /** The document's id, where it is known. */
  id: string | undefined;
  reason: string;
  /** Time of the record. */
  timeMs: number | undefined;
  /** The surplus documents. */
  surplus?: { id: string; place: string }[];
  /** Another revision followed: the vendor cannot be asked for this one any more. */
  isOlder?: boolean;
  /** The state knows it as delivered. */
  isKnown?: boolean;
}

export interface ComparisonInput {
  /** The stream's name. */
  stream: string;
  /** The states: of the reading that was made to compare, and the real one; and the pipeline's name, which is the same in both. */
  listed: string;
  known: string;
  pipeline: string;
  /** Where times count, the range that was read; undefined for a list that was read whole. */
  range: Range | undefined;
  /** Whether the reading has the revisions that a delivery would have; else it has fingerprints of list records. */
  hasRevisions: boolean;
  /** Whether a record that the list misses is told as deleted. */
  tellsDeletions: boolean;
}

export interface Comparison {
  /** Documents that the sink holds. */
  add(stream: string, documents: readonly StoredDocument[]): void;
  /** All differences, after everything was added. */
  differences(input: ComparisonInput): Generator<DocumentDifference>;
  /** Keeps a difference, for a second look. */
  keep(difference: DocumentDifference): void;
  /** Whether the same was kept. */
  hasKept(difference: DocumentDifference): boolean;
  kept(): Iterable<DocumentDifference>;
  /** `dropped` are listed records of which the user's own mapping ships nothing. */
  counts(): { listed: number; held: number; rejected: number; dropped: number };
  close(): void;
}

const TABLES = `
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -32000; PRAGMA temp_store = FILE;
CREATE TABLE held (
  key TEXT NOT NULL, ordinal INTEGER NOT NULL, revision TEXT NOT NULL, id TEXT NOT NULL, time_ms INTEGER,
  place TEXT NOT NULL, is_ours INTEGER NOT NULL
);
CREATE TABLE listed (key TEXT PRIMARY KEY, fingerprint TEXT, revision TEXT NOT NULL, time_ms INTEGER) WITHOUT ROWID;
CREATE TABLE known (
  key TEXT PRIMARY KEY, fingerprint TEXT, revision TEXT NOT NULL, ordinal INTEGER NOT NULL, time_ms INTEGER,
  deleted INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE kept (
  kind TEXT NOT NULL, key TEXT NOT NULL, ordinal INTEGER NOT NULL, difference TEXT NOT NULL, PRIMARY KEY (kind, key, ordinal)
) WITHOUT ROWID;
CREATE TABLE owed (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE refused (key TEXT NOT NULL, id TEXT NOT NULL, ordinal INTEGER, PRIMARY KEY (key, id)) WITHOUT ROWID;
`;

const LOAD = `
INSERT INTO listed SELECT key, fingerprint, revision, time_ms FROM seen.revisions
  WHERE pipeline = (SELECT id FROM seen.pipelines WHERE name = :name) AND NOT deleted ORDER BY key;
INSERT INTO known SELECT key, fingerprint, revision, ordinal, time_ms, deleted FROM real.revisions
  WHERE pipeline = (SELECT id FROM real.pipelines WHERE name = :name) ORDER BY key;
INSERT INTO owed SELECT key FROM real.owed WHERE pipeline = (SELECT id FROM real.pipelines WHERE name = :name);
INSERT INTO refused SELECT key, id, json_extract(document, '$.event.sequence') FROM real.rejections
  WHERE pipeline = (SELECT id FROM real.pipelines WHERE name = :name);
INSERT OR IGNORE INTO refused SELECT json_extract(value, '$.key'), substr(name, 9), NULL FROM real.facts
  WHERE pipeline = (SELECT id FROM real.pipelines WHERE name = :name) AND name LIKE 'dropped %';
`;

/** Makes the file, which must not be there. */
export function openComparison(file: string): Comparison {
  const database = new DatabaseSync(file);
  database.exec(TABLES);
  const insert = database.prepare('INSERT INTO held VALUES (?, ?, ?, ?, ?, ?, ?)');
  const keep = database.prepare('INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)');
  const isKept = database.prepare('SELECT 1 FROM kept WHERE kind = ? AND key = ? AND ordinal = ?');
  const allKept = database.prepare('SELECT difference FROM kept');
  const count = (sql: string) => (database.prepare(sql).get() as { n: number }).n;
  return {
    add(stream, documents) {
      database.exec('BEGIN');
      for (const document of documents) {
        const { id, key, revision, ordinal, timeMs, place } = document;
        insert.run(key, ordinal, revision, id, timeMs ?? null, place, isOwnId(stream, document) ? 1 : 0);
      }
      database.exec('COMMIT');
    },
    *differences(input) {
      load(database, input);
      yield* doubled(database, input);
      yield* missingOfKnown(database, input);
      yield* ofListed(database, input);
      if (input.tellsDeletions) yield* extra(database, input);
    },
    keep(difference) {
      const { kind, key, ordinal } = difference;
      keep.run(kind, key, ordinal, JSON.stringify(difference));
    },
    hasKept: ({ kind, key, ordinal }) => isKept.get(kind, key, ordinal) !== undefined,
    *kept() {
      for (const { difference } of allKept.iterate()) yield JSON.parse(difference as string) as DocumentDifference;
    },
    counts: () => ({
      listed: count('SELECT count(*) AS n FROM listed'),
      held: count('SELECT count(*) AS n FROM held'),
      rejected: count('SELECT count(*) AS n FROM refused'),
      dropped: count('SELECT count(*) AS n FROM listed JOIN known USING (key) WHERE known.ordinal = 0'),
    }),
    close: () => database.close(),
  };
}

function load(database: DatabaseSync, { listed, known, pipeline }: ComparisonInput): void {
  database.exec('CREATE INDEX held_by_key ON held (key, ordinal)');
  database.prepare('ATTACH ? AS seen').run(listed);
  database.prepare('ATTACH ? AS real').run(known);
  for (const sql of LOAD.split(';').filter((text) => text.trim() !== '')) database.prepare(sql).run({ name: pipeline });
  database.exec('DETACH seen; DETACH real;');
}

/** A condition on a time: the range, or nothing. */
function inRange(column: string, range: Range | undefined): string {
  return range === undefined ? '1' : `(${column} >= ${range.fromMs} AND ${column} < ${range.toMs})`;
}

type Raw = Record<string, string | number | null>;

function rows(database: DatabaseSync, sql: string, ...values: (string | number)[]): Iterable<Raw> {
  return database.prepare(sql).iterate(...values) as Iterable<Raw>;
}

function timeOf(row: Raw): number | undefined {
  return (row.time_ms as number | null) ?? undefined;
}

/** One revision several times, and what is not Sluice's beside it. */
function* doubled(database: DatabaseSync, { range }: ComparisonInput): Generator<DocumentDifference> {
  const same = rows(
    database,
    `SELECT key, ordinal, count(*) AS times, min(time_ms) AS time_ms FROM held WHERE ${inRange('time_ms', range)}
     GROUP BY key, ordinal HAVING count(*) > 1`,
  );
  const each = database.prepare(
    'SELECT id, place, is_ours FROM held WHERE key = ? AND ordinal = ? ORDER BY is_ours DESC, rowid',
  );
  for (const row of same) {
    const [key, ordinal] = [row.key as string, row.ordinal as number];
    const [first, ...others] = each.all(key, ordinal) as { id: string; place: string; is_ours: number }[];
    const isSame = others.every(({ id }) => id === first?.id);
    yield {
      ...{ kind: 'doubled', key, ordinal, id: first?.id, timeMs: timeOf(row) },
      reason: `is there ${row.times} times${isSame ? '' : `, also as ${others.map(({ id }) => id).join(', ')}`}`,
      surplus: others.map(({ id, place }) => ({ id, place })),
    };
  }
}

/** Each revision of a record up to the one that was delivered last must be there. */
function* missingOfKnown(database: DatabaseSync, { range, stream }: ComparisonInput): Generator<DocumentDifference> {
  const lacking = rows(
    database,
    `SELECT known.*, coalesce(there.count, 0) AS there FROM known LEFT JOIN
       (SELECT key, count(DISTINCT ordinal) AS count FROM held WHERE is_ours GROUP BY key) AS there USING (key)
     WHERE coalesce(there.count, 0) < known.ordinal AND ${inRange('known.time_ms', range)}`,
  );
  const there = database.prepare('SELECT DISTINCT ordinal FROM held WHERE key = ? AND is_ours');
  const refused = database.prepare('SELECT id, ordinal FROM refused WHERE key = ?');
  for (const row of lacking) {
    const [key, last, revision] = [row.key as string, row.ordinal as number, row.revision as string];
    const has = new Set((there.all(key) as { ordinal: number }[]).map(({ ordinal }) => ordinal));
    const not = refused.all(key) as { id: string; ordinal: number | null }[];
    for (let ordinal = 1; ordinal <= last; ordinal++) {
      if (has.has(ordinal)) continue;
      const id = ordinal === last ? documentId(stream, key, ordinal, revision) : undefined;
      if (not.some((one) => one.ordinal === ordinal || one.id === id)) continue;
      const reason =
        ordinal === last
          ? 'was delivered, and is not there'
          : `revision ${ordinal} of ${last} was delivered, and is not there`;
      yield {
        ...{ kind: 'missing', key, ordinal, id, reason, timeMs: timeOf(row) },
        isOlder: ordinal < last,
        isKnown: true,
      };
    }
  }
}

/** Each record of the list must be known as it is, and held as it is known. */
function* ofListed(database: DatabaseSync, { hasRevisions }: ComparisonInput): Generator<DocumentDifference> {
  const all = rows(
    database,
    `SELECT listed.key, listed.time_ms, listed.fingerprint, listed.revision, known.fingerprint AS known_fingerprint,
       known.revision AS known_revision, known.ordinal, known.deleted, owed.key AS owed,
       (SELECT revision FROM held WHERE held.key = listed.key AND is_ours ORDER BY ordinal DESC LIMIT 1) AS held_revision
     FROM listed LEFT JOIN known USING (key) LEFT JOIN owed USING (key)`,
  );
  for (const row of all) {
    const reason = reasonFor(row, hasRevisions);
    if (reason === undefined) continue;
    const kind = row.ordinal === null && row.held_revision === null ? 'missing' : 'stale';
    const one = {
      kind,
      key: row.key as string,
      ordinal: (row.ordinal as number | null) ?? 0,
      id: undefined,
      reason,
    } as const;
    yield { ...one, timeMs: timeOf(row) };
  }
}

function reasonFor(row: Raw, hasRevisions: boolean): string | undefined {
  if (row.ordinal === null && row.held_revision === null)
    return row.owed === null ? 'was never delivered' : 'waits for its detail';
  if (row.deleted === 1) return 'was told as deleted, and the vendor has it';
  if (hasRevisions) {
    const last = row.known_revision ?? row.held_revision;
    return differ(last, row.revision) ? 'is another one at the vendor by now' : undefined;
  }
  // What the list says of a record that the state does not know as listed, only its detail could tell.
  return differ(row.known_fingerprint, row.fingerprint) ? 'is another one in the list by now' : undefined;
}

/** Hashes of another length were made by the rule of an earlier version. */
function differ(one: Raw[string] | undefined, other: Raw[string] | undefined): boolean {
  if (typeof one !== 'string' || typeof other !== 'string' || one.length !== other.length) return false;
  return one !== other;
}

/** A record at the very edge of the range may lie on either side of it. */
const EDGE_MS = 1000;

/** What the sink holds as present, and the list does not have. */
function* extra(database: DatabaseSync, { range }: ComparisonInput): Generator<DocumentDifference> {
  const within = range && { fromMs: range.fromMs + EDGE_MS, toMs: range.toMs - EDGE_MS };
  const all = rows(
    database,
    `SELECT newest.key, newest.ordinal, newest.revision, newest.id, newest.time_ms, newest.is_ours, newest.place,
       known.ordinal AS known_ordinal, known.deleted
     FROM (SELECT *, max(ordinal) FROM held GROUP BY key) AS newest
     LEFT JOIN listed USING (key) LEFT JOIN known USING (key)
     WHERE listed.key IS NULL AND ${inRange('newest.time_ms', within)}
       AND newest.revision <> '${DELETED}' AND coalesce(known.deleted, 0) = 0`,
  );
  for (const row of all) {
    const isKnown = row.known_ordinal !== null;
    const other = row.is_ours === 1 ? 'neither the vendor nor the state knows of it' : 'its id is none of Sluice';
    yield {
      ...{ kind: 'extra', key: row.key as string, ordinal: row.ordinal as number, id: row.id as string },
      ...{ timeMs: timeOf(row), isKnown, surplus: [{ id: row.id as string, place: row.place as string }] },
      reason: isKnown ? 'the vendor does not list it any more, and it was not told as deleted' : other,
    };
  }
}
