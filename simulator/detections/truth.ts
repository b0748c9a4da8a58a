import type { FaultEngine } from '../fault-engine.ts';
import type { Living } from './living.ts';
import type { Tenant } from './tenant.ts';

/** One revision that a perfect connector delivers. `record` is exactly what the API serves in that state. */
export interface TruthRow {
  id: string;
  /** From 1, for each id. */
  ordinal: number;
  /** `list`: the detail fails for ever, so the list item is all there is. `deleted`: it vanished; no record. */
  kind: 'detail' | 'list' | 'deleted';
  record: unknown;
}

/** The same with the record still as JSON text. */
export interface TruthText {
  id: string;
  ordinal: number;
  kind: TruthRow['kind'];
  json: string;
}

export interface TruthRange {
  /** Occurrence times in milliseconds: at or after `since`, before `until`. */
  since?: number;
  until?: number;
}

export interface Truth {
  rows(range?: TruthRange): Generator<TruthText>;
  /** Totals without the records: cheap enough to ask for often. */
  summary(): { detections: number; revisions: number; deleted: number; listOnly: number };
}

export function createTruth(tenant: Tenant, living: Living, faults: FaultEngine): Truth {
  const { timeline, order } = tenant;

  function* rowsOf(serial: number): Generator<TruthText> {
    const id = tenant.idOf(serial);
    const kind = faults.detailFails(serial) ? 'list' : 'detail';
    const write = kind === 'list' ? tenant.listItem : tenant.detail;
    const { states, deleted } = living.history(serial) ?? { states: [tenant.stateOf(serial)], deleted: false };
    let ordinal = 0;
    for (const state of states) yield { id, ordinal: ++ordinal, kind, json: write(serial, state) };
    if (deleted) yield { id, ordinal: ++ordinal, kind: 'deleted', json: 'null' };
  }

  /** Serials in the order of their numbers: generated ones by time, then arrivals as they came. */
  function* serials({ since, until }: TruthRange): Generator<number> {
    const from = since === undefined ? 0 : timeline.search(since, false);
    const to = until === undefined ? timeline.count : timeline.search(until, false);
    for (let serial = from; serial < to; serial++) yield serial;
    for (let serial = timeline.count; serial < living.serials(); serial++) {
      const extra = order.extra(serial);
      if (extra && extra.time >= (since ?? extra.time) && extra.time < (until ?? Number.POSITIVE_INFINITY))
        yield serial;
    }
  }

  function* rows(range: TruthRange = {}): Generator<TruthText> {
    for (const serial of serials(range)) yield* rowsOf(serial);
  }

  const summary = () => {
    const totals = { detections: 0, revisions: 0, deleted: 0, listOnly: 0 };
    for (const serial of serials({})) {
      const { states, deleted } = living.history(serial) ?? { states: [0], deleted: false };
      if (states.length === 0) continue;
      totals.detections++;
      totals.revisions += states.length + (deleted ? 1 : 0);
      totals.deleted += deleted ? 1 : 0;
      totals.listOnly += faults.detailFails(serial) ? 1 : 0;
    }
    return totals;
  };

  return { rows, summary };
}

/** One NDJSON line. */
export function truthLine({ id, ordinal, kind, json }: TruthText): string {
  return `{"id":${JSON.stringify(id)},"ordinal":${ordinal},"kind":"${kind}","record":${json}}\n`;
}
