/** What the documents of several Cylance streams have in common, apart from artifacts. */
import { exactNumber } from '../../../src/index.ts';
import {
  asText,
  type Fields,
  filled,
  integerWithin,
  ips,
  isEmpty,
  keyword,
  macs,
  misfit,
  put,
  text,
  truth,
  type Unfit,
} from '../../ecs.ts';
import { title } from '../../ecs-document.ts';
import { type Draft, type Part, partOf } from '../../ecs-frame.ts';
import { account, deviceId } from '../../ecs-names.ts';

/** The product that made a record: `observer.*`. */
export const OPTICS = { vendor: 'Cylance', product: 'CylanceOPTICS' } as const;
export const PROTECT = { vendor: 'Cylance', product: 'CylancePROTECT' } as const;

/** A person, as `personOf` tells it. */
export const PERSON = ['user.id', 'user.name', 'user.domain', 'user.email', 'related.user'] as const;

/** The device: `host.id` in the one form that all products share, the vendor's own form as `device_id`. */
export function hostOf({ unfit, own, related }: Draft, id: unknown, name: unknown): Fields | undefined {
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

/** The same where the vendor says that the name is the one by which the machine is known in its network. */
export function machineOf(draft: Draft, id: unknown, hostname: unknown): Fields | undefined {
  const host = hostOf(draft, id, hostname);
  if (host?.name !== undefined) host.hostname = host.name;
  return host;
}

/** The name of a document's device, for people. */
export function whereOf({ document }: Draft): string | undefined {
  const host = document.host as { name?: string; id?: string } | undefined;
  return host?.name ?? host?.id;
}

/** The person who asked for something in the console. The login is an e-mail address, as far as the guide says. */
export function personOf({ unfit, related }: Draft, id: unknown, login: unknown): Fields | undefined {
  const user: Fields = {};
  put(user, 'id', keyword(unfit, 'user.id', id));
  const written = keyword(unfit, 'user.name', login);
  if (written !== undefined) {
    const { name, domain } = account(written);
    put(user, 'name', name);
    const at = domain === undefined ? written.lastIndexOf('@') : -1;
    put(user, 'domain', domain ?? (at > 0 ? text(written.slice(at + 1)) : undefined));
    if (at >= 0) user.email = written;
    if (name !== undefined) related.user.push(name);
  }
  return filled(user);
}

/** Addresses of a device, beside its id and name; those that are none go to `unfit`. */
export function putAddresses({ unfit, related }: Draft, host: Fields, ip: unknown, mac: unknown): void {
  const found = ips(unfit, 'host.ip', ip);
  put(host, 'ip', found);
  put(host, 'mac', macs(unfit, 'host.mac', mac));
  if (found !== undefined) related.ip.push(...found);
}

/** The title of an object of the console in the list of documents, also of one that is gone. */
export function entitled({ id, event }: Draft, what: string, name: unknown, isDeleted: boolean): string {
  if (!isDeleted) return title(typeof name === 'string' ? `${what}: ${name}` : `${what} ${id}`);
  event.type = ['deletion'];
  return `${what} ${title(id)} was deleted`;
}

/** Counts things: a whole number, and none below 0. */
export function count(unfit: Unfit, field: string, value: unknown): number | undefined {
  return integerWithin(unfit, field, value, 0, Number.MAX_SAFE_INTEGER);
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

/** A number that need not be whole, also written as text. A number that a `float` cannot hold, or would change, stays text. */
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
function alone(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 && typeof value[0] !== 'object' ? value[0] : value;
}

/** A text that some write as a list of one. */
export function word(unfit: Unfit, field: string, value: unknown): string | undefined {
  return keyword(unfit, field, alone(value));
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

/** The objects that an object of the console is related to, by URLs; a text alone is one. */
export function relationsAt(prefix: string): Part<'object' | 'relationship'> {
  return partOf({
    at: `${prefix}.relations`,
    members: { object: [], relationship: [] },
    own: { object: ['keyword', 'object'], relationship: ['keyword', 'relationship'], other: 'flattened' },
    alone: 'object',
  });
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
