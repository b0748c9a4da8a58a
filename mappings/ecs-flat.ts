/** Parts of a record that have another shape in each one, for `flattened` fields. */
import { asText, cut, type Fields, isRecord, itemsAt, MOST_ITEMS, tellCut, type Unfit, wellFormed } from './ecs.ts';

const MAX_FLAT_DEPTH = 8;
/** Stands in place of the items that were too many, with their count: no list ends silently. */
const moreThan = (total: number): string => `… ${total - MOST_ITEMS} more`;
const MAX_FLAT_KEY = 256;

/**
 * A polymorphic part of a record for the `flattened` field of this name: same shape, every leaf a text, nothing empty. Names that
 * Elasticsearch refuses (blank, with a zero character, endless) are changed, and parts that are nested too deep become text.
 */
export function flat(unfit: Unfit, field: string, value: unknown): Fields | Fields[] | undefined {
  if (Array.isArray(value)) {
    const items: Fields[] = [];
    for (const item of itemsAt(unfit, field, value)) {
      const content = isRecord(item) ? flatObject(unfit, field, item, 1) : flatLeaf(item);
      if (content !== undefined) items.push(typeof content === 'object' ? content : { value: content });
    }
    if (value.length > MOST_ITEMS) items.push({ value: moreThan(value.length) });
    return items.length === 0 ? undefined : items;
  }
  if (isRecord(value)) return flatObject(unfit, field, value, 1);
  const content = flatLeaf(value);
  return content === undefined ? undefined : { value: content };
}

function flatLeaf(value: unknown): string | undefined {
  return asText(value);
}

function flatValue(unfit: Unfit, field: string, value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return flatLeaf(value);
  if (depth >= MAX_FLAT_DEPTH) return asText(value);
  if (!Array.isArray(value)) return flatObject(unfit, field, value as Fields, depth + 1);
  const items: unknown[] = [];
  for (const item of itemsAt(unfit, field, value)) {
    const content = flatValue(unfit, field, item, depth + 1);
    if (content !== undefined) items.push(content);
  }
  if (value.length > MOST_ITEMS) {
    const isOfObjects = items.length > 0 && items.every(isRecord);
    items.push(isOfObjects ? { value: moreThan(value.length) } : moreThan(value.length));
  }
  if (items.length === 0) return undefined;
  // One type in an array: texts beside objects become texts, too.
  const objects = items.some((item) => typeof item === 'object');
  return objects && !items.every(isRecord) ? items.map((item) => asText(item)) : items;
}

function flatObject(unfit: Unfit, field: string, value: Fields, depth: number): Fields | undefined {
  let result: Fields | undefined;
  let renamed: [string, unknown][] | undefined;
  let count = 0;
  for (const member in value) {
    const content = flatValue(unfit, field, value[member], depth);
    if (content === undefined) continue;
    if (result === undefined) result = {};
    if (++count > MOST_ITEMS) break;
    const name = flatName(member);
    if (name === member) result[name] = content;
    else {
      renamed ??= [];
      renamed.push([member, content]);
    }
  }
  if (result === undefined) return undefined;
  if (renamed !== undefined) putRenamed(result, renamed);
  if (count > MOST_ITEMS) {
    const given = Object.keys(value).length;
    result[freeName(result, '…')] = moreThan(given);
    tellCut(unfit, field, MOST_ITEMS, given);
  }
  return result;
}

/** In the order of the members' names, so that the vendor's order does not decide which one gets a number. */
function putRenamed(result: Fields, renamed: [string, unknown][]): void {
  renamed.sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [member, content] of renamed) result[freeName(result, flatName(member))] = content;
}

/** The name, with a number where another member has it already. */
function freeName(result: Fields, name: string): string {
  let free = name;
  for (let number = 2; Object.hasOwn(result, free); number++) free = `${name} (${number})`;
  return free;
}

/** Names that Elasticsearch takes as they are: the same ones recur in record after record. */
const fine = new Set<string>();
const MAX_FINE = 5000;

function flatName(member: string): string {
  if (fine.has(member)) return member;
  const name = storableName(member);
  if (name === member && fine.size < MAX_FINE) fine.add(name);
  return name;
}

function storableName(member: string): string {
  if (member === '__proto__') return '_proto_';
  let name = member.length > MAX_FLAT_KEY ? cut(member, MAX_FLAT_KEY) : wellFormed(member);
  if (name.includes('\0')) name = name.replaceAll('\0', '');
  return name.trim() === '' ? '_' : name;
}
