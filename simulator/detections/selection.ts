import { deviceIndex, ruleIndex, SEVERITIES, STATUSES, severityIndex } from '../attributes.ts';
import { mix, SALT } from '../hash.ts';
import { phoneticId, phoneticRank } from '../ids.ts';
import type { Selection } from '../paging.ts';
import type { ListQuery, SortField } from '../query.ts';
import { firstIndex } from '../search.ts';
import type { Tenant } from './tenant.ts';

export interface Bounds {
  filterBy: 'occurrence' | 'received';
  startInclusive: boolean;
  endInclusive: boolean;
}

export interface Selector {
  select(query: ListQuery): Selection;
}

type Test = (serial: number) => boolean;

/** Tests membership once per table row, so that scanning a million records stays cheap. */
function tableTest(names: readonly string[], wanted: string[], indexOf: (serial: number) => number): Test {
  const hits = names.map((name) => wanted.includes(name.trim().toLowerCase()));
  return (serial) => hits[indexOf(serial)] === true;
}

/**
 * The documented filters. `detection_type` is the rule's name (what public clients pass), `detected_on` the start of
 * the occurrence time in UTC, such as a day, and `event_number` the phonetic id or the id: the guide leaves these open.
 */
function testsOf(tenant: Tenant, query: ListQuery): Test[] {
  const { facts } = tenant;
  const tests: Test[] = [];
  if (query.severity.length > 0)
    tests.push(tableTest(SEVERITIES, query.severity, (serial) => severityIndex(facts, serial)));
  if (query.status.length > 0) tests.push(tableTest(STATUSES, query.status, tenant.statusOf));
  if (query.detectionType.length > 0) {
    const names = facts.rules.map((rule) => rule.name);
    tests.push(tableTest(names, query.detectionType, (serial) => ruleIndex(facts, serial)));
  }
  if (query.device.length > 0) {
    const names = facts.devices.map((device) => device.name);
    tests.push(tableTest(names, query.device, (serial) => deviceIndex(facts, serial)));
  }
  if (query.detectedOn.length > 0) {
    tests.push((serial) => {
      const iso = new Date(tenant.timeOf(serial)).toISOString().toLowerCase();
      return query.detectedOn.some((prefix) => iso.startsWith(prefix));
    });
  }
  if (query.eventNumber.length > 0) {
    const wanted = new Set(query.eventNumber);
    tests.push((serial) => wanted.has(phoneticId(facts.seed, serial).toLowerCase()) || wanted.has(tenant.idOf(serial)));
  }
  return tests;
}

/** The place of each table row among the sorted names: strings are compared once per row, not once per record. */
function ranksOf(names: string[]): number[] {
  const sorted = [...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return names.map((name) => sorted.indexOf(name));
}

function sortKey(tenant: Tenant, field: SortField): ((serial: number) => number) | undefined {
  const { facts } = tenant;
  if (field === 'Severity') return (serial) => severityIndex(facts, serial);
  if (field === 'Status') return tenant.statusOf;
  if (field === 'PhoneticId') return (serial) => phoneticRank(facts.seed, serial);
  if (field === 'Device') {
    const ranks = ranksOf(facts.devices.map((device) => device.name));
    return (serial) => ranks[deviceIndex(facts, serial)] ?? 0;
  }
  if (field === 'ReceivedTime') return (serial) => tenant.momentOf(serial).received;
  if (field === 'Description') {
    const ranks = ranksOf(facts.rules.map((rule) => rule.name));
    return (serial) => ranks[ruleIndex(facts, serial)] ?? 0;
  }
  return undefined;
}

/** Serials by ascending key; equal keys keep their order in time. Key and place share one number, so sorting is fast. */
function sortBy(serials: Uint32Array, key: (serial: number) => number): Uint32Array {
  const keys = Float64Array.from(serials, key);
  const least = keys.reduce((one, other) => Math.min(one, other), Number.POSITIVE_INFINITY);
  const packed = keys.map((value, place) => (value - least) * serials.length + place);
  if (packed.some((value) => value > Number.MAX_SAFE_INTEGER)) throw new Error('too many detections to sort');
  packed.sort();
  return Uint32Array.from(packed, (value) => serials[value % serials.length] ?? 0);
}

function matching(tenant: Tenant, from: number, to: number, tests: Test[]): Uint32Array {
  const found = new Uint32Array(Math.max(0, to - from));
  let count = 0;
  tenant.order.each(from, to, (serial) => {
    if (tests.every((test) => test(serial))) found[count++] = serial;
  });
  return found.slice(0, count);
}

function backwards(total: number, slice: Selection['slice']): Selection['slice'] {
  return (from, to) => slice(Math.max(0, total - to), Math.max(0, total - from)).toReversed();
}

const CACHED_SELECTIONS = 6;
const CACHED_SERIALS = 3_000_000;

/** Remembers a few scans and sorts for the next page of the same query, until the tenant changes. */
function createCache(): (key: string, version: number, make: () => Uint32Array) => Uint32Array {
  const cache = new Map<string, { version: number; serials: Uint32Array }>();
  return (key, version, make) => {
    const known = cache.get(key);
    cache.delete(key);
    const serials = known?.version === version ? known.serials : make();
    cache.set(key, { version, serials });
    let held = 0;
    for (const entry of cache.values()) held += entry.serials.length;
    for (const [oldest, entry] of cache) {
      if ((held <= CACHED_SERIALS && cache.size <= CACHED_SELECTIONS) || oldest === key) break;
      held -= entry.serials.length;
      cache.delete(oldest);
    }
    return serials;
  };
}

/** Whether a detection was received within the bounds of a query. */
function receivedWithin(tenant: Tenant, { start, end }: ListQuery, { startInclusive, endInclusive }: Bounds): Test {
  return (serial) => {
    const { received } = tenant.momentOf(serial);
    const isFrom = start === undefined || received > start || (startInclusive && received === start);
    return isFrom && (end === undefined || received < end || (endInclusive && received === end));
  };
}

/** A selection in which detections with the same time change their order with every request. */
function shuffled(tenant: Tenant, total: number, slice: Selection['slice'], request: number): Selection['slice'] {
  if (tenant.ties === 0) return slice;
  const timeAt = (place: number) => tenant.timeOf(slice(place, place + 1)[0] ?? 0);
  const first = firstIndex(total, (place) => timeAt(place) >= tenant.tiesAt);
  const last = firstIndex(total, (place) => timeAt(place) > tenant.tiesAt);
  const count = last - first;
  if (count < 2) return slice;
  const draw = mix(tenant.facts.seed, request, SALT.burst);
  let stride = 1 + (draw % (count - 1));
  while (gcd(stride, count) !== 1) stride++;
  const placed = (place: number) =>
    place < first || place >= last ? place : first + (((place - first) * stride + (draw >>> 8)) % count);
  return (from, to) => {
    const places = Array.from({ length: Math.max(0, Math.min(to, total) - from) }, (_, nth) => placed(from + nth));
    return places.flatMap((place) => slice(place, place + 1));
  };
}

function gcd(one: number, other: number): number {
  return other === 0 ? one : gcd(other, one % other);
}

export function createSelector(tenant: Tenant, bounds: Bounds): Selector {
  const cached = createCache();
  let requests = 0;
  const select = (query: ListQuery): Selection => {
    const byReceived = bounds.filterBy === 'received' && (query.start !== undefined || query.end !== undefined);
    const first = byReceived ? undefined : query.start;
    const last = byReceived ? undefined : query.end;
    const from = first === undefined ? 0 : tenant.order.rankOf(first, !bounds.startInclusive);
    const until = last === undefined ? tenant.order.size() : tenant.order.rankOf(last, bounds.endInclusive);
    const to = Math.max(from, until);
    const tests = testsOf(tenant, query);
    if (byReceived) tests.push(receivedWithin(tenant, query, bounds));
    const key = sortKey(tenant, query.sort);
    const finish = (total: number, ordered: Selection['slice']): Selection => {
      const slice = key ? ordered : shuffled(tenant, total, ordered, ++requests);
      return { total, slice: query.descending ? backwards(total, slice) : slice };
    };
    if (tests.length === 0 && !key)
      return finish(to - from, (a, b) => tenant.order.slice(from + a, Math.min(to, from + b)));
    const { page: _page, pageSize: _pageSize, descending: _descending, ...signature } = query;
    const serials = cached(JSON.stringify(signature), tenant.version(), () => {
      const found = matching(tenant, from, to, tests);
      return key ? sortBy(found, key) : found;
    });
    return finish(serials.length, (a, b) => [...serials.subarray(a, b)]);
  };
  return { select };
}
