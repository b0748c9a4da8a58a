import type { ItemLifecycle } from './lifecycle.ts';
import type { Revision, StreamTruth, Totals } from './resource.ts';

/** The records of a collection whose items have one record in each state. */
export interface Records {
  count: number;
  kind: 'detail' | 'list';
  idOf(index: number): string;
  json(index: number, step: number): string;
}

/** The revisions of an item: every state so far, and the deletion. */
export function* revisionsOf(lifecycle: ItemLifecycle, records: Records, index: number): Generator<Revision> {
  const id = records.idOf(index);
  const { states, deleted } = lifecycle.history(index);
  for (let step = 0; step < states; step++)
    yield { id, ordinal: step + 1, kind: records.kind, json: records.json(index, step) };
  if (deleted) yield { id, ordinal: states + 1, kind: 'deleted', json: 'null' };
}

export function truthOf(lifecycle: ItemLifecycle, records: Records): StreamTruth {
  const { count } = records;
  return {
    *rows() {
      for (let index = 0; index < count; index++) yield* revisionsOf(lifecycle, records, index);
    },
    totals: () => {
      const totals: Totals = { records: count, revisions: 0, deleted: 0, listOnly: 0 };
      for (let index = 0; index < count; index++) {
        const { states, deleted } = lifecycle.history(index);
        totals.revisions += states + Number(deleted);
        totals.deleted += Number(deleted);
      }
      return totals;
    },
  };
}

/** The truth of a stream whose totals are counted from its rows. */
export function truthFrom(rows: () => Generator<Revision>): StreamTruth {
  const totals = () => {
    const ids = new Set<string>();
    let revisions = 0;
    for (const { id } of rows()) {
      ids.add(id);
      revisions++;
    }
    return { records: ids.size, revisions, deleted: 0, listOnly: 0 };
  };
  return { rows, totals };
}
