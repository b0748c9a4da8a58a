/** Looks into the state of a running (or killed) Sluice, and tells the simulator what is committed there. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { streams } from '../../connectors/index.ts';
import type { Simulator, TruthStream } from '../../simulator/index.ts';
import { withoutSecrets } from '../../src/api/records/secrets.ts';
import type { Stream } from '../../src/api/stream.ts';

/** Undefined where there is no state yet, or it cannot be read just now. */
function query(statePath: string, sql: string): Record<string, unknown>[] | undefined {
  const file = join(statePath, 'state.db');
  if (!existsSync(file)) return undefined;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { readOnly: true, timeout: 1000 });
    return database.prepare(sql).all();
  } catch {
    return undefined;
  } finally {
    database?.close();
  }
}

/** The ordinal of each key that every one of `pipelines` pipelines has committed; of one source, or of all. */
export function committedOrdinals(statePath: string, pipelines: number, source = '%'): Map<string, number> {
  const rows = query(
    statePath,
    `SELECT r.key AS key, MIN(r.ordinal) AS ordinal FROM revisions r JOIN pipelines p ON p.id = r.pipeline
     WHERE p.name LIKE '${source}/%' GROUP BY r.key HAVING COUNT(DISTINCT r.pipeline) = ${pipelines}`,
  );
  return new Map((rows ?? []).map(({ key, ordinal }) => [String(key), Number(ordinal)]));
}

/** How many documents each of the pipelines has committed, at least. */
export function committedRevisions(statePath: string, pipelines: number): number {
  const rows = query(statePath, 'SELECT SUM(ordinal) AS documents FROM revisions GROUP BY pipeline') ?? [];
  return rows.length < pipelines ? 0 : Math.min(...rows.map(({ documents }) => Number(documents)));
}

/** How many documents all pipelines together have committed. */
export function committedInAll(statePath: string): number {
  return Number(query(statePath, 'SELECT SUM(ordinal) AS documents FROM revisions')?.[0]?.documents ?? 0);
}

/** How many documents of a source are committed, whichever its pipelines. */
export function committedOf(statePath: string, source: string): number {
  const rows = query(
    statePath,
    `SELECT SUM(ordinal) AS documents FROM revisions WHERE pipeline IN
     (SELECT id FROM pipelines WHERE name LIKE '${source}/%')`,
  );
  return Number(rows?.[0]?.documents ?? 0);
}

/** How many records are known, counted cheaply: for one pipeline whose rows are never replaced. */
export function committedRows(statePath: string): number {
  return Number(query(statePath, 'SELECT MAX(id) AS n FROM revisions')?.[0]?.n ?? 0);
}

/** How many batches were being written when the process died. */
export function preparedBatches(statePath: string): number {
  return Number(query(statePath, 'SELECT COUNT(*) AS n FROM prepared')?.[0]?.n ?? 0);
}

export interface Confirmer {
  stop(): Promise<void>;
}

/**
 * The tenant's detections move on only when their present state is committed: so neither a kill nor an answer to another
 * question (a witness of a deletion is only asked whether it is there) makes a state unseen.
 */
export function confirmCommitted(simulator: Simulator, statePath: string, pipelines = 1, source?: string): Confirmer {
  const known = new Map<string, number>();
  return lookingOn(() => {
    for (const [key, ordinal] of committedOrdinals(statePath, pipelines, source)) {
      if (known.get(key) === ordinal) continue;
      known.set(key, ordinal);
      simulator.confirm(key, ordinal);
    }
  });
}

/** The same for every stream of one sink, whose pipelines may have a state each; a query moves on only when the results that it has by now are committed, too. */
export function confirmAllCommitted(simulator: Simulator, ...statePaths: string[]): Confirmer {
  const ids = new Map<string, string>();
  /** The truth's own id of a record; its key is the connector's affair. */
  const idOf = ({ name, secrets, key }: Stream, wanted: string): string => {
    if (!ids.has(`${name} ${wanted}`)) {
      for (const { id, kind, record } of simulator.truthOf(name)) {
        if (kind !== 'deleted') ids.set(`${name} ${key(withoutSecrets(record, secrets))}`, id);
      }
    }
    return ids.get(`${name} ${wanted}`) ?? '';
  };
  return lookingOn(() => {
    const sql =
      'SELECT p.name AS name, r.key AS key, r.ordinal AS ordinal FROM revisions r JOIN pipelines p ON p.id = r.pipeline';
    const rows = statePaths.flatMap((statePath) => query(statePath, sql) ?? []);
    const ofStream = (stream: TruthStream) => rows.filter(({ name }) => String(name).includes(`/${stream}/`));
    const results = countOf(ofStream('cylance.instaquery_result').map(({ key }) => String(key).split('/', 1)[0] ?? ''));
    const wanted = countOf(
      [...simulator.truthOf('cylance.instaquery_result')].map(({ record }) => (record as Result).Query.id),
    );
    for (const { key, ordinal } of ofStream('cylance.detection')) simulator.confirm(String(key), Number(ordinal));
    for (const { key, ordinal } of ofStream('cylance.instaquery')) {
      const id = String(key);
      if ((results.get(id) ?? 0) >= (wanted.get(id) ?? 0)) simulator.confirm(id, Number(ordinal));
    }
    for (const { stream } of streams) {
      if (BY_KEY.includes(stream.name)) continue;
      for (const { key, ordinal } of ofStream(stream.name))
        simulator.confirm(idOf(stream, String(key)), Number(ordinal));
    }
  });
}

const BY_KEY = ['cylance.detection', 'cylance.instaquery', 'cylance.instaquery_result'];

interface Result {
  Query: { id: string };
}

function countOf(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** Looks again and again, until it is stopped. */
function lookingOn(look: () => void): Confirmer {
  let going = true;
  const running = (async () => {
    while (going) {
      look();
      await sleep(300);
    }
  })();
  return {
    async stop() {
      going = false;
      await running;
    },
  };
}
