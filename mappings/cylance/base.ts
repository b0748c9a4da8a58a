/** What the documents of several Cylance streams have in common, apart from artifacts. */
import type { SourceFacts } from '../../src/types.ts';
import {
  cut,
  deviceId,
  ECS_VERSION,
  type Fields,
  filled,
  flat,
  isEmpty,
  isRecord,
  keyword,
  listOf,
  put,
  type Related,
  text,
  type Unfit,
} from '../ecs.ts';
import { date } from '../ecs-time.ts';

/**
 * Only a record without any time has this one. It is never guessed in a mapping, where the clock may not be read; the
 * tag `timestamp_is_unknown` beside it tells the engine and the reader.
 */
export const UNKNOWN_TIME = '1970-01-01T00:00:00.000Z';

/** Kibana shows `message` as a title: one line. */
const MAX_TITLE = 256;

export function title(content: string): string {
  return cut(content, MAX_TITLE);
}

/** The members that a table does not know, as they came. */
export function pick(record: Fields, members: readonly string[]): Fields {
  const picked: [string, unknown][] = members.map((member) => [member, record[member]]);
  return Object.fromEntries(picked);
}

/** Who made the record and whose it is. `tenant` is what the record itself says, for a source without a tenant's id. */
export function originOf(source: SourceFacts, tenant?: unknown): Fields {
  return {
    ecs: { version: ECS_VERSION },
    observer: { vendor: 'Cylance', product: 'CylanceOPTICS' },
    organization: { id: source.tenantId === '' ? (text(tenant) ?? 'unknown') : source.tenantId },
  };
}

/** A date where the beginning of 1970 is, like the year 1, a way to say "never". */
export function moment(unfit: Unfit, field: string, value: unknown): string | undefined {
  const content = date(unfit, field, value);
  return content?.startsWith('1970-01-01T') ? undefined : content;
}

/** The device: `host.id` in the one form that all products share, the vendor's own form as `device_id`. */
export function hostOf(id: unknown, name: unknown, unfit: Unfit, own: Fields, related: Related): Fields | undefined {
  const host: Fields = {};
  const written = keyword(unfit, 'host.id', id);
  if (written !== undefined) {
    host.id = deviceId(written);
    own.device_id = written;
  }
  const called = keyword(unfit, 'host.name', name);
  if (called !== undefined) {
    host.name = called;
    related.hosts.push(called);
  }
  return filled(host);
}

const MAX_ITEMS = 200;

/** A list of small objects; an item that is only a text stands for its most telling member. */
export function itemsOf<Name extends string>(
  unfit: Unfit,
  field: string,
  value: unknown,
  read: (item: unknown) => { readonly [name in Name]?: unknown } & { readonly others?: readonly string[] },
  names: readonly Name[],
  main: Name,
): Fields[] | undefined {
  const result: Fields[] = [];
  for (const item of listOf(value).slice(0, MAX_ITEMS)) {
    const said = isRecord(item) ? read(item) : undefined;
    const entry: Fields = {};
    for (const name of names) {
      const content = said === undefined ? (name === main ? item : undefined) : said[name];
      put(entry, name, keyword(unfit, `${field}.${name}`, content));
    }
    if (isRecord(item) && said?.others !== undefined) put(entry, 'other', flat(pick(item, said.others)));
    if (!isEmpty(entry)) result.push(entry);
  }
  return result.length === 0 ? undefined : result;
}
