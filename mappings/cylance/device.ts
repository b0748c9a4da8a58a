/**
 * Devices, as CylancePROTECT's user API describes them ("Get Device"), and the tombstone of one that is gone. An entry
 * of the inventory says how a device is, so it is an `asset`; that it changed is in `event.action`.
 */
import * as tables from '../../members/cylance/device.ts';
import { type Fields, filled, keyword, type Members, put, text, truth } from '../ecs.ts';
import { title } from '../ecs-document.ts';
import { below, type Draft, mappingOf, partOf } from '../ecs-frame.ts';
import { account, systemIn } from '../ecs-names.ts';
import { hostOf, PROTECT, personOf, putAddresses, stateOf } from './shared/base.ts';

const PREFIX = 'cylance.device';

type Device = Members<keyof typeof tables.members>;

/** An object with id and name; a text is the name. */
const policyPart = partOf({
  at: `${PREFIX}.policy`,
  members: tables.policy,
  own: { id: ['keyword', 'id'], name: ['keyword', 'name'], other: 'flattened' },
  alone: 'name',
});

export const { mapping, fields } = mappingOf(
  {
    prefix: PREFIX,
    observer: PROTECT,
    members: tables.members,
    event: { kind: 'asset', category: ['host'], type: ['info'] },
    own: {
      device_id: 'keyword',
      /** `Online`, `Offline`, or `Deleted` for one that is gone. */
      state: ['keyword', 'state', stateOf],
      is_safe: ['boolean', 'is_safe'],
      background_detection: ['boolean', 'background_detection'],
      update_available: ['boolean', 'update_available'],
      update_type: ['keyword', 'update_type'],
      lifecycle_status: ['keyword', 'dlcm_status'],
      days_to_deletion: ['keyword', 'days_to_deletion'],
      distinguished_name: ['keyword', 'distinguished_name'],
      first_registered: ['date', 'date_first_registered'],
      last_modified: ['date', 'date_last_modified'],
      last_contact: ['date', 'date_offline'],
    },
    parts: [policyPart],
    ecs: [
      'event.created',
      'agent.version',
      ...below('host', ['id', 'name', 'hostname', 'domain', 'ip', 'mac']),
      ...below('host.os', ['full', 'kernel', 'name', 'type', 'version']),
      ...below('user', ['domain', 'email', 'name']),
      ...below('related', ['hosts', 'ip', 'user']),
    ],
  },
  (draft, device) => {
    // The engine names the event by the key, which has one form of it.
    if (text(device.id) === undefined) throw new Error('the record has no id');
    const { document, event, own, unfit } = draft;
    put(event, 'created', own.first_registered);
    put(document, '@timestamp', latestOf(own));
    const host = hostOf(draft, device.id, device.name) ?? {};
    describe(draft, host, device);
    document.host = host;
    const version = keyword(unfit, 'agent.version', device.agent_version);
    if (version !== undefined) document.agent = { version };
    put(document, 'user', userOf(draft, device));
    put(own, 'policy', policyPart.of(unfit, device.policy));
    if (truth(unfit, `${PREFIX}.state`, device.Deleted) !== true) return titleOf(host, own);
    own.state = 'Deleted';
    event.type = ['end'];
    return `Device ${title(String(host.id))} was deleted`;
  },
);

/**
 * A document stands for how the device is since its last change, so its time is the latest that the record has: of the
 * last change where the vendor tells it, of the last contact for one that went offline, else of the registration.
 */
function latestOf({ last_modified: modified, last_contact: offline, first_registered: registered }: Fields): unknown {
  const known = [modified, offline, registered].filter((time) => typeof time === 'string');
  return known.sort((one, other) => Date.parse(other) - Date.parse(one))[0];
}

function describe(draft: Draft, host: Fields, device: Device): void {
  const { own, unfit, related } = draft;
  const hostname = keyword(unfit, 'host.hostname', device.host_name);
  put(host, 'hostname', hostname);
  if (hostname !== undefined) related.hosts.push(hostname);
  put(host, 'domain', domainOf(own.distinguished_name as string | undefined) ?? domainIn(hostname));
  putAddresses(draft, host, device.ip_addresses, device.mac_addresses);
  put(host, 'os', systemOf(draft, device));
}

/** The components `DC=corp,DC=example` of a distinguished name, as DNS writes them. */
function domainOf(distinguished: string | undefined): string | undefined {
  const parts = distinguished?.split(',').map((part) => part.trim()) ?? [];
  const names = parts.filter((part) => part.toLowerCase().startsWith('dc=')).map((part) => part.slice(3).trim());
  return names.join('.') === '' ? undefined : names.join('.');
}

/** What follows the first dot of a full host name. */
function domainIn(hostname: string | undefined): string | undefined {
  const at = hostname?.indexOf('.') ?? -1;
  return at > 0 ? text(hostname?.slice(at + 1)) : undefined;
}

function systemOf({ unfit }: Draft, device: Device): Fields | undefined {
  const full = keyword(unfit, 'host.os.full', device.os_version);
  const system: Fields = {};
  put(system, 'kernel', keyword(unfit, 'host.os.kernel', device.os_kernel_version));
  if (full !== undefined) Object.assign(system, systemIn(full));
  return filled(system);
}

/** Ways to say that nobody has logged in yet. */
const NOBODY: ReadonlySet<string> = new Set(['', '-', 'n/a', 'none', 'null', 'unknown']);

function userOf(draft: Draft, { last_logged_in_user: login }: Device): Fields | undefined {
  const { name } = account(text(login) ?? '');
  const isNobody = NOBODY.has(name?.toLowerCase() ?? '') && typeof login !== 'object';
  return isNobody ? undefined : personOf(draft, undefined, login);
}

function titleOf(host: Fields, own: Fields): string {
  const name = host.name ?? host.hostname ?? host.id;
  return title(own.state === undefined ? `Device ${name}` : `Device ${name}: ${String(own.state).toLowerCase()}`);
}
