/**
 * Makes records of a footprint: one for each event, with everything that the event refers to, so that each is complete. Ids
 * of 64 bits (`metaLinkId` is documented as an integer and shown as a text) become texts, digit by digit.
 */
import { hash } from 'node:crypto';
import { footprint, members } from '../../../members/apex-central/footprint.ts';
import { atOnce, canonical, foldedName, memberOf, saysNothing } from '../../../src/index.ts';
import { LISTS } from '../shared/envelope.ts';
import { isTrue, listOf, member, others, steadyJsonOf, textOf, wholeOf } from '../shared/json.ts';
import type { TaskResult } from '../shared/task.ts';
import type { Place } from './summaries.ts';

type Fields = Record<string, unknown>;

/** The content of one task, from all of its parts. */
interface Found {
  /** Hashes that an event refers to, and numbers of groups that an entry belongs to. */
  used: { facts: Set<string>; groups: Set<string> };
  /** The members of properties beside their value. */
  remarks: Map<string, Fields>;
  entries: unknown[];
  /** The values that hashes stand for, as text where possible. */
  values: Map<string, unknown>;
  groups: Map<string, Fields>;
  /** The kept value of each key that came twice, as text: made once, however often the key comes. */
  texts: Map<unknown, Map<string, string>>;
  /** Properties and groups that no event refers to. */
  left: { metaProperty: unknown[]; group: unknown[] };
  unreadable: string[];
}

/** A node of the chain, and the event that represents it. Its facts are read once, however many nodes are below it. */
interface Node {
  event: unknown;
  rank: string;
  said?: Fields;
}

/**
 * One record for each event, in the order of the reply; an event that came twice makes one record. GUIDs are in upper case,
 * since the list, the configuration and a task may spell the same GUID in different ways.
 */
export function recordsOf(result: TaskResult, place: Place, endpoint?: unknown): Fields[] {
  return atOnce(makeRecords(result, place, endpoint));
}

/** Makes the records in steps: those of a large task must not block other work. */
export function* makeRecords(result: TaskResult, place: Place, endpoint?: unknown): Generator<void, Fields[]> {
  const found = yield* collected(result);
  const common: Fields = {
    serverGuid: (result.serverGuid ?? place.serverGuid).toUpperCase(),
    serverName: result.serverName,
    agentGuid: place.agentGuid.toUpperCase(),
    scanSummaryGuid: place.scanSummaryGuid.toUpperCase(),
    TimeZone: result.timeZone,
    taskId: result.taskId,
    endpoint,
  };
  const nodes = yield* nodesOf(found);
  const records = new Map<string, Fields[]>();
  for (const entry of found.entries) {
    yield;
    const events = listOf(member(entry, 'event'));
    if (events === undefined) {
      found.unreadable.push(steadyJsonOf(entry));
      continue;
    }
    // A node without events makes a record as well.
    for (const event of events.length > 0 ? events : [{}]) {
      if (!isNamed(event, entry)) {
        found.unreadable.push(steadyJsonOf(entry));
        break;
      }
      const record = withoutNothing({ ...joined(event, entry, found, nodes, common), ...common });
      const key = keyOf(record);
      const same = records.get(key);
      if (same === undefined) records.set(key, [record]);
      else same.push(record);
    }
  }
  for (const text of [...found.unreadable, ...leftOf(found), ...result.beside]) {
    yield;
    const record = withoutNothing({ unreadable: text, ...common });
    records.set(keyOf(record), [record]);
  }
  const all: Fields[] = [];
  for (const same of records.values()) {
    for (const record of apart(same)) all.push(record);
    yield;
  }
  return all;
}

/** Everything that no event refers to, sorted, since the vendor promises no order. */
function leftOf({ used, remarks, values, groups, left }: Found): string[] {
  const loose = [...values].filter(([id]) => !used.facts.has(id));
  const remarked = [...remarks].filter(([id]) => !used.facts.has(id));
  const ungrouped = [...groups].filter(([number]) => !used.groups.has(number));
  const notes = remarked.map(([metaHashId, remark]) => ({ metaHashId, ...remark }));
  const parts = [
    { metaProperty: Object.fromEntries(loose) },
    { metaProperty: inOrder([...left.metaProperty, ...notes]) },
    { group: inOrder([...left.group, ...ungrouped.map(([, group]) => group)]) },
  ];
  return parts.filter((part) => !saysNothing(part)).map(steadyJsonOf);
}

function inOrder(items: readonly unknown[]): unknown[] {
  const texts = new Map(items.map((item) => [steadyJsonOf(item), item]));
  return [...texts].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, item]) => item);
}

/**
 * Tells records of one key apart: the same content is one record. Different contents are different events with the same
 * vendor ids; each but the first gets a number, in an order that does not depend on the reply.
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
 * The key of an event: the investigation, the endpoint, both nodes of the chain, the event and its facts. The task is not
 * part of it, since each reading has another one. Throws for a record that names neither a node nor an event.
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

/** The ids of a record; undefined if it names neither a node nor an event. */
function idsOf(record: unknown): string[] | undefined {
  const edge = memberOf(members, record, 'footprint');
  const ofEdge = (name: keyof typeof footprint) => textOf(memberOf(footprint, edge, name));
  const ofEvent = (name: keyof typeof members) => textOf(memberOf(members, record, name));
  const ids = [ofEdge('objectId'), ofEvent('eventId'), ofEvent('metaLinkId')].map((id) => id ?? '');
  if (ids.every((id) => id === '')) return undefined;
  const occurrence = ofEdge('occurrence');
  return [ofEdge('parentId') ?? '', ...ids, ...(occurrence === undefined ? [] : [occurrence])];
}

/** Whether `idsOf` will find ids, before the record is made. */
function isNamed(event: unknown, entry: unknown): boolean {
  const ids = [member(entry, 'objectId'), member(event, 'eventId'), member(event, 'metaLinkId')];
  return ids.some((id) => textOf(id) !== undefined);
}

function* collected({ content }: TaskResult): Generator<void, Found> {
  const found: Found = {
    texts: new Map(),
    used: { facts: new Set(), groups: new Set() },
    remarks: new Map(),
    entries: [],
    values: new Map(),
    groups: new Map(),
    left: { metaProperty: [], group: [] },
    unreadable: [],
  };
  for (const entry of content) {
    yield;
    if (entry.kind === 'unreadable') {
      found.unreadable.push(entry.text);
      continue;
    }
    const lists = LISTS.map((name) => listOf(member(entry.content, name)));
    const [footprint, properties, groups] = lists;
    // Content of an undocumented shape is kept whole rather than read in part.
    if (lists.some((list) => list === undefined) || lists.every((list) => list?.length === 0)) {
      found.unreadable.push(steadyJsonOf(entry.content));
      continue;
    }
    for (const one of footprint ?? []) found.entries.push(one); // `push(...footprint)` could exceed the number of arguments of a call
    for (const property of properties ?? []) {
      yield;
      const id = textOf(member(property, 'metaHashId'));
      if (id === undefined) {
        if (!saysNothing(property)) found.left.metaProperty.push(property);
        continue;
      }
      const given = member(property, 'metaValue');
      const value = textOf(given) ?? (typeof given === 'string' ? undefined : given);
      const second = kept(found, found.values, id, value);
      if (second !== undefined) found.left.metaProperty.push({ metaHashId: id, metaValue: second });
      const remark = kept(found, found.remarks, id, others(property, ['metaHashId', 'metaValue']));
      if (remark !== undefined) found.left.metaProperty.push({ metaHashId: id, ...remark });
    }
    const beside = others(entry.content, LISTS);
    if (beside !== undefined) found.unreadable.push(steadyJsonOf(beside));
    for (const group of groups ?? []) {
      yield;
      const number = textOf(member(group, 'groupNo'));
      const second = number === undefined ? group : kept(found, found.groups, number, group as Fields);
      if (second !== undefined && !saysNothing(second)) found.left.group.push(second);
    }
  }
  return found;
}

/** Keeps one value for each key, and returns the other one if there are two. Their order does not decide which one is kept. */
function kept<Value>(
  { texts }: Found,
  target: Map<string, Value>,
  key: string,
  value: Value | undefined,
): Value | undefined {
  if (saysNothing(value)) return undefined;
  const before = target.get(key);
  if (before === undefined || before === value) {
    target.set(key, value as Value);
    return undefined;
  }
  const known = texts.get(target) ?? new Map<string, string>();
  texts.set(target, known);
  const [one, other] = [known.get(key) ?? steadyJsonOf(before), steadyJsonOf(value)];
  known.set(key, one < other ? one : other);
  if (one === other) return undefined;
  if (one < other) return value;
  target.set(key, value as Value);
  return before;
}

/** The event that represents each node of the chain: the one that is marked so, else the first by its id. */
function* nodesOf({ entries }: Found): Generator<void, Map<string, Node>> {
  const nodes = new Map<string, Node>();
  for (const entry of entries) {
    yield;
    const id = textOf(member(entry, 'objectId'));
    if (id === undefined) continue;
    for (const event of listOf(member(entry, 'event')) ?? []) {
      const mark = isTrue(member(event, 'isSymbolEvent')) ? '0' : '1';
      const rank = `${mark}/${(textOf(member(event, 'eventId')) ?? '').padStart(20, '0')}`;
      const known = nodes.get(id);
      if (known === undefined || rank < known.rank) nodes.set(id, { event, rank });
    }
  }
  return nodes;
}

const EDGE = ['objectId', 'parentId', 'operationType', 'timestamp', 'groupNo'] as const;
/** Members of a record that describe the parent node. */
const OF_PARENT = ['eventId', 'metaLinkId', 'objectType', 'objectName', 'operationType', 'timestamp'] as const;
const IDS: ReadonlySet<string> = new Set([
  ...['objectId', 'parentId', 'eventId', 'metaLinkId', 'metaHashId', 'metaType'],
]);

/** Members of a record that Sluice adds to the event. */
const OURS = ['footprint', 'more', 'parent', 'group', 'unreadable'];
/** How many facts of the parent node are repeated, as many as a document keeps; that node's own record has all of them. */
const MOST_OF_PARENT = 1000;

function joined(
  event: unknown,
  entry: unknown,
  found: Found,
  nodes: ReadonlyMap<string, Node>,
  common: Fields,
): Fields {
  const said = typeof event === 'object' && event !== null && !Array.isArray(event) ? event : { said: event };
  const parentId = textOf(member(entry, 'parentId'));
  const parent = parentId === undefined ? undefined : nodes.get(parentId);
  if (parent !== undefined) parent.said ??= parentOf(parent.event, parentId, found);
  const number = textOf(member(entry, 'groupNo')) ?? '';
  found.used.groups.add(number);
  const { own, overwritten } = apartFrom(common, others(said, ['meta', ...readable(said, ['eventId', 'metaLinkId'])]));
  return {
    ...own,
    ...picked(event, ['eventId', 'metaLinkId']),
    meta: metaOf(event, found),
    footprint: picked(entry, EDGE),
    more: moreOf(event, entry, overwritten, found),
    parent: parent?.said,
    group: found.groups.get(number),
  };
}

/** An event's members, and apart from them those with the same name as a member that Sluice adds, but with another value. */
function apartFrom(common: Fields, said: Fields = {}): { own: Fields; overwritten: Fields | undefined } {
  const ours = new Map([...OURS, ...Object.keys(common)].map((name) => [foldedName(name), common[name]]));
  const isOurs = ([name]: [string, unknown]) => ours.has(foldedName(name));
  const members = Object.entries(said);
  const overwritten = members.filter(isOurs).filter(([name, value]) => {
    const text = textOf(value)?.toLowerCase();
    return text === undefined || text !== textOf(ours.get(foldedName(name)))?.toLowerCase();
  });
  return {
    own: Object.fromEntries(members.filter((one) => !isOurs(one))),
    overwritten: overwritten.length === 0 ? undefined : Object.fromEntries(overwritten),
  };
}

function parentOf(event: unknown, objectId: string | undefined, found: Found): Fields {
  const meta = metaOf(event, found);
  const facts = {
    meta: meta.slice(0, MOST_OF_PARENT),
    metaCount: meta.length > MOST_OF_PARENT ? meta.length : undefined,
  };
  return withoutNothing({ objectId, ...picked(event, OF_PARENT), ...facts });
}

/** The facts of an event; a single fact counts as a list of one. */
function factsOf(event: unknown): unknown[] {
  const meta = member(event, 'meta');
  return (listOf(meta) ?? [meta]).filter((fact) => !saysNothing(fact));
}

/** The undocumented members of an entry, its event, the event's facts and their properties, so that none is lost. */
function moreOf(
  event: unknown,
  entry: unknown,
  overwritten: Fields | undefined,
  { remarks }: Found,
): Fields | undefined {
  const meta = factsOf(event).flatMap((fact) => {
    const id = textOf(member(fact, 'metaHashId'));
    const known = readable(fact, ['metaHashId', 'metaType']);
    const said = { ...others(fact, known), ...(id === undefined ? {} : remarks.get(id)) };
    return Object.keys(said).length === 0 ? [] : [withoutNothing({ metaHashId: id, ...said })];
  });
  const own = others(entry, [...readable(entry, EDGE), 'event']);
  if (own === undefined && overwritten === undefined && meta.length === 0) return undefined;
  return withoutNothing({ footprint: own, event: overwritten, meta: meta.length === 0 ? undefined : meta });
}

/** The names that `picked` can read: an id that is neither text nor number does not count. */
function readable(from: unknown, names: readonly string[]): string[] {
  return names.filter((name) => !IDS.has(name) || textOf(member(from, name)) !== undefined);
}

function picked(from: unknown, names: readonly string[]): Fields {
  const all = names.map((name) => {
    const value = member(from, name);
    return [name, IDS.has(name) ? textOf(value) : value] as const;
  });
  return withoutNothing(Object.fromEntries(all));
}

/** The facts sorted by type, since the vendor promises no order: the same facts must make the same record. */
function metaOf(event: unknown, { values, used }: Found): Fields[] {
  const facts = factsOf(event).map((meta) => {
    if (typeof meta !== 'object' || Array.isArray(meta)) return { type: 0, id: '', fields: { metaValue: meta } };
    const id = textOf(member(meta, 'metaHashId'));
    if (id !== undefined) used.facts.add(id);
    const type = member(meta, 'metaType');
    const said = wholeOf(type) ?? (textOf(type) === undefined ? undefined : type);
    const fields = { metaType: said, metaHashId: id, metaValue: id === undefined ? undefined : values.get(id) };
    return { type: wholeOf(type) ?? 0, id: id ?? '', fields };
  });
  facts.sort((one, other) => one.type - other.type || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0));
  return facts.map(({ fields }) => withoutNothing(fields));
}

function withoutNothing(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
