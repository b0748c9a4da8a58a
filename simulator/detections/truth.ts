import type { FaultEngine } from '../fault-engine.ts';
import type { Revision, StreamTruth, Totals, TruthRange } from '../resource.ts';
import type { Living } from './living.ts';
import type { Tenant } from './tenant.ts';

export function createTruth(tenant: Tenant, living: Living, faults: FaultEngine): StreamTruth {
  const { timeline, order } = tenant;

  function* rowsOf(serial: number): Generator<Revision> {
    const id = tenant.idOf(serial);
    const kind = faults.detailFails(serial) ? 'list' : 'detail';
    const write = kind === 'list' ? tenant.listItem : tenant.detail;
    const { states, deleted } = living.statesOf(serial) ?? { states: [tenant.stateOf(serial)], deleted: false };
    let ordinal = 0;
    for (const state of states) yield { id, ordinal: ++ordinal, kind, json: write(serial, state) };
    if (deleted) yield { id, ordinal: ++ordinal, kind: 'deleted', json: 'null' };
  }

  /** Serials in ascending order: generated ones by time, then arrivals in the order in which they came. */
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

  function* rows(range: TruthRange = {}): Generator<Revision> {
    for (const serial of serials(range)) yield* rowsOf(serial);
  }

  const totals = () => {
    const counts: Totals = { records: 0, revisions: 0, deleted: 0, listOnly: 0 };
    for (const serial of serials({})) {
      const { states, deleted } = living.statesOf(serial) ?? { states: [0], deleted: false };
      if (states.length === 0) continue;
      counts.records++;
      counts.revisions += states.length + (deleted ? 1 : 0);
      counts.deleted += deleted ? 1 : 0;
      counts.listOnly += faults.detailFails(serial) ? 1 : 0;
    }
    return counts;
  };

  return { rows, totals };
}
