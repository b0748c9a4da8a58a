/** Looks into the state of a running (or killed) Sluice, and tells the simulator what is committed there. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Simulator } from '../../simulator/index.ts';

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
  /** Revisions confirmed so far. */
  confirmed(): number;
  stop(): Promise<void>;
}

/** The tenant's detections move on only when their present state is committed: so no kill can make a state unseen. */
export function confirmCommitted(simulator: Simulator, statePath: string, pipelines = 1, source?: string): Confirmer {
  const known = new Map<string, number>();
  let confirmed = 0;
  let going = true;
  const look = () => {
    for (const [key, ordinal] of committedOrdinals(statePath, pipelines, source)) {
      if (known.get(key) === ordinal) continue;
      known.set(key, ordinal);
      simulator.confirm(key, ordinal);
      confirmed++;
    }
  };
  const running = (async () => {
    while (going) {
      look();
      await sleep(300);
    }
  })();
  return {
    confirmed: () => confirmed,
    async stop() {
      going = false;
      await running;
    },
  };
}
