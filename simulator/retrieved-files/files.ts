import type { Facts } from '../attributes.ts';
import { mix, SALT } from '../hash.ts';
import { createLifecycle, type ItemLifecycle, type Stages } from '../lifecycle.ts';
import type { Settings } from '../settings.ts';
import { type FileStatus, fileJson, keyOf, keyText, STATUSES } from './file-json.ts';

/** All requests for files, and the present state of each. */
export interface RetrievedFiles {
  count: number;
  lifecycle: ItemLifecycle;
  idOf(index: number): string;
  find(id: string): number | undefined;
  /** The requests of a list, newest first. `term` is searched in path, host and status, in lower case. */
  listed(term: string): number[];
  json(index: number, step?: number): string;
}

const WAYS: readonly FileStatus[][] = [
  ['PENDING', 'AVAILABLE'],
  ['PENDING', 'UNAVAILABLE', 'RETRY_REQUEST'],
  ['REQUEST', 'PENDING', 'DOES_NOT_EXIST'],
  ['RETRY_REQUEST', 'PENDING', 'AVAILABLE'],
];

/** The files that change, with their statuses, as chosen by the seed. */
function waysOf(seed: number, count: number, moving: number): Map<number, readonly FileStatus[]> {
  if (moving > count) throw new Error('simulator: more changes are planned than there are retrieved files to change');
  const byDraw = Array.from({ length: count }, (_, index) => index).sort(
    (a, b) => mix(seed, a, SALT.file + 700) - mix(seed, b, SALT.file + 700),
  );
  return new Map(byDraw.slice(0, moving).map((index, turn) => [index, WAYS[turn % WAYS.length] as FileStatus[]]));
}

export function createRetrievedFiles(facts: Facts, settings: Settings): RetrievedFiles {
  const count = settings.retrievedFiles;
  const ways = waysOf(settings.seed, count, settings.living?.filesMove ?? 0);
  const changes = new Map<number, Stages>();
  for (const [index, way] of ways) changes.set(index, { states: way.length, deleted: false });
  const lifecycle = createLifecycle({ count, changes, partsOf: () => 1 }, settings.living);
  const idOf = (index: number) => keyText(keyOf(facts, settings, index));
  let servings = 0;
  let numbers: Map<string, number> | undefined;

  const json: RetrievedFiles['json'] = (index, step = lifecycle.stepOf(index)) => {
    const status = ways.get(index)?.[step] ?? (STATUSES[index % STATUSES.length] as FileStatus);
    return fileJson(facts, { key: keyOf(facts, settings, index), index, status, serving: ++servings });
  };

  return {
    count,
    lifecycle,
    idOf,
    find: (id) => {
      numbers ??= new Map(Array.from({ length: count }, (_, index) => [idOf(index), index]));
      return numbers.get(id);
    },
    listed: (term) => {
      const all = Array.from({ length: count }, (_, place) => count - 1 - place);
      return term === '' ? all : all.filter((index) => json(index).toLowerCase().includes(term));
    },
    json,
  };
}
