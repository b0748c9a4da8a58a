/**
 * Package executions: the guide's "Get Package Executions" and "Get Package Execution" (the same members), and the
 * tombstone of one that is gone. Somebody asks for packages to be run on devices: `configuration` and `info`, as for
 * an InstaQuery, since the record may be met long after. What was run and where its results go are addresses that may
 * open doors: of the packages only their number is left when a record comes here.
 */
import { members } from '../../members/cylance/package-execution.ts';
import type { EcsDocument, Mapping } from '../../src/index.ts';
import {
  deviceId,
  type FieldList,
  type Fields,
  filled,
  flat,
  integerWithin,
  isEmpty,
  isRecord,
  keyword,
  keywords,
  listOf,
  misfit,
  parsed,
  put,
  type Related,
  reader,
  text,
  truth,
  type Unfit,
} from '../ecs.ts';
import { conclude, EVERY_DOCUMENT, moment, originOf, personOf, pick, title } from './shared/base.ts';

const PREFIX = 'cylance.package_execution';

export const fields: FieldList = {
  prefix: PREFIX,
  custom: {
    'cylance.package_execution.name': 'keyword',
    /** How many packages were asked for. */
    'cylance.package_execution.package_count': 'long',
    /** As the vendor writes them; `related.hosts` has the form of `host.id`. */
    'cylance.package_execution.target.devices': 'keyword',
    'cylance.package_execution.target.device_count': 'long',
    'cylance.package_execution.target.zones': 'keyword',
    'cylance.package_execution.target.zone_count': 'long',
    'cylance.package_execution.keep_results_locally': 'boolean',
    /** Devices that were online when it was asked for. */
    'cylance.package_execution.device_count': 'long',
    'cylance.package_execution.device_statuses.acked': 'long',
    'cylance.package_execution.device_statuses.succeeded': 'long',
    'cylance.package_execution.device_statuses.failed': 'long',
    /** requested, running, finished, no_devices or deleted; absent where the record does not tell. */
    'cylance.package_execution.state': 'keyword',
    /** Members of the record that the guide does not know. */
    'cylance.package_execution.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.package_execution.unfit': 'flattened',
  },
  ecs: [
    ...EVERY_DOCUMENT,
    'event.outcome',
    'event.created',
    'user.id',
    'user.name',
    'user.domain',
    'user.email',
    'related.hosts',
    'related.user',
  ],
};

const executionOf = reader(members);
type Execution = ReturnType<typeof executionOf>;

const targetOf = reader({ devices: [], zones: [] });
const packageOf = reader({ package: [], arguments: [] });
const creatorOf = reader({ id: [], login: ['email'] });
const statusesOf = reader({ acked: [], succeeded: [], failed: [] });

export const mapping: Mapping = (record, source) => {
  const execution = executionOf(record);
  const id = text(execution.id);
  if (id === undefined) throw new Error('the record has no id');
  const unfit: Unfit = {};
  const own: Fields = {};
  const others: Fields = execution.others === undefined ? {} : pick(record as Fields, execution.others);
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const created = moment(unfit, '@timestamp', execution.createdAt);
  const event: Fields = { kind: 'event', category: ['configuration'], type: ['info'], module: 'cylance' };
  event.dataset = PREFIX;
  event.id = id;
  put(event, 'created', created);
  const document: EcsDocument = { '@timestamp': created, ...originOf(source), event };
  put(document, 'user', creator(execution, unfit, others, related));
  asked(execution, unfit, own, others, related);
  document.message = title(typeof own.name === 'string' ? `Package execution: ${own.name}` : `Package execution ${id}`);
  if (truth(unfit, `${PREFIX}.state`, execution.Deleted) === true) {
    own.state = 'deleted';
    event.type = ['deletion'];
    document.message = `Package execution ${title(id)} was deleted`;
  } else {
    answered(execution, unfit, own, others, event);
  }
  put(own, 'other', flat(unfit, `${PREFIX}.other`, others));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

/** Who asked for it. A text alone is taken for the login. */
function creator(execution: Execution, unfit: Unfit, others: Fields, related: Related): Fields | undefined {
  const given = parsed(execution.createdBy);
  if (given === undefined) return personOf(undefined, execution.createdBy, unfit, related);
  const said = creatorOf(given);
  keepOthers(others, 'createdBy', given, said.others);
  return personOf(said.id, said.login, unfit, related);
}

/** What was asked for, and of which devices. */
function asked(execution: Execution, unfit: Unfit, own: Fields, others: Fields, related: Related): void {
  put(own, 'name', keyword(unfit, `${PREFIX}.name`, execution.name));
  put(own, 'keep_results_locally', truth(unfit, `${PREFIX}.keep_results_locally`, execution.keepResultsLocally));
  packages(execution.packageExecutions, own, others);
  const given = parsed(execution.target);
  if (given === undefined) {
    misfit(unfit, `${PREFIX}.target`, execution.target);
    return;
  }
  const said = targetOf(given);
  keepOthers(others, 'target', given, said.others);
  const target: Fields = {};
  const devices = keywords(unfit, `${PREFIX}.target.devices`, said.devices);
  if (devices !== undefined) {
    target.devices = devices;
    target.device_count = listOf(said.devices).length;
    for (const device of devices) related.hosts.push(deviceId(device));
  }
  const zones = keywords(unfit, `${PREFIX}.target.zones`, said.zones);
  if (zones !== undefined) {
    target.zones = zones;
    target.zone_count = listOf(said.zones).length;
  }
  put(own, 'target', filled(target));
}

/** Their addresses and arguments are removed before; an item that is only a text would be such an address. */
function packages(given: unknown, own: Fields, others: Fields): void {
  const items = isRecord(given) ? [given] : Array.isArray(given) ? (given as unknown[]) : [];
  if (items.length > 0) own.package_count = items.length;
  const more = items.map((item) => (isRecord(item) ? pick(item, packageOf(item).others ?? []) : {}));
  if (more.some((item) => !isEmpty(item))) others.packageExecutions = more;
}

/** How far it is. */
function answered(execution: Execution, unfit: Unfit, own: Fields, others: Fields, event: Fields): void {
  const count = (field: string, value: unknown) =>
    integerWithin(unfit, `${PREFIX}.${field}`, value, 0, Number.MAX_SAFE_INTEGER);
  const online = count('device_count', execution.deviceCount);
  put(own, 'device_count', online);
  const given = parsed(execution.deviceStatuses);
  if (given === undefined) misfit(unfit, `${PREFIX}.device_statuses`, execution.deviceStatuses);
  const said = statusesOf(given);
  if (given !== undefined) keepOthers(others, 'deviceStatuses', given, said.others);
  const acked = count('device_statuses.acked', said.acked);
  const succeeded = count('device_statuses.succeeded', said.succeeded);
  const failed = count('device_statuses.failed', said.failed);
  const statuses: Fields = {};
  put(statuses, 'acked', acked);
  put(statuses, 'succeeded', succeeded);
  put(statuses, 'failed', failed);
  put(own, 'device_statuses', filled(statuses));
  event.outcome = 'unknown';
  if (['device_count', 'device_statuses'].some((name) => isUnread(unfit, name))) return;
  const state = stateOf(online, acked ?? 0, (succeeded ?? 0) + (failed ?? 0));
  put(own, 'state', state);
  if (state === 'finished') event.outcome = (failed ?? 0) > 0 ? 'failure' : 'success';
}

function isUnread(unfit: Unfit, name: string): boolean {
  const field = `${PREFIX}.${name}`;
  return Object.keys(unfit).some((one) => one === field || one.startsWith(`${field}.`));
}

/** More devices may answer than were online when it was asked for: those that came back later. */
function stateOf(online: number | undefined, acked: number, done: number): string | undefined {
  if (acked > 0) return 'running';
  if (done > 0) return online === undefined ? undefined : done < online ? 'running' : 'finished';
  return online === undefined ? undefined : online === 0 ? 'no_devices' : 'requested';
}

/** Members of a part of the record that the guide does not know. */
function keepOthers(others: Fields, name: string, part: Fields, unknown: readonly string[] | undefined): void {
  if (unknown !== undefined) others[name] = pick(part, unknown);
}
