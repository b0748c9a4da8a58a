/**
 * Makes records of a footprint: one for each event, with everything that it points at, so that each stands alone. Ids of
 * 64 bits (`metaLinkId` is documented as an integer and shown as a text) become texts, digit by digit.
 */
import { hash } from 'node:crypto';
import { footprint, members } from '../../members/apex-central/footprint.ts';
import { canonical } from '../../src/identity.ts';
import { foldedName, memberOf } from '../../src/members.ts';
import { LISTS } from './envelope.ts';
import { jsonOf, listOf, member, textOf, wholeOf } from './json.ts';
import type { Place } from './summaries.ts';
import type { TaskResult } from './task.ts';

type Fields = Record<string, unknown>;

/** All that one task brought, from all of its parts. */
interface Found {
  /** Hashes that an event points at. */
  used: Set<string>;
  /** What properties say beside their value. */
  remarks: Map<string, Fields>;
  entries: unknown[];
  /** What a hash stands for. */
  values: Map<string, string>;
  groups: Map<string, Fields>;
  unreadable: string[];
}

/**
 * One record for each event, in the order in which they came; what came twice is there once. GUIDs are in upper case,
 * since the list, the configuration and a task may each spell them another way: that is no other record.
 */
export function recordsOf(result: TaskResult, place: Place, endpoint?: unknown): Fields[] {
  const found = collected(result);
  const common: Fields = {
    serverGuid: (result.serverGuid ?? place.serverGuid).toUpperCase(),
    serverName: result.serverName,
    agentGuid: place.agentGuid.toUpperCase(),
    scanSummaryGuid: place.scanSummaryGuid.toUpperCase(),
    TimeZone: result.timeZone,
    taskId: result.taskId,
    endpoint,
  };
  const nodes = nodesOf(found);
  const records = new Map<string, Fields[]>();
  for (const entry of found.entries) {
    const events = listOf(member(entry, 'event'));
    if (events === undefined) {
      found.unreadable.push(jsonOf(entry));
      continue;
    }
    // A node without events is said as well.
    for (const event of events.length > 0 ? events : [{}]) {
      const record = withoutNothing({ ...joined(event, entry, found, nodes), ...common });
      if (idsOf(record) === undefined) {
        found.unreadable.push(jsonOf(entry));
        break;
      }
      const key = keyOf(record);
      const same = records.get(key);
      if (same === undefined) records.set(key, [record]);
      else same.push(record);
    }
  }
  const loose = [...found.values].filter(([id]) => !found.used.has(id));
  if (loose.length > 0) found.unreadable.push(jsonOf({ metaProperty: Object.fromEntries(loose) }));
  for (const text of found.unreadable) {
    const record = withoutNothing({ unreadable: text, ...common });
    records.set(keyOf(record), [record]);
  }
  return [...records.values()].flatMap(apart);
}

/**
 * Records of one key: the same content is one record. Another is another event that the vendor's ids do not tell from
 * it; each but the first gets a number, in an order that does not depend on that of the reply.
 */
function apart(same: Fields[]): Fields[] {
  if (same.length === 1) return same;
  const distinct = new Map(same.map((record) => [canonical(record, NOTHING), record]));
  const numbers = ({ footprint, ...event }: Fields) =>
    [event, footprint].flatMap((from) =>
      ['operationType', 'timestamp'].map((name) => wholeOf(member(from, name)) ?? 0),
    );
  const ranked = [...distinct].map(([text, record]) => ({ text, record, ranks: numbers(record) }));
  ranked.sort((one, other) => {
    const at = one.ranks.findIndex((rank, index) => rank !== other.ranks[index]);
    if (at >= 0) return (one.ranks[at] ?? 0) - (other.ranks[at] ?? 0);
    return one.text < other.text ? -1 : 1;
  });
  return ranked.map(({ record }, index) =>
    index === 0 ? record : { ...record, footprint: { ...(record.footprint as Fields), occurrence: index + 1 } },
  );
}

const NOTHING: ReadonlySet<string> = new Set();

/**
 * What identifies an event for good: the investigation, the endpoint, both nodes of the chain, the event and its facts.
 * The task is another one at each reading. Throws for a record that names neither a node nor an event.
 */
export function keyOf(record: unknown): string {
  const said = (name: 'scanSummaryGuid' | 'agentGuid') => textOf(memberOf(members, record, name)) ?? '';
  const scope = [said('scanSummaryGuid'), said('agentGuid')].map((guid) => guid.toLowerCase());
  const unreadable = memberOf(members, record, 'unreadable');
  if (typeof unreadable === 'string')
    return [...scope, `unreadable-${hash('sha256', unreadable, 'hex').slice(0, 32)}`].join('/');
  const ids = idsOf(record);
  if (ids === undefined) throw new Error('the event has no objectId, no eventId and no metaLinkId');
  return [...scope, ...ids].join('/');
}

/** Undefined for a record that names neither a node nor an event. */
function idsOf(record: unknown): string[] | undefined {
  const edge = memberOf(members, record, 'footprint');
  const ofEdge = (name: keyof typeof footprint) => textOf(memberOf(footprint, edge, name));
  const ofEvent = (name: keyof typeof members) => textOf(memberOf(members, record, name));
  const ids = [ofEdge('objectId'), ofEvent('eventId'), ofEvent('metaLinkId')].map((id) => id ?? '');
  if (ids.every((id) => id === '')) return undefined;
  const occurrence = ofEdge('occurrence');
  return [ofEdge('parentId') ?? '', ...ids, ...(occurrence === undefined ? [] : [occurrence])];
}

function collected({ content }: TaskResult): Found {
  const found: Found = {
    used: new Set(),
    remarks: new Map(),
    entries: [],
    values: new Map(),
    groups: new Map(),
    unreadable: [],
  };
  for (const entry of content) {
    if (entry.kind === 'unreadable') {
      found.unreadable.push(entry.text);
      continue;
    }
    const lists = LISTS.map((name) => listOf(member(entry.content, name)));
    const [footprint, properties, groups] = lists;
    // Of another shape than documented: it is kept whole rather than read in part.
    if (lists.some((list) => list === undefined) || lists.every((list) => list?.length === 0)) {
      found.unreadable.push(jsonOf(entry.content));
      continue;
    }
    for (const one of footprint ?? []) found.entries.push(one); // there may be more than a call takes arguments
    for (const property of properties ?? []) {
      const id = textOf(member(property, 'metaHashId'));
      const value = textOf(member(property, 'metaValue'));
      if (id !== undefined && value !== undefined) found.values.set(id, value);
      const remark = others(property, ['metaHashId', 'metaValue']);
      if (id !== undefined && remark !== undefined) found.remarks.set(id, remark);
    }
    const beside = others(entry.content, LISTS);
    if (beside !== undefined) found.unreadable.push(jsonOf(beside));
    for (const group of groups ?? []) {
      const number = textOf(member(group, 'groupNo'));
      if (number !== undefined) found.groups.set(number, group as Fields);
    }
  }
  return found;
}

/** The event that stands for each node of the chain: the one that is marked so, else the first by its id. */
function nodesOf({ entries }: Found): Map<string, unknown> {
  const nodes = new Map<string, { event: unknown; rank: string }>();
  for (const entry of entries) {
    const id = textOf(member(entry, 'objectId'));
    if (id === undefined) continue;
    for (const event of listOf(member(entry, 'event')) ?? []) {
      const mark = member(event, 'isSymbolEvent') === true ? '0' : '1';
      const rank = `${mark}/${(textOf(member(event, 'eventId')) ?? '').padStart(20, '0')}`;
      const known = nodes.get(id);
      if (known === undefined || rank < known.rank) nodes.set(id, { event, rank });
    }
  }
  return new Map([...nodes].map(([id, { event }]) => [id, event]));
}

const EDGE = ['objectId', 'parentId', 'operationType', 'timestamp', 'groupNo'] as const;
/** What a record says of the node above its own. */
const OF_PARENT = ['eventId', 'metaLinkId', 'objectType', 'objectName', 'operationType', 'timestamp'] as const;
const IDS: ReadonlySet<string> = new Set(['objectId', 'parentId', 'eventId', 'metaLinkId', 'metaHashId']);

function joined(event: unknown, entry: unknown, found: Found, nodes: ReadonlyMap<string, unknown>): Fields {
  const said: Fields = typeof event === 'object' && event !== null ? (event as Fields) : { said: event };
  const { meta: _meta, metaLinkId: _link, ...own } = said;
  const parentId = textOf(member(entry, 'parentId'));
  const parent = parentId === undefined ? undefined : nodes.get(parentId);
  return {
    ...own,
    ...picked(event, ['eventId', 'metaLinkId']),
    meta: metaOf(event, found),
    footprint: picked(entry, EDGE),
    more: moreOf(event, entry, found),
    parent:
      parent === undefined
        ? undefined
        : { objectId: parentId, ...picked(parent, OF_PARENT), meta: metaOf(parent, found) },
    group: found.groups.get(textOf(member(entry, 'groupNo')) ?? ''),
  };
}

/** What an entry, its event's facts and their properties say beside what is documented: nothing of it vanishes. */
function moreOf(event: unknown, entry: unknown, { remarks }: Found): Fields | undefined {
  const facts = listOf(member(event, 'meta')) ?? [];
  const meta = facts.flatMap((fact) => {
    const id = textOf(member(fact, 'metaHashId'));
    const said = { ...others(fact, ['metaHashId', 'metaType']), ...(id === undefined ? {} : remarks.get(id)) };
    return Object.keys(said).length === 0 ? [] : [{ metaHashId: id, ...said }];
  });
  const own = others(entry, [...EDGE, 'event']);
  if (own === undefined && meta.length === 0) return undefined;
  return withoutNothing({ footprint: own, meta: meta.length === 0 ? undefined : meta });
}

/** Members that are none of these, however they are spelled; undefined where there are none. */
function others(from: unknown, names: readonly string[]): Fields | undefined {
  if (typeof from !== 'object' || from === null || Array.isArray(from)) return undefined;
  const known = new Set(names.map(foldedName));
  const rest = Object.entries(from).filter(([name]) => !known.has(foldedName(name)));
  return rest.length === 0 ? undefined : Object.fromEntries(rest);
}

function picked(from: unknown, names: readonly string[]): Fields {
  const all = names.map((name) => {
    const value = member(from, name);
    return [name, IDS.has(name) ? textOf(value) : value] as const;
  });
  return withoutNothing(Object.fromEntries(all));
}

/** In the order of their types, since the vendor promises none: the same facts are the same record. */
function metaOf(event: unknown, { values, used }: Found): Fields[] {
  const facts = (listOf(member(event, 'meta')) ?? []).map((meta) => {
    const id = textOf(member(meta, 'metaHashId'));
    if (id !== undefined) used.add(id);
    const type = member(meta, 'metaType');
    return { type: wholeOf(type) ?? 0, id: id ?? '', fields: { metaType: wholeOf(type) ?? type, metaHashId: id } };
  });
  facts.sort((one, other) => one.type - other.type || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0));
  return facts.map(({ id, fields }) => withoutNothing({ ...fields, metaValue: values.get(id) }));
}

function withoutNothing(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
