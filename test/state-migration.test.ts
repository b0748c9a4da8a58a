/** A state that an earlier version wrote keeps what it knows. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openState } from '../src/state/sqlite.ts';
import { scratch } from './engine/harness.ts';

/** As version 1 made it, with a record, a walk and a batch that was being written. */
const VERSION_1 = `
CREATE TABLE pipelines (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, covered_from_ms INTEGER);
CREATE TABLE revisions (
  id INTEGER PRIMARY KEY, pipeline INTEGER NOT NULL, key_hash INTEGER NOT NULL, key TEXT NOT NULL, fingerprint TEXT,
  revision TEXT NOT NULL, ordinal INTEGER NOT NULL, time_ms INTEGER, digests TEXT NOT NULL, deleted INTEGER NOT NULL,
  refresh_at_ms INTEGER, refresh_ms INTEGER NOT NULL
);
CREATE INDEX revisions_by_key ON revisions (key_hash);
CREATE INDEX revisions_by_time ON revisions (pipeline, time_ms);
CREATE INDEX revisions_due ON revisions (pipeline, refresh_at_ms) WHERE refresh_at_ms IS NOT NULL;
CREATE TABLE walks (
  pipeline INTEGER NOT NULL, walk TEXT NOT NULL, kind TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
  cursor TEXT, receipt TEXT, batch INTEGER NOT NULL, finished_at_ms INTEGER, PRIMARY KEY (pipeline, walk)
) WITHOUT ROWID;
CREATE TABLE prepared (
  pipeline INTEGER NOT NULL, walk TEXT NOT NULL, number INTEGER NOT NULL, rows TEXT NOT NULL,
  PRIMARY KEY (pipeline, walk, number)
) WITHOUT ROWID;
CREATE TABLE ledger (
  id INTEGER PRIMARY KEY, pipeline INTEGER NOT NULL, walk TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
  filter TEXT, total INTEGER NOT NULL, "distinct" INTEGER NOT NULL, settled INTEGER NOT NULL, delivered INTEGER NOT NULL,
  unchanged INTEGER NOT NULL, rejected INTEGER NOT NULL, at_ms INTEGER NOT NULL
);
CREATE TABLE rejections (
  pipeline INTEGER NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, type TEXT NOT NULL, reason TEXT NOT NULL, field TEXT,
  document TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (pipeline, id)
) WITHOUT ROWID;
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, pipelines TEXT NOT NULL,
  "as" TEXT, status TEXT NOT NULL, message TEXT, created_at_ms INTEGER NOT NULL
);
INSERT INTO pipelines VALUES (1, 's/x.y/z', 7);
INSERT INTO walks VALUES (1, 'live', 'live', 1, 2, '{"coveredMs":2}', '{"segment":3}', 41, NULL);
INSERT INTO prepared VALUES (1, 'live', 42, '[]');
INSERT INTO ledger (pipeline, walk, from_ms, to_ms, filter, total, "distinct", settled, delivered, unchanged, rejected, at_ms) VALUES
  (1, 'live', 20, 30, NULL, 2, 2, 1, 2, 0, 0, 500), (1, 'live', 28, 40, 'severity', 2, 2, 1, 0, 2, 0, 500),
  (1, 'live', 40, 45, NULL, 0, 0, 1, 0, 0, 0, 500), (1, 'live', 22, 24, NULL, 0, 0, 1, 0, 0, 0, 500),
  (1, 'live', 50, 60, NULL, 3, 2, 0, 2, 0, 0, 500), (1, 'live', 0, 90, 'query=a', 3, 3, 1, 2, 0, 0, 500),
  (1, 'live', 70, 80, NULL, 0, 0, 1, 0, 0, 0, 500), (1, 'live', 480, 900, NULL, 0, 0, 1, 0, 0, 0, 500);
PRAGMA user_version = 1;
`;

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch();
});
afterEach(() => folder.remove());

function made(sql: string): void {
  const database = new DatabaseSync(join(folder.path, 'state.db'));
  database.exec(sql);
  database.close();
}

const open = () => openState({ path: folder.path, now: () => 1000, exclusive: true });

test('version 1 is taken over, once', () => {
  made(VERSION_1);
  for (let time = 1; time <= 2; time++) {
    const store = open();
    const state = store.pipeline('s/x.y/z');
    expect(state.coveredFromMs()).toBe(7);
    expect(state.walk('live')).toMatchObject({
      batch: 41,
      cursor: { coveredMs: 2 },
      receipt: { segment: 3 },
      isCancelled: false,
    });
    expect(store.pauses()).toEqual([]);
    expect(state.jobParts(1)).toEqual([]);
    expect(state.prepared('x.y', 's')).toEqual([{ walk: 'live', number: 42, atMs: 0, ids: [] }]);
    expect(state.openChildren()).toEqual([]);
    expect(state.counts()).toMatchObject({ owed: 0, gaps: 0 });
    expect(state.covered()).toEqual([
      { fromMs: 20, toMs: 45 },
      { fromMs: 70, toMs: 80 },
      { fromMs: 480, toMs: 500 }, // what lay in the future then
    ]);
    expect(state.ledger(100).map(({ kind }) => kind)).toEqual([
      ...['window', 'window', 'child', 'window', 'window', 'window', 'window', 'window'],
    ]);
    expect(state.ledger(1)).toMatchObject([{ attempts: 0, givenUp: 0, deleted: 0, documents: 0 }]);
    expect(state.tenant('t-1')).toBe('t-1');
    expect(state.tenant('t-2')).toBe('t-1');
    store.close();
  }
});

test('a version of the future is left alone', () => {
  made('PRAGMA user_version = 99;');
  expect(open).toThrow(/written by another version of Sluice \(schema 99/);
});
