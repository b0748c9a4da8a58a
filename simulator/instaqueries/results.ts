import type { Json } from '../artifacts.ts';
import type { Facts } from '../attributes.ts';
import { type Draws, drawsFor, SALT } from '../hash.ts';
import { DEVICE_COUNT, type DeviceFacts } from '../names.ts';
import { writeTime } from '../times.ts';
import type { QueryPlan, QueryState } from './kinds.ts';
import { foundArtifact } from './properties.ts';
import { queryId, queryName } from './query-json.ts';

/** The results of one query. All of them have the same form; the next query has another form. */

const NEVER_SEEN = '1970-01-01T00:00:00.000Z';
/** Queries find parts of one pool of artifacts, and the parts overlap. */
const POOL_STEP = 7;
const POOL_PARTS = 5;

/** Whether the artifact is listed twice, since the same device reported it twice. */
function isTwice(index: number, place: number): boolean {
  return (place + index) % 29 === 17;
}

function observedMembers(draws: Draws, shortNames: boolean, type: string, reported: number): Json {
  const never = draws.chance(0.1);
  const last = reported - draws.below(3_600_000);
  const first = type === 'Process' || type === 'NetworkConnection' ? last : last - draws.below(9_000_000_000);
  const style = draws.next();
  return {
    [shortNames ? 'FirstObserved' : 'FirstObservedTime']: never ? NEVER_SEEN : writeTime(first, style, false),
    LastObservedTime: never && draws.chance(0.5) ? NEVER_SEEN : writeTime(last, style, false),
  };
}

/** The result at a place; `again`: the second listing, which only differs in the time of the report. */
function entryAt(facts: Facts, plan: QueryPlan, place: number, again: boolean): Json {
  const { index, artifact } = plan;
  const isOdd = (every: number, nth: number) => facts.oddForms && index % every === nth;
  const draws = drawsFor(facts.seed, index * 1_000_003 + place, SALT.result);
  // Now and then two devices report the same artifact.
  const number = (index % POOL_PARTS) * POOL_STEP + (place % 5 === 4 ? place - 1 : place);
  const device = facts.devices[(index * 31 + place * 13) % DEVICE_COUNT] as DeviceFacts;
  const { uid, properties } = foundArtifact(facts, artifact, number);
  const reported = plan.time + draws.below(7_200_000);
  const micros = 10 * draws.below(100) + 1 + draws.below(9);
  const Result: Json = {
    ...observedMembers(draws, isOdd(3, 0), artifact, reported),
    Type: artifact,
    Uid: uid,
    Properties: properties,
  };
  return {
    '@timestamp': Number(((reported + (again ? 40_000 : 0)) / 1000 + micros / 1e6).toFixed(6)),
    HostName: device.name,
    [isOdd(5, 2) ? 'DeviceID' : 'DeviceId']: device.opticsId,
    '@version': isOdd(4, 2) ? '1' : 1,
    [isOdd(5, 4) ? 'CorrelationID' : 'CorrelationId']: queryId(facts.seed, index),
    Result: facts.oddForms && index % 5 >= 2 ? Result : JSON.stringify(Result),
  };
}

function order<T>(list: T[], index: number, reads: number): T[] {
  if (reads === 0) return list;
  const from = (reads * 7 + index) % Math.max(1, list.length);
  const turned = [...list.slice(from), ...list.slice(0, from)];
  return reads % 2 === 1 ? turned.reverse() : turned;
}

/** The body of a results reply. The vendor promises no order, so each read of a query may return another one. */
export function resultsJson(facts: Facts, plan: QueryPlan, state: QueryState, reads: number): string {
  const { index } = plan;
  const entries: string[] = [];
  for (let place = 0; place < state.results; place++) {
    entries.push(JSON.stringify(entryAt(facts, plan, place, false)));
    if (isTwice(index, place)) entries.push(JSON.stringify(entryAt(facts, plan, place, true)));
  }
  const upper = facts.oddForms && index % 5 === 3;
  const id = `"${upper ? 'Id' : 'id'}":"${queryId(facts.seed, index)}"`;
  const status = `"${upper ? 'Status' : 'status'}":"${state.status}"`;
  const result = `"${upper ? 'Result' : 'result'}":[${order(entries, index, reads).join(',')}]`;
  const orders = [
    [id, status, result],
    [id, result, status],
    [result, id, status],
    [status, result, id],
  ];
  return `{${orders[index % orders.length]?.join(',')}}`;
}

/** A result with its query, as a perfect connector ships it: of two listings the later one. */
export interface ResultRow {
  id: string;
  json: string;
}

export function* resultRows(facts: Facts, plan: QueryPlan, state: QueryState): Generator<ResultRow> {
  const Query = { id: queryId(facts.seed, plan.index), name: queryName(plan.index) };
  for (let place = 0; place < state.results; place++) {
    const entry = entryAt(facts, plan, place, isTwice(plan.index, place));
    const found = (typeof entry.Result === 'string' ? JSON.parse(entry.Result) : entry.Result) as { Uid: string };
    const id = `${Query.id}|${entry.DeviceId ?? entry.DeviceID}|${found.Uid}`;
    yield { id, json: JSON.stringify({ ...entry, Query }) };
  }
}
