/**
 * The state as text: a line of JSON that says what it is, a line per row, and a last line with the number of rows, so that a
 * file that was cut is told from a whole one.
 */
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';
import { messageOf, SluiceError, stopError, usageError } from '../api/errors.ts';
import { openNewFile } from '../system/private-files.ts';
import { wholeLines } from '../system/reading.ts';
import { requireWhole } from './damage.ts';
import { giveName, idIn, makeNewFile, newDatabase, removeFresh, versionOf, withDatabase } from './database.ts';
import { type StatePlace, secureFiles } from './files.ts';
import { SCHEMA_VERSION } from './schema.sql.ts';

type Row = Record<string, SQLInputValue>;

interface Head {
  sluice: 'state';
  schema: number;
  state: string;
}

/**
 * Writes the state as it is at one moment, whoever writes into it meanwhile, into a new file for Sluice's user alone; one whose
 * name ends in `.zst` is compressed. Returns its size in bytes.
 */
export async function exportState(place: StatePlace, target: string): Promise<number> {
  requireWhole(place.path);
  return makeNewFile(target, async (fresh) => {
    const file = await openNewFile(fresh, place);
    await withDatabase(join(place.path, 'state.db'), (database) => {
      if (versionOf(database) !== SCHEMA_VERSION) throw ofEarlierVersion();
      const output = file.createWriteStream({ flush: true });
      const lines = Readable.from(linesOf(database));
      return isPacked(target) ? pipeline(lines, createZstdCompress(), output) : pipeline(lines, output);
    });
  });
}

/** Makes a state of an exported one, whole or not at all; returns the number of rows. Throws where there is a state already. */
export async function importState(place: StatePlace, source: string): Promise<number> {
  const { path } = place;
  const file = join(path, 'state.db');
  const fresh = `${file}.import.new`;
  secureFiles(place);
  requireNoState(path);
  try {
    removeFresh(fresh);
    const database = newDatabase(fresh, place);
    try {
      const fill = (chunks: AsyncIterable<Buffer>) => fillFrom(database, splitLines(chunks));
      const input = createReadStream(source);
      const rows = await (isPacked(source) ? pipeline(input, createZstdDecompress(), fill) : pipeline(input, fill));
      database.close();
      if (!giveName(fresh, file)) requireNoState(path);
      return rows;
    } finally {
      if (database.isOpen) database.close();
    }
  } catch (error) {
    if (error instanceof SluiceError || (error as { code?: string }).code === undefined) throw error;
    throw usageError(
      `${source} cannot be imported: ${messageOf(error)}`,
      'Name a file that `sluice state export` made.',
    );
  } finally {
    removeFresh(fresh);
  }
}

function isPacked(file: string): boolean {
  return file.endsWith('.zst');
}

function ofEarlierVersion(): SluiceError {
  return stopError(
    'the state is one of an earlier version of Sluice, and was not brought to this version yet',
    'Export it with the version that wrote it, or start this version once.',
  );
}

function requireNoState(path: string): void {
  const found = ['state.db', 'state.db-wal'].find((name) => existsSync(join(path, name)));
  if (found !== undefined)
    throw usageError(
      `there is a state in ${path} already (${found})`,
      'Name another `state.path` in the config, or move the folder away first.',
    );
}

async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const rest = yield* wholeLines(chunks);
  if (rest !== '') yield rest;
}

/** The lines of a state, as it is at one moment, whoever writes meanwhile. */
function* linesOf(database: DatabaseSync): Generator<string> {
  database.exec('BEGIN');
  try {
    const head: Head = { sluice: 'state', schema: versionOf(database), state: idIn(database) };
    yield `${JSON.stringify(head)}\n`;
    let rows = 0;
    for (const table of columnsOf(database).keys()) {
      for (const row of database.prepare(`SELECT * FROM ${table}`).iterate()) {
        rows++;
        yield `${JSON.stringify({ table, row })}\n`;
      }
    }
    yield `${JSON.stringify({ rows })}\n`;
  } finally {
    database.exec('COMMIT');
  }
}

/**
 * Fills a new state with the lines of another one, in one transaction; returns the number of rows. Columns that its version
 * did not have get their defaults. Throws an error with the number of the line that is none of a state.
 */
async function fillFrom(database: DatabaseSync, lines: AsyncIterable<string>): Promise<number> {
  database.exec('BEGIN IMMEDIATE; DELETE FROM self;');
  const insert = inserter(database);
  let number = 0;
  let end: number | undefined;
  for await (const text of lines) {
    number++;
    const line = at(number, () => {
      if (end !== undefined) throw new Error('there is more behind the last line');
      return JSON.parse(text) as Partial<Head> & { table?: string; row?: Row; rows?: number };
    });
    if (number === 1) requireHead(line);
    else if (line.rows !== undefined) end = line.rows;
    else at(number, () => insert(line.table ?? '', line.row ?? {}));
  }
  const rows = number - 2;
  if (end !== rows) throw usageError('the file is not whole: its last line is missing', 'Export the state again.');
  at(number, () => idIn(database));
  database.exec('COMMIT');
  return rows;
}

function requireHead({ sluice, schema }: Partial<Head>): void {
  if (sluice !== 'state' || typeof schema !== 'number')
    throw usageError(
      'line 1 is not the first line of an exported state',
      'Name a file that `sluice state export` made.',
    );
  if (schema > SCHEMA_VERSION)
    throw stopError(
      `the state was exported by a newer version of Sluice (schema ${schema}, this one knows ${SCHEMA_VERSION})`,
      'Run the version that wrote it, or a newer one.',
    );
}

function at<T>(line: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw usageError(`line ${line} is not a line of an exported state: ${(error as Error).message}`);
  }
}

/** Names of tables and columns come from the file, so only those of the schema are used. */
function inserter(database: DatabaseSync): (table: string, row: Row) => void {
  const known = columnsOf(database);
  const statements = new Map<string, ReturnType<DatabaseSync['prepare']>>();
  return (table, row) => {
    const columns = Object.keys(row);
    const shape = `${table} ${columns.join()}`;
    let statement = statements.get(shape);
    if (statement === undefined) {
      const unknown = columns.find((column) => !known.get(table)?.has(column));
      if (columns.length === 0 || unknown !== undefined)
        throw new Error(`the table ${JSON.stringify(table)} has no column ${JSON.stringify(unknown ?? '')}`);
      const quoted = columns.map((column) => `"${column}"`);
      statement = database.prepare(`INSERT INTO ${table} (${quoted.join()}) VALUES (${columns.map(() => '?').join()})`);
      statements.set(shape, statement);
    }
    statement.run(...Object.values(row));
  };
}

function columnsOf(database: DatabaseSync): Map<string, Set<string>> {
  const rows = database
    .prepare(
      `SELECT t.name AS "table", c.name AS "column" FROM sqlite_schema t, pragma_table_info(t.name) c
       WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name`,
    )
    .all() as { table: string; column: string }[];
  const tables = new Map<string, Set<string>>();
  for (const { table, column } of rows) tables.set(table, (tables.get(table) ?? new Set()).add(column));
  return tables;
}
