/**
 * Devices, as CylancePROTECT's user API describes them ("Get Device"), and the tombstone of one that is gone. An entry
 * of the inventory says how a device is, so it is an `asset`; that it changed is in `event.action`.
 */
import * as tables from '../../members/cylance/device.ts';
import type { EcsDocument, Mapping } from '../../src/index.ts';
import {
  account,
  type FieldList,
  type Fields,
  filled,
  flat,
  isRecord,
  keyword,
  osType,
  put,
  type Related,
  reader,
  text,
  truth,
  type Unfit,
} from '../ecs.ts';
import {
  conclude,
  EVERY_DOCUMENT,
  hostOf,
  moment,
  originOf,
  PROTECT,
  personOf,
  pick,
  putAddresses,
  stateOf,
  title,
} from './shared/base.ts';

const PREFIX = 'cylance.device';

export const fields: FieldList = {
  prefix: PREFIX,
  custom: {
    'cylance.device.device_id': 'keyword',
    /** `Online`, `Offline`, or `Deleted` for one that is gone. */
    'cylance.device.state': 'keyword',
    'cylance.device.policy.id': 'keyword',
    'cylance.device.policy.name': 'keyword',
    'cylance.device.policy.other': 'flattened',
    'cylance.device.is_safe': 'boolean',
    'cylance.device.background_detection': 'boolean',
    'cylance.device.update_available': 'boolean',
    'cylance.device.update_type': 'keyword',
    'cylance.device.lifecycle_status': 'keyword',
    'cylance.device.days_to_deletion': 'keyword',
    'cylance.device.distinguished_name': 'keyword',
    'cylance.device.first_registered': 'date',
    'cylance.device.last_modified': 'date',
    'cylance.device.last_contact': 'date',
    /** Members of the record that have no field. */
    'cylance.device.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.device.unfit': 'flattened',
  },
  ecs: [
    ...EVERY_DOCUMENT,
    'event.created',
    'agent.version',
    'host.id',
    'host.name',
    'host.hostname',
    'host.domain',
    'host.ip',
    'host.mac',
    'host.os.full',
    'host.os.kernel',
    'host.os.name',
    'host.os.type',
    'host.os.version',
    'user.domain',
    'user.email',
    'user.name',
    'related.hosts',
    'related.ip',
    'related.user',
  ],
};

const deviceOf = reader(tables.members);
type Device = ReturnType<typeof deviceOf>;
const policyOf = reader(tables.policy);

export const mapping: Mapping = (record, source) => {
  const device = deviceOf(record);
  if (text(device.id) === undefined) throw new Error('the record has no id');
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const event: Fields = { kind: 'asset', category: ['host'], type: ['info'], module: 'cylance', dataset: PREFIX };
  const document: EcsDocument = { ...originOf(source, undefined, PROTECT), event };
  times(document, event, device, unfit, own);
  const host = hostOf(device.id, device.name, unfit, own, related) ?? {};
  describe(host, device, unfit, related);
  document.host = host;
  put(document, 'agent', filled(agentOf(device, unfit)));
  put(document, 'user', userOf(device, unfit, related));
  facts(device, unfit, own);
  document.message = titleOf(host, own);
  if (truth(unfit, `${PREFIX}.state`, device.Deleted) === true) {
    own.state = 'Deleted';
    event.type = ['end'];
    document.message = `Device ${title(String(host.id))} was deleted`;
  }
  if (device.others !== undefined)
    put(own, 'other', flat(unfit, `${PREFIX}.other`, pick(record as Fields, device.others)));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

/**
 * A document stands for how the device is since its last change, so its time is the latest that the record has: of the
 * last change where the vendor tells it, of the last contact for one that went offline, else of the registration.
 */
function times(document: EcsDocument, event: Fields, device: Device, unfit: Unfit, own: Fields): void {
  const registered = moment(unfit, `${PREFIX}.first_registered`, device.date_first_registered);
  const modified = moment(unfit, `${PREFIX}.last_modified`, device.date_last_modified);
  const offline = moment(unfit, `${PREFIX}.last_contact`, device.date_offline);
  put(event, 'created', registered);
  put(own, 'first_registered', registered);
  put(own, 'last_modified', modified);
  put(own, 'last_contact', offline);
  const known = [modified, offline, registered].filter((time) => time !== undefined);
  const latest = known.sort((one, other) => Date.parse(other) - Date.parse(one))[0];
  put(document, '@timestamp', latest);
}

function describe(host: Fields, device: Device, unfit: Unfit, related: Related): void {
  const hostname = keyword(unfit, 'host.hostname', device.host_name);
  put(host, 'hostname', hostname);
  if (hostname !== undefined) related.hosts.push(hostname);
  const distinguished = keyword(unfit, `${PREFIX}.distinguished_name`, device.distinguished_name);
  put(host, 'domain', domainOf(distinguished) ?? domainIn(hostname));
  putAddresses(host, device.ip_addresses, device.mac_addresses, unfit, related);
  put(host, 'os', systemOf(device, unfit));
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

/** `Ubuntu 22.04.4 LTS`: the name ends where the first number begins. */
function systemOf(device: Device, unfit: Unfit): Fields | undefined {
  const full = keyword(unfit, 'host.os.full', device.os_version);
  const system: Fields = {};
  put(system, 'kernel', keyword(unfit, 'host.os.kernel', device.os_kernel_version));
  if (full !== undefined) {
    const at = full.search(/\d/);
    system.full = full;
    put(system, 'name', at < 0 ? full : full.slice(0, at).trim());
    if (at >= 0) put(system, 'version', /^[\d.]*\d/.exec(full.slice(at))?.[0]);
    put(system, 'type', osType(full));
  }
  return filled(system);
}

function agentOf(device: Device, unfit: Unfit): Fields {
  const agent: Fields = {};
  put(agent, 'version', keyword(unfit, 'agent.version', device.agent_version));
  return agent;
}

/** Ways to say that nobody has logged in yet. */
const NOBODY: ReadonlySet<string> = new Set(['', '-', 'n/a', 'none', 'null', 'unknown']);

function userOf({ last_logged_in_user: login }: Device, unfit: Unfit, related: Related): Fields | undefined {
  const { name } = account(text(login) ?? '');
  const isNobody = NOBODY.has(name?.toLowerCase() ?? '') && typeof login !== 'object';
  return isNobody ? undefined : personOf(undefined, login, unfit, related);
}

function facts(device: Device, unfit: Unfit, own: Fields): void {
  put(own, 'state', stateOf(unfit, `${PREFIX}.state`, device.state));
  put(own, 'policy', policyAt(device, unfit));
  for (const member of ['is_safe', 'background_detection', 'update_available'] as const)
    put(own, member, truth(unfit, `${PREFIX}.${member}`, device[member]));
  put(own, 'update_type', keyword(unfit, `${PREFIX}.update_type`, device.update_type));
  put(own, 'lifecycle_status', keyword(unfit, `${PREFIX}.lifecycle_status`, device.dlcm_status));
  put(own, 'days_to_deletion', keyword(unfit, `${PREFIX}.days_to_deletion`, device.days_to_deletion));
  put(own, 'distinguished_name', keyword(unfit, `${PREFIX}.distinguished_name`, device.distinguished_name));
}

/** An object with id and name; a text is the name. */
function policyAt({ policy: given }: Device, unfit: Unfit): Fields | undefined {
  const said = policyOf(isRecord(given) ? given : { name: given });
  const policy: Fields = {};
  put(policy, 'id', keyword(unfit, `${PREFIX}.policy.id`, said.id));
  put(policy, 'name', keyword(unfit, `${PREFIX}.policy.name`, said.name));
  if (isRecord(given) && said.others !== undefined)
    put(policy, 'other', flat(unfit, `${PREFIX}.policy.other`, pick(given, said.others)));
  return filled(policy);
}

function titleOf(host: Fields, own: Fields): string {
  const name = host.name ?? host.hostname ?? host.id;
  return title(own.state === undefined ? `Device ${name}` : `Device ${name}: ${String(own.state).toLowerCase()}`);
}
