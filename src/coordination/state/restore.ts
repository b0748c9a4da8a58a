/** Fills a new database with the rows that were read. */

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { quoted, tablesOf } from './capture.ts';

/** Rows that are written without letting others go first: heartbeats have to be sent meanwhile. */
const AT_ONCE = 5000;

/** By the key of each row, as `capture.ts` makes it, its values. What the database had is gone. */
export async function restoreRows(database: DatabaseSync, rows: ReadonlyMap<string, string>): Promise<void> {
  const inserts = new Map<string, StatementSync>();
  for (const { name, columns } of tablesOf(database)) {
    database.exec(`DELETE FROM ${quoted(name)}`);
    const values = columns.map(() => '?').join(', ');
    inserts.set(
      name,
      database.prepare(`INSERT INTO ${quoted(name)} (${columns.map(quoted).join(', ')}) VALUES (${values})`),
    );
  }
  // An index is made in a fraction of the time when all of its rows are there.
  const indices = database
    .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    .all() as { name: string; sql: string }[];
  database.exec('BEGIN');
  for (const { name } of indices) database.exec(`DROP INDEX ${quoted(name)}`);
  let done = 0;
  for (const [key, value] of rows) {
    const insert = inserts.get(tableOf(key));
    if (insert === undefined) throw new Error(`a row of the state has a key of no table: ${key.slice(0, 100)}`);
    insert.run(...(JSON.parse(value) as (string | number | null)[]));
    if (++done % AT_ONCE === 0) await setImmediate();
  }
  for (const { sql } of indices) {
    database.exec(sql);
    await setImmediate();
  }
  database.exec('COMMIT');
}

/** The second element of the key, which is a JSON array of the owner, the table and the row's own key. */
function tableOf(key: string): string {
  const begin = key.indexOf('","') + 3;
  return key.slice(begin, key.indexOf('"', begin));
}
