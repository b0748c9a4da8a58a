/**
 * Notes which rows of a database change, and reads them as they are when they are asked for. By triggers of one connection
 * alone: the file itself has none. What a transaction takes back was never noted.
 */
import type { DatabaseSync } from 'node:sqlite';

/** A row as it is now: its key, and its values in the order of the columns; null for one that is gone. Both are JSON. */
export interface RowChange {
  key: string;
  value: string | null;
}

export interface Capture {
  /** The rows that changed since they were taken last. */
  take(): RowChange[];
  /** Counts every row as changed. */
  takeAll(): void;
}

/** A table with the columns of its rows, those of its key in front of the others' order. */
export interface TableShape {
  name: string;
  columns: string[];
  key: string[];
  /** Of the columns of the key. */
  types: string[];
}

/** A table without a key of its own is known by its row ids. */
export function tablesOf(database: DatabaseSync): TableShape[] {
  const tables = database
    .prepare("SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    .all() as { name: string }[];
  return tables.map(({ name }) => {
    const info = database.prepare(`PRAGMA main.table_info(${quoted(name)})`).all() as {
      name: string;
      type: string;
      pk: number;
    }[];
    const keyColumns = info.filter(({ pk }) => pk > 0).sort((one, other) => one.pk - other.pk);
    const columns = info.map((column) => column.name);
    if (keyColumns.length === 0) return { name, columns: ['rowid', ...columns], key: ['rowid'], types: ['INTEGER'] };
    return {
      ...{ name, columns },
      key: keyColumns.map((column) => column.name),
      types: keyColumns.map(({ type }) => type),
    };
  });
}

export function quoted(name: string): string {
  return `"${name}"`;
}

/** `owner` begins the key of every row. */
export function captureChanges(database: DatabaseSync, owner: string): Capture {
  const tables = tablesOf(database).map((table) => watched(database, table, owner));
  return {
    take: () => tables.flatMap(({ take }) => take()),
    takeAll() {
      for (const { all } of tables) all();
    },
  };
}

function watched(database: DatabaseSync, { name, columns, key, types }: TableShape, owner: string) {
  const noted = `temp.${quoted(`changed_${name}`)}`;
  const keys = key.map((_, index) => `k${index}`);
  const of = (row: 'OLD' | 'NEW') => key.map((column) => `${row}.${quoted(column)}`);
  // Not OR IGNORE: what the statement that fired the trigger says of conflicts would go before it.
  const note = (row: 'OLD' | 'NEW') =>
    `INSERT INTO ${quoted(`changed_${name}`)} SELECT ${of(row).join(', ')} WHERE NOT EXISTS (SELECT 1
     FROM ${quoted(`changed_${name}`)} WHERE ${of(row)
       .map((value, index) => `k${index} = ${value}`)
       .join(' AND ')});`;
  const trigger = (event: string, ...rows: ('OLD' | 'NEW')[]) =>
    `CREATE TEMP TRIGGER ${quoted(`note_${event}_${name}`)} AFTER ${event} ON main.${quoted(name)}
     BEGIN ${rows.map(note).join(' ')} END;`;
  // Of the same types: else SQLite compares each of them instead of looking it up.
  const declared = keys.map((each, index) => `${each} ${types[index]}`).join(', ');
  database.exec(`CREATE TABLE ${noted} (${declared}, PRIMARY KEY (${keys.join(', ')})) WITHOUT ROWID;
    ${trigger('INSERT', 'NEW')} ${trigger('UPDATE', 'OLD', 'NEW')} ${trigger('DELETE', 'OLD')}`);
  const values = columns.map((column) => `r.${quoted(column)}`).join(', ');
  const same = key.map((column, index) => `r.${quoted(column)} = c.k${index}`).join(' AND ');
  const changed = database.prepare(
    `SELECT json_array(?1, '${name}', ${keys.map((each) => `c.${each}`).join(', ')}) AS key,
       CASE WHEN r.${quoted(key[0] as string)} IS NOT NULL THEN json_array(${values}) END AS value
     FROM ${noted} c LEFT JOIN main.${quoted(name)} r ON ${same}`,
  );
  const forget = database.prepare(`DELETE FROM ${noted}`);
  const noteAll = database.prepare(
    `INSERT OR IGNORE INTO ${noted} SELECT ${key.map(quoted).join(', ')} FROM main.${quoted(name)}`,
  );
  return {
    take(): RowChange[] {
      const rows = changed.all(owner) as unknown as RowChange[];
      if (rows.length > 0) forget.run();
      return rows;
    },
    all: () => void noteAll.run(),
  };
}
