/**
 * Tables of the SQLite state. `pipeline` columns hold the id of a row of `pipelines`, to keep the rows short.
 *
 * Keys are random, and an index over them is what a commit spends its time on: `key_hash` (52 bits) makes it four times
 * smaller than one over the keys. Rows with equal hashes are told apart by their key.
 */
export const SCHEMA_VERSION = 7;

const CHILDREN = `
CREATE TABLE children (
  pipeline INTEGER NOT NULL, child TEXT NOT NULL, version TEXT NOT NULL, status TEXT NOT NULL, since_ms INTEGER NOT NULL,
  next_at_ms INTEGER, records INTEGER, failures INTEGER NOT NULL,
  PRIMARY KEY (pipeline, child)
) WITHOUT ROWID;
`;

const NOTES = `
CREATE TABLE notes (
  source TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (source, kind, id)
) WITHOUT ROWID;
`;

/** Facts of a pipeline by name; and what is known to be undelivered: gaps, owed records, records that the list misses. */
const OPEN_ENDS = `
CREATE TABLE facts (pipeline INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (pipeline, name)) WITHOUT ROWID;

CREATE TABLE gaps (
  pipeline INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
  place TEXT NOT NULL, reason TEXT NOT NULL, since_ms INTEGER NOT NULL, next_at_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL, PRIMARY KEY (pipeline, id)
) WITHOUT ROWID;

CREATE TABLE owed (
  pipeline INTEGER NOT NULL, key TEXT NOT NULL, record TEXT NOT NULL, "as" TEXT, since_ms INTEGER NOT NULL,
  next_at_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, PRIMARY KEY (pipeline, key)
) WITHOUT ROWID;

CREATE TABLE missing (
  pipeline INTEGER NOT NULL, key TEXT NOT NULL, since_ms INTEGER NOT NULL, PRIMARY KEY (pipeline, key)
) WITHOUT ROWID;
`;

/** What the ledger proves, whatever rows of it are gone by now: disjoint ranges that do not touch. And records that were shipped without their detail. */
const COVERAGE = `
CREATE TABLE covered (
  pipeline INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, PRIMARY KEY (pipeline, from_ms)
) WITHOUT ROWID;

CREATE TABLE incomplete (
  pipeline INTEGER NOT NULL, key TEXT NOT NULL, since_ms INTEGER NOT NULL, PRIMARY KEY (pipeline, key)
) WITHOUT ROWID;
`;

/**
 * How far the walk of a job has come in a pipeline, a row for each part of its range that the vendor has counted. And what is
 * not read for now: of a whole source, where the stream is empty.
 */
const JOBS = `
CREATE TABLE job_progress (
  job INTEGER NOT NULL, pipeline INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
  counted INTEGER NOT NULL, known INTEGER NOT NULL, listed INTEGER NOT NULL, finished INTEGER NOT NULL,
  documents INTEGER NOT NULL, rejected INTEGER NOT NULL, list_requests INTEGER NOT NULL, detail_requests INTEGER NOT NULL,
  worked_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (job, pipeline, from_ms, to_ms)
) WITHOUT ROWID;

CREATE TABLE pauses (
  source TEXT NOT NULL, stream TEXT NOT NULL, since_ms INTEGER NOT NULL, until_ms INTEGER, reason TEXT,
  PRIMARY KEY (source, stream)
) WITHOUT ROWID;
`;

/** Rows of the ledger that settled, joined to ranges. A filter with a value is that of a child, which covers no time. */
const COVERED_BY_LEDGER = `
INSERT INTO covered WITH
  read AS (SELECT pipeline, from_ms, min(to_ms, at_ms) AS to_ms FROM ledger WHERE settled AND instr(coalesce(filter, ''), '=') = 0),
  ordered AS (SELECT *, max(to_ms) OVER (PARTITION BY pipeline ORDER BY from_ms, to_ms ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM read WHERE from_ms < to_ms),
  islands AS (SELECT *, sum(before IS NULL OR from_ms > before) OVER (PARTITION BY pipeline ORDER BY from_ms, to_ms) AS island FROM ordered)
SELECT pipeline, min(from_ms), max(to_ms) FROM islands GROUP BY pipeline, island;
`;

/** The identity of this state, for the folders that belong to it. */
const SELF = `
CREATE TABLE self (id TEXT NOT NULL);
INSERT INTO self VALUES (lower(hex(randomblob(16))));
`;

/** Statements that turn the schema of each version into that of the next. */
export const MIGRATIONS: Readonly<Record<number, string>> = {
  1: `ALTER TABLE prepared ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE pipelines ADD COLUMN tenant TEXT; ${CHILDREN}`,
  2: NOTES,
  3: `ALTER TABLE revisions ADD COLUMN seen_ms INTEGER;
    ALTER TABLE ledger ADD COLUMN owed INTEGER NOT NULL DEFAULT 0; ${OPEN_ENDS}`,
  4: SELF,
  5: `ALTER TABLE ledger ADD COLUMN kind TEXT NOT NULL DEFAULT 'window';
    ALTER TABLE ledger ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN given_up INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN documents INTEGER NOT NULL DEFAULT 0;
    UPDATE ledger SET documents = delivered;
    UPDATE ledger SET kind = 'child' WHERE instr(coalesce(filter, ''), '=') > 0;
    ${COVERAGE}${COVERED_BY_LEDGER}`,
  6: `ALTER TABLE walks ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0; ${JOBS}`,
};

export const SCHEMA = `
CREATE TABLE pipelines (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, covered_from_ms INTEGER, tenant TEXT);

CREATE TABLE revisions (
  id INTEGER PRIMARY KEY, pipeline INTEGER NOT NULL, key_hash INTEGER NOT NULL, key TEXT NOT NULL, fingerprint TEXT,
  revision TEXT NOT NULL, ordinal INTEGER NOT NULL, time_ms INTEGER, digests TEXT NOT NULL, deleted INTEGER NOT NULL,
  refresh_at_ms INTEGER, refresh_ms INTEGER NOT NULL, seen_ms INTEGER
);
CREATE INDEX revisions_by_key ON revisions (key_hash);
CREATE INDEX revisions_by_time ON revisions (pipeline, time_ms);
CREATE INDEX revisions_due ON revisions (pipeline, refresh_at_ms) WHERE refresh_at_ms IS NOT NULL;

CREATE TABLE walks (
  pipeline INTEGER NOT NULL, walk TEXT NOT NULL, kind TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
  cursor TEXT, receipt TEXT, batch INTEGER NOT NULL, finished_at_ms INTEGER,
  cancelled INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (pipeline, walk)
) WITHOUT ROWID;

CREATE TABLE prepared (
  pipeline INTEGER NOT NULL, walk TEXT NOT NULL, number INTEGER NOT NULL, rows TEXT NOT NULL,
  at_ms INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (pipeline, walk, number)
) WITHOUT ROWID;

CREATE TABLE ledger (
  id INTEGER PRIMARY KEY, pipeline INTEGER NOT NULL, walk TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
  filter TEXT, total INTEGER NOT NULL, "distinct" INTEGER NOT NULL, settled INTEGER NOT NULL, delivered INTEGER NOT NULL,
  unchanged INTEGER NOT NULL, rejected INTEGER NOT NULL, at_ms INTEGER NOT NULL, owed INTEGER NOT NULL DEFAULT 0,
  kind TEXT NOT NULL DEFAULT 'window', attempts INTEGER NOT NULL DEFAULT 0, given_up INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0, documents INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE rejections (
  pipeline INTEGER NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, type TEXT NOT NULL, reason TEXT NOT NULL, field TEXT,
  document TEXT NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (pipeline, id)
) WITHOUT ROWID;

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, pipelines TEXT NOT NULL,
  "as" TEXT, status TEXT NOT NULL, message TEXT, created_at_ms INTEGER NOT NULL
);
${CHILDREN}${NOTES}${OPEN_ENDS}${SELF}${COVERAGE}${JOBS}`;
