/** How far jobs have come, and what a person has paused. */
import type { DatabaseSync } from 'node:sqlite';
import type { Range } from '../../api/walk.ts';

type Guard = <T>(work: () => T) => T;
type Raw = Record<string, string | number | null>;

/** A part of a job's range that the vendor has counted, and how far a pipeline's walk has come in it. */
export interface JobPart {
  range: Range;
  /** The vendor's count; of children, those that are to be read. */
  counted: number;
  /** How many records of it were known when it was counted, but for those of this job: they need no detail. */
  known: number;
  /** Records that the list has shown since it was counted. */
  listed: number;
  /** Those of them with which nothing is left to do. */
  finished: number;
  /** Documents that the sink took, and that it refused. */
  documents: number;
  rejected: number;
  /** Requests for lists and counts, and for details. */
  listRequests: number;
  detailRequests: number;
  /** The time in which the walk was under way here. */
  workedMs: number;
  atMs: number;
}

/** Something that is not read for now. */
export interface Pause {
  source: string;
  /** Undefined: every stream of the source. */
  stream: string | undefined;
  sinceMs: number;
  /** Undefined: until it is resumed. */
  untilMs: number | undefined;
  reason: string | undefined;
}

export interface JobPartState {
  /** The parts of the job that were counted, those that begin first in front. */
  jobParts(job: number): JobPart[];
  /** Stores a part as it is now. */
  setJobPart(job: number, part: JobPart): void;
  /** The vendor has counted the range anew: what was counted within it, and listed, counts no more. */
  recount(job: number, range: Range): void;
}

export interface PauseState {
  pauses(): Pause[];
  /** A pause of the same source and stream is replaced. */
  setPause(pause: Pause): void;
  /** Returns whether there was one. */
  endPause(source: string, stream: string | undefined): boolean;
}

export type JobStatements = ReturnType<typeof prepareJobs>;

export function prepareJobs(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  return {
    jobParts: sql('SELECT * FROM job_progress WHERE job = ? AND pipeline = ? ORDER BY from_ms, to_ms DESC'),
    setJobPart: sql('INSERT OR REPLACE INTO job_progress VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    recount: sql(
      `UPDATE job_progress SET listed = 0, finished = 0,
         counted = CASE WHEN from_ms >= ?3 AND to_ms <= ?4 THEN 0 ELSE counted END,
         known = CASE WHEN from_ms >= ?3 AND to_ms <= ?4 THEN 0 ELSE known END
       WHERE job = ?1 AND pipeline = ?2 AND from_ms < ?4 AND to_ms > ?3`,
    ),
  };
}

/** The part of the state that belongs to the pipeline with this id. */
export function jobPartsOf(statements: JobStatements, id: number, guard: Guard, written: Guard): JobPartState {
  return {
    jobParts: (job) => guard(() => (statements.jobParts.all(job, id) as Raw[]).map(toPart)),
    setJobPart: (job, part) => written(() => writePart(statements, id, job, part)),
    recount: (job, { fromMs, toMs }) => written(() => void statements.recount.run(job, id, fromMs, toMs)),
  };
}

/** Within the transaction of a commit, too. */
export function writePart(statements: JobStatements, id: number, job: number, part: JobPart): void {
  const { range, counted, known, listed, finished, documents, rejected, listRequests, detailRequests } = part;
  const counts = [counted, known, listed, finished, documents, rejected, listRequests, detailRequests];
  statements.setJobPart.run(job, id, range.fromMs, range.toMs, ...counts, Math.round(part.workedMs), part.atMs);
}

function toPart(row: Raw): JobPart {
  const number = (name: string) => row[name] as number;
  return {
    range: { fromMs: number('from_ms'), toMs: number('to_ms') },
    counted: number('counted'),
    known: number('known'),
    listed: number('listed'),
    finished: number('finished'),
    documents: number('documents'),
    rejected: number('rejected'),
    listRequests: number('list_requests'),
    detailRequests: number('detail_requests'),
    workedMs: number('worked_ms'),
    atMs: number('at_ms'),
  };
}

type Run = (sql: string, ...values: (string | number | null)[]) => { changes: number | bigint };
type All = (sql: string, ...values: (string | number | null)[]) => Raw[];

/** What is paused, of the whole state. `said` bounds a person's words. */
export function pausesOf(run: Run, all: All, said: (text: string) => string): PauseState {
  return {
    pauses: () =>
      all('SELECT * FROM pauses ORDER BY source, stream').map((row) => ({
        source: row.source as string,
        stream: row.stream === '' ? undefined : (row.stream as string),
        sinceMs: row.since_ms as number,
        untilMs: (row.until_ms as number | null) ?? undefined,
        reason: (row.reason as string | null) ?? undefined,
      })),
    setPause: ({ source, stream = '', sinceMs, untilMs = null, reason }) => {
      const why = reason === undefined ? null : said(reason);
      run('INSERT OR REPLACE INTO pauses VALUES (?, ?, ?, ?, ?)', source, stream, sinceMs, untilMs, why);
    },
    endPause: (source, stream = '') =>
      Number(run('DELETE FROM pauses WHERE source = ? AND stream = ?', source, stream).changes) > 0,
  };
}
