/**
 * Whether a document is what ECS says: every field is in the dictionary, with the right type and an allowed value, or
 * below the connector's prefix. For the tests; the dictionary is large, so nothing on a record's way imports this file.
 */
import { isIP } from 'node:net';
import { EcsFlat } from '@elastic/ecs';
import type { CustomType, FieldList } from './ecs.ts';

interface Definition {
  type: string;
  normalize: readonly string[];
  allowed_values?: readonly { name: string; expected_event_types?: readonly string[] }[];
  expected_values?: readonly string[];
  ignore_above?: number;
}

const dictionary = EcsFlat as unknown as Readonly<Record<string, Definition>>;
/** Names that are a field's beginning: an object must stand there. */
const objects = new Set<string>();
for (const name of Object.keys(dictionary)) {
  for (let at = name.indexOf('.'); at > 0; at = name.indexOf('.', at + 1)) objects.add(name.slice(0, at));
}

type Report = (field: string, problem: string) => void;

/**
 * What is wrong with a document, as `field: problem`; empty when nothing is. With the mapping's declared fields, those
 * below the prefix are checked against their declared types as well.
 */
export function violations(document: unknown, prefix: string, fields?: FieldList): string[] {
  const found: string[] = [];
  const report: Report = (field, problem) => void found.push(`${field}: ${problem}`);
  if (!isObject(document)) return ['document: not an object'];
  if (document['@timestamp'] === undefined) report('@timestamp', 'missing');
  for (const [name, value] of Object.entries(document)) checkMember(name, value, prefix, fields, report);
  checkPairs(document, report);
  return found;
}

/** Fields of a document that the list does not declare, once each. */
export function undeclared(document: unknown, fields: FieldList): string[] {
  const found = new Set<string>();
  const ecs: ReadonlySet<string> = new Set(fields.ecs);
  walk(
    document,
    '',
    (path) => {
      if (ecs.has(path) || fields.custom[path] !== undefined) return 'stop';
      return 'descend';
    },
    (leaf) => found.add(leaf),
  );
  return [...found].sort();
}

function walk(
  value: unknown,
  path: string,
  visit: (path: string) => 'stop' | 'descend',
  leaf: (path: string) => void,
): void {
  if (path !== '' && visit(path) === 'stop') return;
  if (Array.isArray(value)) for (const item of value) walkInto(item, path, visit, leaf);
  else walkInto(value, path, visit, leaf);
}

function walkInto(
  value: unknown,
  path: string,
  visit: (path: string) => 'stop' | 'descend',
  leaf: (path: string) => void,
): void {
  if (!isObject(value)) {
    leaf(path);
    return;
  }
  for (const [name, content] of Object.entries(value))
    walk(content, path === '' ? name : `${path}.${name}`, visit, leaf);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkMember(
  path: string,
  value: unknown,
  prefix: string,
  fields: FieldList | undefined,
  report: Report,
): void {
  if (path === prefix || path.startsWith(`${prefix}.`)) {
    checkCustom(path, value, fields, report);
    return;
  }
  if (`${prefix}.`.startsWith(`${path}.`)) {
    if (!isObject(value)) {
      report(path, 'must be an object');
      return;
    }
    for (const [name, content] of Object.entries(value))
      checkMember(`${path}.${name}`, content, prefix, fields, report);
    return;
  }
  const definition = dictionary[path];
  if (definition !== undefined && !(objects.has(path) && isObject(value))) {
    checkField(path, value, definition, report);
    return;
  }
  if (!objects.has(path)) {
    report(path, 'not a field of the dictionary, nor below the prefix');
    return;
  }
  if (!isObject(value)) {
    report(path, 'must be an object');
    return;
  }
  if (Object.keys(value).length === 0) report(path, 'empty object');
  for (const [name, content] of Object.entries(value)) {
    if (name.includes('.')) report(`${path}.${name}`, 'a dot in a name');
    checkMember(`${path}.${name}`, content, prefix, fields, report);
  }
}

function checkField(path: string, value: unknown, definition: Definition, report: Report): void {
  const isArray = definition.normalize.includes('array');
  if (isArray !== Array.isArray(value)) {
    report(path, isArray ? 'must be an array' : 'must not be an array');
    return;
  }
  const values = Array.isArray(value) ? value : [value];
  if (values.length === 0) report(path, 'empty array');
  for (const item of values) {
    const problem = problemWith(item, definition.type);
    if (problem !== undefined) report(path, problem);
    const allowed = definition.allowed_values?.map(({ name }) => name) ?? definition.expected_values;
    if (allowed !== undefined && !allowed.includes(item as string))
      report(path, `${JSON.stringify(item)} is not an allowed value`);
  }
}

function problemWith(value: unknown, type: string): string | undefined {
  const check = TYPES[type];
  if (check === undefined) return `type ${type} is not known to the checker`;
  return check(value) ? undefined : `${JSON.stringify(value)?.slice(0, 100)} is no ${type}`;
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '' && value.isWellFormed();
const isWhole = (value: unknown): boolean => typeof value === 'number' && Number.isSafeInteger(value);
const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
const ISO = /^(19[7-9]\d|[2-9]\d{3})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z$/;

function isDate(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const match = ISO.exec(value);
  if (match === null) return false;
  const day = new Date(`${value.slice(0, 10)}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(value.slice(0, 10));
}

const TYPES: Record<string, (value: unknown) => boolean> = {
  keyword: isText,
  constant_keyword: isText,
  wildcard: isText,
  match_only_text: isText,
  text: isText,
  version: isText,
  date: isDate,
  ip: (value) => typeof value === 'string' && isIP(value) !== 0 && !value.includes('%'),
  long: isWhole,
  integer: (value) => isWhole(value) && Math.abs(value as number) < 2 ** 31,
  float: isNumber,
  double: isNumber,
  scaled_float: isNumber,
  boolean: (value) => typeof value === 'boolean',
  geo_point: isObject,
  object: isObject,
  nested: isObject,
  flattened: isFlat,
};

/** Objects whose leaves are texts, so that a value is never a number here and a text there. */
function isFlat(value: unknown): boolean {
  return (
    isObject(value) &&
    Object.entries(value).every(([name, content]) => name !== '' && !name.includes('\0') && isFlatValue(content))
  );
}

function isFlatValue(value: unknown): boolean {
  if (typeof value === 'string') return isText(value);
  if (!Array.isArray(value)) return isFlat(value) && Object.keys(value as object).length > 0;
  const kinds = new Set(value.map((item) => (Array.isArray(item) ? 'array' : typeof item)));
  return value.length > 0 && kinds.size === 1 && value.every(isFlatValue);
}

function checkCustom(path: string, value: unknown, fields: FieldList | undefined, report: Report): void {
  const type: CustomType | undefined = fields?.custom[path];
  if (type !== undefined) {
    for (const item of Array.isArray(value) ? value : [value]) {
      const problem = problemWith(item, type);
      if (problem !== undefined) report(path, problem);
    }
    return;
  }
  if (Array.isArray(value)) {
    checkCustomArray(path, value, fields, report);
    return;
  }
  if (isObject(value)) {
    if (Object.keys(value).length === 0) report(path, 'empty object');
    for (const [name, content] of Object.entries(value)) checkCustom(`${path}.${name}`, content, fields, report);
    return;
  }
  if (!isText(value) && !isNumber(value) && typeof value !== 'boolean')
    report(path, `${String(value)} cannot be stored`);
  else if (fields !== undefined) report(path, 'not declared');
}

function checkCustomArray(path: string, value: unknown[], fields: FieldList | undefined, report: Report): void {
  if (value.length === 0) report(path, 'empty array');
  const kinds = new Set(value.map((item) => (isObject(item) ? 'object' : Array.isArray(item) ? 'array' : typeof item)));
  if (kinds.size > 1) report(path, `an array of several types: ${[...kinds].join(', ')}`);
  for (const item of value) checkCustom(path, item, fields, report);
}

/** Each category goes with some types only; each type must be one that some category expects. */
function checkPairs(document: Record<string, unknown>, report: Report): void {
  const event = document.event;
  if (!isObject(event) || !Array.isArray(event.category) || !Array.isArray(event.type)) return;
  const expected = new Map(
    dictionary['event.category']?.allowed_values?.map((value) => [value.name, value.expected_event_types ?? []]),
  );
  const types = event.type as string[];
  for (const category of event.category as string[]) {
    const fitting = expected.get(category);
    if (fitting !== undefined && !types.some((type) => fitting.includes(type)))
      report('event.type', `none that category ${category} expects`);
  }
  for (const type of types) {
    const fits = (event.category as string[]).some((category) => expected.get(category)?.includes(type));
    if (!fits) report('event.type', `no category of ${event.category.join(', ')} expects ${type}`);
  }
}
