/** What the documents of several Cylance streams have in common, apart from artifacts. */
import { exactNumber } from '../../../src/json.ts';
import type { SourceFacts } from '../../../src/types.ts';
import {
  account,
  asText,
  deviceId,
  ECS_VERSION,
  type Fields,
  filled,
  flat,
  ips,
  isEmpty,
  isRecord,
  itemsAt,
  keyword,
  macs,
  misfit,
  put,
  type Related,
  text,
  truth,
  type Unfit,
} from '../../ecs.ts';
import { pick } from '../../ecs-document.ts';

export { conclude, EVERY_DOCUMENT, keepOthers, moment, pick, title } from '../../ecs-document.ts';

export const OPTICS = 'CylanceOPTICS';
export const PROTECT = 'CylancePROTECT';

/** Who made the record and whose it is. `tenant` is what the record itself says, for a source without a tenant's id. */
export function originOf(source: SourceFacts, tenant?: unknown, product = OPTICS): Fields {
  return {
    ecs: { version: ECS_VERSION },
    observer: { vendor: 'Cylance', product },
    organization: { id: source.tenantId === '' ? (text(tenant) ?? 'unknown') : source.tenantId },
  };
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

/** Who asked for something in the console. The login is an e-mail address, as far as the guide says. */
export function personOf(id: unknown, login: unknown, unfit: Unfit, related: Related): Fields | undefined {
  const user: Fields = {};
  put(user, 'id', keyword(unfit, 'user.id', id));
  const written = keyword(unfit, 'user.name', login);
  if (written !== undefined) {
    const { name, domain } = account(written);
    put(user, 'name', name);
    put(user, 'domain', domain);
    if (domain === undefined && written.includes('@')) user.email = written;
    if (name !== undefined) related.user.push(name);
  }
  return filled(user);
}

/** Addresses of a device, beside its id and name; those that are none go to `unfit`. */
export function putAddresses(host: Fields, ip: unknown, mac: unknown, unfit: Unfit, related: Related): void {
  const found = ips(unfit, 'host.ip', ip);
  put(host, 'ip', found);
  put(host, 'mac', macs(unfit, 'host.mac', mac));
  if (found !== undefined) related.ip.push(...found);
}

/** The vendor writes `Offline` and `OffLine`; a word of another kind stays as it is. */
export function stateOf(unfit: Unfit, field: string, value: unknown): string | undefined {
  const state = keyword(unfit, field, value);
  return STATES.get(state?.toLowerCase() ?? '') ?? state;
}
const STATES: ReadonlyMap<string, string> = new Map([
  ['offline', 'Offline'],
  ['online', 'Online'],
]);

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A number that need not be whole, also written as text. What a `float` cannot hold, or would change, stays text. */
export function decimal(unfit: Unfit, field: string, value: unknown): number | undefined {
  const content = text(value);
  if (content === undefined) return typeof value === 'object' ? misfit(unfit, field, value) : undefined;
  const number = DECIMAL.test(content) ? exactNumber(content) : content;
  return typeof number === 'number' && Number.isFinite(Math.fround(number)) ? number : misfit(unfit, field, value);
}

/**
 * The score of a file runs from 1 (surely harmless) to -1 (surely a threat). The console shows threats alone, from 1 to
 * 100 for -1: that is what `event.risk_score` says.
 */
export function riskOf(score: number | undefined): number | undefined {
  if (score === undefined || score < -1 || score > 1) return undefined;
  return Math.max(0, Math.round(score * -10_000) / 100);
}

/** A list of one text, number or flag as that; anything else as it is. */
export function alone(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 && typeof value[0] !== 'object' ? value[0] : value;
}

/** A flag of a threat, which some write as yes and no. */
export function flagOf(unfit: Unfit, field: string, value: unknown): boolean | undefined {
  const flag = alone(value);
  const word = text(flag)?.toLowerCase();
  return word === 'yes' || word === 'no' ? word === 'yes' : truth(unfit, field, flag);
}

/** Whether somebody at the tenant, or the vendor, has judged the file harmless: then its score is no risk. */
export function isTrusted(classification: unknown): boolean {
  return typeof classification === 'string' && classification.trim().toLowerCase() === 'trusted';
}

/** The risk of a file, and that it is malware; neither where it was judged safe. */
export function judge(event: Fields, score: number | undefined, isSafe: boolean): void {
  if (isSafe) event.category = ['file'];
  else put(event, 'risk_score', riskOf(score));
}

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
  for (const item of itemsAt(unfit, field, value)) {
    const said = isRecord(item) ? read(item) : undefined;
    const entry: Fields = {};
    for (const name of names) {
      const content = said === undefined ? (name === main ? item : undefined) : said[name];
      put(entry, name, keyword(unfit, `${field}.${name}`, content));
    }
    if (isRecord(item) && said?.others !== undefined)
      put(entry, 'other', flat(unfit, `${field}.other`, pick(item, said.others)));
    if (!isEmpty(entry)) result.push(entry);
  }
  return result.length === 0 ? undefined : result;
}

/** Two objects in one. Where both have a member, the second one's keeps the name, and another value of the first gets one beside it. */
export function merged(first: Fields | undefined, second: Fields | undefined): Fields {
  const result = { ...first, ...second };
  for (const member in first) {
    const content = first[member];
    if (isEmpty(content) || content === result[member] || asText(content) === asText(result[member])) continue;
    let name = `${member}_`;
    while (Object.hasOwn(result, name)) name += '_';
    result[name] = content;
  }
  return result;
}
