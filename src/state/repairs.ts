/** What `verify --repair` changes of what is known, so that the next walk ships what is missing. */
import type { DatabaseSync } from 'node:sqlite';
import type { PipelineState } from './store.ts';

type Guard = <T>(work: () => T) => T;

export type RepairStatements = ReturnType<typeof prepareRepairs>;

/** No record has this revision, so whatever it says is a change. */
const NONE = '';

export function prepareRepairs(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  const ROW = 'key_hash = ? AND pipeline = ? AND key = ? AND ordinal = ?';
  return {
    forgetFirst: sql(`DELETE FROM revisions WHERE ${ROW} AND ordinal = 1`),
    lower: sql(
      `UPDATE revisions SET ordinal = ordinal - 1, revision = '${NONE}', fingerprint = NULL, deleted = 0 WHERE ${ROW}`,
    ),
    compareAnew: sql('UPDATE revisions SET fingerprint = NULL WHERE key_hash = ? AND pipeline = ? AND key = ?'),
    forgetChildren: sql('DELETE FROM children WHERE pipeline = ?'),
  };
}

type Repairs = Pick<PipelineState, 'undeliver' | 'compareAnew' | 'readChildrenAgain'>;

export function repairsOf(
  statements: RepairStatements,
  id: number,
  { transaction, hashOf }: { transaction: Guard; hashOf: (key: string) => number },
): Repairs {
  return {
    undeliver: (documents) =>
      transaction(() => {
        for (const { key, ordinal } of documents) {
          const row = [hashOf(key), id, key, ordinal] as const;
          if (ordinal === 1) statements.forgetFirst.run(...row);
          else statements.lower.run(...row);
        }
      }),
    compareAnew: (keys) =>
      transaction(() => {
        for (const key of keys) statements.compareAnew.run(hashOf(key), id, key);
      }),
    readChildrenAgain: () => transaction(() => void statements.forgetChildren.run(id)),
  };
}
