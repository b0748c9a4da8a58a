/**
 * The facts of an event, which the vendor numbers ("metaType"). The numbers are read off the documented sample; those
 * that it does not show are kept by number.
 */
import {
  type Fields,
  filled,
  hashOf,
  integerWithin,
  isRecord,
  keyword,
  listOf,
  put,
  reader,
  text,
  type Unfit,
} from '../../ecs.ts';
import { flat } from '../../ecs-flat.ts';
import { putCommand } from '../../ecs-process.ts';

const NAMES: ReadonlyMap<string, FactName> = new Map([
  ['101', 'sha1'],
  ['102', 'md5'],
  ['104', 'directory'],
  ['105', 'fileName'],
  ['107', 'signer'],
  ['108', 'pid'],
  ['109', 'commandLine'],
  ['118', 'sha256'],
  ['300', 'user'],
  ['302', 'domain'],
]);

type FactName =
  | 'sha1'
  | 'md5'
  | 'sha256'
  | 'directory'
  | 'fileName'
  | 'signer'
  | 'pid'
  | 'commandLine'
  | 'user'
  | 'domain';

export type Facts = Partial<Record<FactName, unknown>>;

export interface Meta {
  facts: Facts;
  /** By number: facts whose type has no name here, and second facts of one type. */
  others: Fields;
  ids: Fields;
}

const metaOf = reader({ metaType: [], metaHashId: [], metaValue: [] });

export function readMeta(list: unknown): Meta {
  const facts: Facts = {};
  const others: ByType = new Map();
  const ids: ByType = new Map();
  for (const item of listOf(list)) {
    const meta = isRecord(item) ? metaOf(item) : { metaValue: item };
    const type = text(meta.metaType) ?? 'unknown';
    add(ids, type, text(meta.metaHashId));
    const value = isSet(meta.metaValue) ? meta.metaValue : undefined;
    if (value === undefined) continue;
    const name = NAMES.get(type);
    if (name !== undefined && facts[name] === undefined) facts[name] = value;
    else add(others, type, value);
  }
  return { facts, others: byType(others), ids: byType(ids) };
}

/** The vendor writes -1 for "not set". */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && text(value) !== '-1';
}

type ByType = Map<string, unknown[]>;

function add(target: ByType, type: string, value: unknown): void {
  if (value === undefined) return;
  const before = target.get(type);
  if (before === undefined) target.set(type, [value]);
  else before.push(value);
}

/** One value stands alone. */
function byType(found: ByType): Fields {
  return Object.fromEntries([...found].map(([type, values]) => [type, values.length === 1 ? values[0] : values]));
}

/** The facts that are kept by number, for a `flattened` field. */
export function byNumber(unfit: Unfit, field: string, fields: Fields): unknown {
  return filled(fields) === undefined ? undefined : flat(unfit, field, fields);
}

/** Names below a place, joined once: they are only needed when a value does not fit. */
export interface Place {
  name: string;
  pid: string;
  path: string;
  commandLine: string;
  signer: string;
  md5: string;
  sha1: string;
  sha256: string;
}

export function placeAt(prefix: string): Place {
  return {
    name: `${prefix}.name`,
    pid: `${prefix}.pid`,
    path: `${prefix}.path`,
    commandLine: `${prefix}.command_line`,
    signer: `${prefix}.code_signature.subject_name`,
    md5: `${prefix}.hash.md5`,
    sha1: `${prefix}.hash.sha1`,
    sha256: `${prefix}.hash.sha256`,
  };
}

export function hashesOf(unfit: Unfit, at: Place, facts: Facts): Fields | undefined {
  const result: Fields = {};
  put(result, 'md5', hashOf(unfit, at.md5, 'md5', unwrapped(facts.md5)));
  put(result, 'sha1', hashOf(unfit, at.sha1, 'sha1', unwrapped(facts.sha1)));
  put(result, 'sha256', hashOf(unfit, at.sha256, 'sha256', unwrapped(facts.sha256)));
  return filled(result);
}

/** Hashes come with the blanks of the display's line wraps. Paths do, too, but there a blank may belong to a name. */
function unwrapped(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/\s+/g, '') : value;
}

export function signatureOf(unfit: Unfit, at: Place, facts: Facts, isInvalid: boolean): Fields | undefined {
  const result: Fields = {};
  put(result, 'subject_name', keyword(unfit, at.signer, facts.signer));
  if (result.subject_name !== undefined) result.exists = true;
  if (isInvalid) result.valid = false;
  return filled(result);
}

export interface FilePlace {
  name?: string;
  directory?: string;
  path?: string;
}

/** A directory and a name make a path; a path that holds the name already is left alone. */
export function fileOf(unfit: Unfit, at: Place, facts: Facts, objectName: unknown): FilePlace {
  const name = keyword(unfit, at.name, facts.fileName) ?? keyword(unfit, at.name, objectName);
  const directory = keyword(unfit, at.path, facts.directory);
  if (directory === undefined) return { name };
  const endsIn = Math.max(directory.lastIndexOf('\\'), directory.lastIndexOf('/'));
  if (name === undefined) return { directory };
  if (directory.slice(endsIn + 1).toLowerCase() === name.toLowerCase()) {
    return { name, path: directory, ...(endsIn > 0 ? { directory: directory.slice(0, endsIn) } : {}) };
  }
  const separator = directory.includes('/') && !directory.includes('\\') ? '/' : '\\';
  if (endsIn === directory.length - 1) {
    return { name, path: directory + name, ...(endsIn > 0 ? { directory: directory.slice(0, endsIn) } : {}) };
  }
  return { name, directory, path: `${directory}${separator}${name}` };
}

export function processOf(unfit: Unfit, at: Place, facts: Facts, objectName: unknown): Fields {
  const { name, path } = fileOf(unfit, at, facts, objectName);
  const result: Fields = {};
  put(result, 'name', name);
  put(result, 'executable', path);
  put(result, 'pid', integerWithin(unfit, at.pid, facts.pid, 0, 4_294_967_295));
  putCommand(result, unfit, at.commandLine, facts.commandLine);
  put(result, 'hash', hashesOf(unfit, at, facts));
  return result;
}
