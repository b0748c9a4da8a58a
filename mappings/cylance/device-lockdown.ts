/**
 * Lockdowns of devices: one entry of the guide's "Get Device Lockdown History", with its device beside it. Somebody's
 * doing in the console that changes what a host may do: an `event` of category `host` and type `change`.
 */
import * as tables from '../../members/cylance/device-lockdown.ts';
import type { EcsDocument, Mapping } from '../../src/index.ts';
import { type FieldList, type Fields, flat, isRecord, keyword, put, type Related, reader, type Unfit } from '../ecs.ts';
import { conclude, EVERY_DOCUMENT, hostOf, moment, originOf, personOf, pick, title } from './shared/base.ts';

const PREFIX = 'cylance.device_lockdown';

export const fields: FieldList = {
  prefix: PREFIX,
  custom: {
    'cylance.device_lockdown.command': 'keyword',
    'cylance.device_lockdown.device_id': 'keyword',
    'cylance.device_lockdown.tenant_id': 'keyword',
    /** Members of the entry that the guide does not know. */
    'cylance.device_lockdown.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.device_lockdown.unfit': 'flattened',
  },
  ecs: [...EVERY_DOCUMENT, 'event.action', 'host.id', 'host.name', 'user.id', 'related.hosts'],
};

const entryOf = reader(tables.members);
const deviceOf = reader(tables.Device);

/** By their names in any spelling, also with blanks. Any other command is an action by its own name, which stands below the prefix. */
const ACTIONS: ReadonlyMap<string, string> = new Map([
  ['lockdown', 'device-locked'],
  ['clearlockdown', 'device-unlocked'],
  ['lockdownextended', 'device-lockdown-extended'],
  ['extendlockdown', 'device-lockdown-extended'],
]);
const ACTION = 'device-lockdown-command';

export const mapping: Mapping = (record, source) => {
  if (!isRecord(record)) throw new Error('the record is no object');
  const entry = entryOf(record);
  const device = deviceOf(entry.Device);
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const event: Fields = { kind: 'event', category: ['host'], type: ['change'], module: 'cylance', dataset: PREFIX };
  const time = moment(unfit, '@timestamp', entry.timestamp);
  const document: EcsDocument = { '@timestamp': time, ...originOf(source, device.tenant_id), event };
  const host = hostOf(device.id, device.hostname, unfit, own, related);
  put(document, 'host', host);
  put(document, 'user', personOf(entry.user_id, undefined, unfit, related));
  const command = keyword(unfit, `${PREFIX}.command`, entry.command);
  put(own, 'command', command);
  event.action = ACTIONS.get(command?.replace(/[\s_-]/g, '').toLowerCase() ?? '') ?? ACTION;
  put(own, 'tenant_id', keyword(unfit, `${PREFIX}.tenant_id`, device.tenant_id));
  document.message = title(`${command ?? 'Lockdown command'} of ${host?.name ?? host?.id ?? 'a device'}`);
  if (entry.others !== undefined) put(own, 'other', flat(unfit, `${PREFIX}.other`, pick(record, entry.others)));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};
